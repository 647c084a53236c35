# Baselines: what the evaluation text costs n-gram models of the model's own training text.
#
# INPUTS   the config's text for n-grams and evaluation text, the tokenizer, and the pristine model's scores
# OUTPUTS  score/ngrams.parquet   a row per order and document
#          tasks/ngram_answers.json   what the longest n-grams answer to each item
#          tables/baselines.tsv   a row per order


rule score_ngrams:
    """Train n-gram models of 1 to 5 tokens, score the evaluation text, and answer the tasks."""
    input:
        code=code("score_ngrams.py"),
        manifest="<manifest>",
        tokenizer="<results>/backup/tokenizer.json",
        tokens="<tokens>",
        tasks="<results>/backup/tasks.json",
        text=CONFIG.evaluation.text,
        ngram_text=CONFIG.evaluation.ngram_text or [],
    output:
        ngrams="<results>/score/ngrams.parquet",
        answers="<results>/tasks/ngram_answers.json",
    log:
        "<logs>/score_ngrams.log",
    benchmark:
        "<benchmarks>/score_ngrams.tsv"
    priority: AWAITED
    conda:
        "../envs/lm.yaml"
    threads: 1
    params:
        evaluation=json_text(CONFIG.evaluation),
    script:
        "../scripts/score_ngrams.py"


rule summarise_baselines:
    """Average what the evaluation text costs each n-gram model, beside the pristine model."""
    input:
        code=code("summarise_baselines.py"),
        ngrams="<results>/score/ngrams.parquet",
        evaluation=of_backends(
            "<results>/score/{backend}/first/{chunk}.evaluation.parquet", [REFERENCE]
        ),
    output:
        table="<results>/tables/baselines.tsv",
    log:
        "<logs>/summarise_baselines.log",
    benchmark:
        "<benchmarks>/summarise_baselines.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        sweep=USED.headline,
    script:
        "../scripts/summarise_baselines.py"
