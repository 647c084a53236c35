# Score: how well each corrupted model predicts, given the true past.
#
# takes   the backup, the patches of a chunk and their noise, the token ids of the evaluation text and
#         the probes, the backend's own texts, and those of the reference backend
# leaves  score/BACKEND/first/CHUNK.evaluation.parquet, one row per document;
#         score/BACKEND/first/CHUNK.texts.parquet, one row per text, and CHUNK.probes.parquet, one row
#         per item, both without rows for sweeps that are not run in full;
#         score/BACKEND/PROCESS/CHUNK.logits.safetensors, until the diffs have read it


rule score:
    """Score the evaluation text, the backend's own texts and its answers to the probes."""
    input:
        code=code("score.py"),
        weights=ancient(f"{RESULTS}/backup/model.safetensors"),
        config=f"{RESULTS}/backup/config.json",
        manifest=f"{RESULTS}/backup/manifest.json",
        tokens=f"{RESULTS}/backup/tokens.json",
        patches=f"{RESULTS}/corrupt/patches/{{chunk}}.json",
        noise=ancient(noise_files),
        texts=own_texts,
        probes=own_probes,
    output:
        evaluation=f"{RESULTS}/score/{{backend}}/first/{{chunk}}.evaluation.parquet",
        texts=f"{RESULTS}/score/{{backend}}/first/{{chunk}}.texts.parquet",
        probes=f"{RESULTS}/score/{{backend}}/first/{{chunk}}.probes.parquet",
    log:
        f"{RESULTS}/logs/score/{{backend}}/first/{{chunk}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/score/{{backend}}/first/{{chunk}}.tsv"
    conda:
        "../envs/lm.yaml"
    threads: backend_threads
    resources:
        gpu=gpus,
        mem_mb=lm_memory,
        runtime=lm_minutes,
    params:
        members=members,
        backend=backend,
    script:
        "../scripts/score.py"


rule logits:
    """Keep the logits of the reference's tokens at the positions that are compared."""
    input:
        code=code("logits.py"),
        weights=ancient(f"{RESULTS}/backup/model.safetensors"),
        config=f"{RESULTS}/backup/config.json",
        manifest=f"{RESULTS}/backup/manifest.json",
        tokens=f"{RESULTS}/backup/tokens.json",
        patches=f"{RESULTS}/corrupt/patches/{{chunk}}.json",
        noise=ancient(noise_files),
        reference=f"{RESULTS}/generate/{REFERENCE}/first/{{chunk}}.parquet",
    output:
        logits=temp(f"{RESULTS}/score/{{backend}}/{{process}}/{{chunk}}.logits.safetensors"),
    log:
        f"{RESULTS}/logs/logits/{{backend}}/{{process}}/{{chunk}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/logits/{{backend}}/{{process}}/{{chunk}}.tsv"
    conda:
        "../envs/lm.yaml"
    threads: backend_threads
    resources:
        gpu=gpus,
        mem_mb=lm_memory,
        runtime=lm_minutes,
    params:
        members=members,
        backend=backend,
        positions=CONFIG["compare"]["positions"],
    script:
        "../scripts/logits.py"
