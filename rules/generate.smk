# Generate: the texts of every prompt and sample seed, for each intervention and backend.
#
# INPUTS   the backup, the patches of a chunk and their noise, the prompts' token ids
# OUTPUTS  generate/BACKEND/first/CHUNK.parquet   a row per text
#          generate/BACKEND/first/CHUNK.json      what it was computed with


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
        texts="<results>/generate/{backend}/first/{chunk}.parquet",
        provenance="<results>/generate/{backend}/first/{chunk}.json",
    log:
        "<logs>/generate/{backend}/first/{chunk}.log",
    benchmark:
        "<benchmarks>/generate/{backend}/first/{chunk}.tsv"
    priority: AWAITED
    conda:
        "../envs/lm.yaml"
    threads: backend_threads
    resources:
        gpu=gpus,
        mem_mb=memory_of(generate_job),
        runtime=minutes_of(generate_job),
    params:
        backend=backend_settings,
        generation=json_text(CONFIG.generation),
    script:
        "../scripts/generate.py"
