# Stories: what the first page shows of the texts, for its slider.
#
# INPUTS   texts, scores and labels of the reference, texts of the backend beside it, losses
# OUTPUTS  stories.json    every word with its surprise, and where the other backend's text differs


rule collect_stories:
    """Collect the texts that the slider of the first page shows, beside another backend's."""
    input:
        code=code("collect_stories.py"),
        texts=of_backends("<results>/generate/{backend}/first/{chunk}.parquet", [REFERENCE]),
        others=of_backends(
            "<results>/generate/{backend}/first/{chunk}.parquet", [OPPOSITE] if OPPOSITE else []
        ),
        nlls=of_backends("<results>/score/{backend}/first/{chunk}.texts.parquet", [REFERENCE]),
        labels=f"<results>/labels/{REFERENCE}.parquet",
        degradation="<results>/tables/degradation.tsv",
        tokenizer="<results>/backup/tokenizer.json",
    output:
        stories="<results>/stories.json",
    log:
        "<logs>/collect_stories.log",
    benchmark:
        "<benchmarks>/collect_stories.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        config=json_text(CONFIG),
        sweep=USED.headline,
        names=[REFERENCE, *([OPPOSITE] if OPPOSITE else [])],
    script:
        "../scripts/collect_stories.py"
