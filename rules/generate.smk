# Generate: the texts of every prompt and sample seed, for each intervention and backend.
#
# takes   the backup, the patches of a chunk and their noise, the prompts' token ids
# leaves  generate/BACKEND/PROCESS/CHUNK.parquet, one row per text, and CHUNK.json, how it was made.
#         The second process repeats the first: its divergence is the null control.


rule generate:
    """Continue every prompt under each intervention of a chunk, in one process."""
    input:
        code=code("generate.py"),
        weights=ancient(f"{RESULTS}/backup/model.safetensors"),
        config=f"{RESULTS}/backup/config.json",
        tokenizer=f"{RESULTS}/backup/tokenizer.json",
        manifest=f"{RESULTS}/backup/manifest.json",
        tokens=f"{RESULTS}/backup/tokens.json",
        patches=f"{RESULTS}/corrupt/patches/{{chunk}}.json",
        noise=ancient(noise_files),
    output:
        texts=f"{RESULTS}/generate/{{backend}}/{{process}}/{{chunk}}.parquet",
        provenance=f"{RESULTS}/generate/{{backend}}/{{process}}/{{chunk}}.json",
    log:
        f"{RESULTS}/logs/generate/{{backend}}/{{process}}/{{chunk}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/generate/{{backend}}/{{process}}/{{chunk}}.tsv"
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
        generation=CONFIG["generation"],
    script:
        "../scripts/generate.py"
