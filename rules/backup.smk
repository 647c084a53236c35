# Backup: pristine weights, and the texts as token ids.
#
# INPUTS   the config's model (a folder, a hub's id, a wheel or a GGUF file), prompts, evaluation text and tasks
# OUTPUTS  backup/model.safetensors (float32), config.json, tokenizer.json
#          backup/manifest.json   the sha256 of every tensor, what was left out, the self-check
#          backup/tokens.json     prompts and documents as token ids
#          backup/tasks.json      the items of the tasks as token ids


# of the evaluation text: other rules' settings
NOT_TOKENIZED = {"ngram_text", "documents_of_other_backends"}


rule back_up:
    """Fetch the model, refuse what is unsafe or unexpected, and write down every tensor."""
    input:
        code=code("back_up.py"),
        model=at_hand.model_files(CONFIG.model),
    output:
        weights="<weights>",
        config="<model_config>",
        tokenizer="<results>/backup/tokenizer.json",
        manifest="<manifest>",
    log:
        "<logs>/back_up.log",
    benchmark:
        "<benchmarks>/back_up.tsv"
    conda:
        "../envs/weights.yaml"
    threads: 1
    resources:
        mem_mb=backup_memory,
        runtime=30,
    params:
        model=json_text(CONFIG.model),
    script:
        "../scripts/back_up.py"


rule tokenize_texts:
    """Turn prompts, evaluation text and tasks into token ids, and refuse those that do not fit."""
    input:
        code=code("tokenize_texts.py"),
        manifest="<manifest>",
        tokenizer="<results>/backup/tokenizer.json",
        text=CONFIG.evaluation.text,
        grammar=CONFIG.tasks.grammar,
        cloze=CONFIG.tasks.cloze,
    output:
        tokens="<tokens>",
        tasks="<results>/backup/tasks.json",
    log:
        "<logs>/tokenize_texts.log",
    benchmark:
        "<benchmarks>/tokenize_texts.tsv"
    priority: AWAITED
    conda:
        "../envs/weights.yaml"
    threads: 1
    params:
        generation=json_text(CONFIG.generation),
        evaluation=json_text(CONFIG.evaluation.model_dump(exclude=NOT_TOKENIZED)),
        tasks=json_text(CONFIG.tasks.model_dump(include={"grammar", "cloze"})),
    script:
        "../scripts/tokenize_texts.py"
