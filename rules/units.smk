# Units: which heads or groups of dimensions are weak points, if a sweep replaces them one by one.
#
# INPUTS   the reference backend's scores, of the sweeps with steps: heads, dimensions or single
# OUTPUTS  tables/units.tsv, unit_reliability.tsv
#          figures/units.svg and .png; pages/units.html
from needq.plan import units

UNITS = units.units(USED)


rule summarise_units:
    """Rank the units of each sweep by damage, and say which ranks are reliable."""
    input:
        code=code("summarise_units.py"),
        evaluation=of_backends(
            "<results>/score/{backend}/first/{chunk}.evaluation.parquet",
            [REFERENCE],
            scored_alone=True,
        ),
    output:
        units="<results>/tables/units.tsv",
        reliability="<results>/tables/unit_reliability.tsv",
    log:
        "<logs>/summarise_units.log",
    benchmark:
        "<benchmarks>/summarise_units.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        units=UNITS,
    script:
        "../scripts/summarise_units.py"


rule show_units:
    """Draw the damage by each unit, and write the page of what to protect."""
    input:
        code=code("show_units.py"),
        templates=TEMPLATES,
        units="<results>/tables/units.tsv",
        reliability="<results>/tables/unit_reliability.tsv",
    output:
        svg=report(
            "<results>/figures/units.svg",
            caption="../report/captions/units.rst",
            category="1 Degradation",
            labels={"shows": "single units", "by": "block"},
        ),
        png="<results>/figures/units.png",
        page=report(
            "<results>/pages/units.html",
            caption="../report/captions/units_table.rst",
            category="1 Degradation",
            labels={"shows": "what to protect", "by": "unit"},
        ),
    log:
        "<logs>/show_units.log",
    benchmark:
        "<benchmarks>/show_units.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        page=PAGE | {"backends": [REFERENCE]},
    script:
        "../scripts/show_units.py"
