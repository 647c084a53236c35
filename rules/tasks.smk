# Tasks: which items are asked, selected before any damage, and what the answers come to.
#
# INPUTS   the backup, the token ids of all items, a 5-gram model's answers; those of all backends
# OUTPUTS  tasks/asked.json      the items that are asked under every intervention, as token ids
#          tables/items.tsv      every item, with the answers that decided
#          tables/tasks.tsv      accuracy and margin under each intervention


rule select_items:
    """Select the items that the pristine model gets right and a 5-gram model gets wrong."""
    input:
        code=code("select_items.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tasks="<results>/backup/tasks.json",
        ngrams="<results>/tasks/ngram_answers.json" if USED.baselines else [],
    output:
        asked="<results>/tasks/asked.json",
        table="<results>/tables/items.tsv",
    log:
        "<logs>/select_items.log",
    benchmark:
        "<benchmarks>/select_items.tsv"
    priority: AWAITED
    conda:
        "../envs/lm.yaml"
    threads: CONFIG.divergence.backends[REFERENCE].threads
    resources:
        gpu=int(CONFIG.divergence.backends[REFERENCE].device == "cuda"),
        mem_mb=memory_of(select_job),
        runtime=minutes_of(select_job),
    params:
        backend=CONFIG.divergence.backends[REFERENCE].model_dump(),
        tasks=json_text(CONFIG.tasks),
    script:
        "../scripts/select_items.py"


rule summarise_tasks:
    """Average the answers to each task under each intervention, per backend."""
    input:
        code=code("summarise_tasks.py"),
        answers=of_backends(
            "<results>/score/{backend}/first/{chunk}.tasks.parquet", USED.scored, answered=True
        ),
    output:
        table="<results>/tables/tasks.tsv",
    log:
        "<logs>/summarise_tasks.log",
    benchmark:
        "<benchmarks>/summarise_tasks.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        backends=USED.scored,
    script:
        "../scripts/summarise_tasks.py"
