# Generate: the texts of every prompt and sample seed, for each intervention and backend.
#
# INPUTS   the backup, the patches of a chunk and their noise, the prompts' token ids
# OUTPUTS  generate/BACKEND/PROCESS/CHUNK.parquet   a row per text
#          generate/BACKEND/PROCESS/CHUNK.json      what it was computed with
#          The second process repeats the first, on the pristine model and the first noise seed.


rule generate:
    """Continue every prompt under each intervention of a chunk, in one process."""
    input:
        code=code("generate.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        tokenizer="<results>/backup/tokenizer.json",
        manifest="<manifest>",
        tokens="<tokens>",
        patches="<results>/corrupt/patches/{chunk}.json",
        noise=ancient(noise_files),
    output:
        texts="<results>/generate/{backend}/{process}/{chunk}.parquet",
        provenance="<results>/generate/{backend}/{process}/{chunk}.json",
    log:
        "<logs>/generate/{backend}/{process}/{chunk}.log",
    benchmark:
        "<benchmarks>/generate/{backend}/{process}/{chunk}.tsv"
    conda:
        "../envs/lm.yaml"
    threads: backend_threads
    resources:
        gpu=gpus,
        mem_mb=lm_memory,
        runtime=lm_minutes,
    params:
        backend=backend_settings,
        generation=json_text(CONFIG.generation),
        noise_seeds=process_seeds,
    script:
        "../scripts/generate.py"
