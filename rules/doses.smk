# Doses: how damage grows with the dose, if a sweep has steps: doses.
#
# INPUTS   the reference backend's scores, of the sweeps with steps: doses
# OUTPUTS  tables/doses.tsv, half_doses.tsv
#          figures/doses.svg and .png; pages/doses.html
from needq.plan import units

DOSES = units.doses(USED)


rule summarise_doses:
    """Average the damage by each dose, and find the dose that does half of it."""
    input:
        code=code("summarise_doses.py"),
        evaluation=of_backends(
            "<results>/score/{backend}/first/{chunk}.evaluation.parquet",
            [REFERENCE],
            scored_alone=True,
        ),
    output:
        doses="<results>/tables/doses.tsv",
        halves="<results>/tables/half_doses.tsv",
    log:
        "<logs>/summarise_doses.log",
    benchmark:
        "<benchmarks>/summarise_doses.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        steps=DOSES,
    script:
        "../scripts/summarise_doses.py"


rule show_doses:
    """Draw the damage by dose, and write the page."""
    input:
        code=code("show_doses.py"),
        templates=TEMPLATES,
        doses="<results>/tables/doses.tsv",
        halves="<results>/tables/half_doses.tsv",
    output:
        svg=report(
            "<results>/figures/doses.svg",
            caption="../report/captions/doses.rst",
            category="1 Degradation",
            labels={"shows": "doses", "by": "dose"},
        ),
        png="<results>/figures/doses.png",
        page=report(
            "<results>/pages/doses.html",
            caption="../report/captions/doses_table.rst",
            category="1 Degradation",
            labels={"shows": "table of doses", "by": "dose"},
        ),
    log:
        "<logs>/show_doses.log",
    benchmark:
        "<benchmarks>/show_doses.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        names=json_text(NAMES),
        page=PAGE | {"backends": [REFERENCE]},
    script:
        "../scripts/show_doses.py"
