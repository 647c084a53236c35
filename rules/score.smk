# Score: how well each corrupted model predicts, given the true past.
#
# INPUTS   the backup, the patches of a chunk and their noise, the token ids of the evaluation text and
#          the tasks, the backend's own texts, and those of the reference backend
# OUTPUTS  score/BACKEND/first/CHUNK.evaluation.parquet     a row per document
#          score/BACKEND/first/CHUNK.texts.parquet          a row per text
#          score/BACKEND/first/CHUNK.tasks.parquet          a row per item of a task
#          score/BACKEND/first/CHUNK.logits.safetensors   until they are compared
#          the reference scores every document, other backends the first ones
#          texts has rows for sweeps whose texts the backend generates; tasks for all but run: scores


rule score:
    """Score the evaluation text, the backend's own texts and its answers to the tasks."""
    input:
        code=code("score.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tokens="<tokens>",
        patches="<results>/corrupt/patches/{chunk}.json",
        noise=ancient(noise_files),
        texts=own_texts,
        tasks=own_tasks,
    output:
        evaluation="<results>/score/{backend}/first/{chunk}.evaluation.parquet",
        texts="<results>/score/{backend}/first/{chunk}.texts.parquet",
        tasks="<results>/score/{backend}/first/{chunk}.tasks.parquet",
    log:
        "<logs>/score/{backend}/first/{chunk}.log",
    benchmark:
        "<benchmarks>/score/{backend}/first/{chunk}.tsv"
    priority: LONGEST
    conda:
        "../envs/lm.yaml"
    threads: backend_threads
    resources:
        gpu=gpus,
        mem_mb=memory_of(score_job),
        runtime=minutes_of(score_job),
    params:
        backend=backend_settings,
        documents=scored_documents,
    script:
        "../scripts/score.py"


rule compute_logits:
    """Keep the logits of the reference's tokens at the positions that are compared."""
    input:
        code=code("compute_logits.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tokens="<tokens>",
        patches="<results>/corrupt/patches/{chunk}.json",
        noise=ancient(noise_files),
        reference=f"<results>/generate/{REFERENCE}/first/{{chunk}}.parquet",
    output:
        logits=temp("<results>/score/{backend}/first/{chunk}.logits.safetensors"),
    log:
        "<logs>/compute_logits/{backend}/first/{chunk}.log",
    benchmark:
        "<benchmarks>/compute_logits/{backend}/first/{chunk}.tsv"
    priority: LONG
    conda:
        "../envs/lm.yaml"
    threads: backend_threads
    resources:
        gpu=gpus,
        mem_mb=memory_of(logits_job),
        runtime=minutes_of(logits_job),
    params:
        backend=backend_settings,
        positions=CONFIG.divergence.positions,
    script:
        "../scripts/compute_logits.py"
