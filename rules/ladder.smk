# Ladder: whether backends of several precisions part where margins and errors predict it.
#
# takes   the reference's texts with their margins, and the diffs of each backend from it
# leaves  tables/flips.tsv, one row a backend and number of blocks replaced; tables/flip_places.tsv,
#         one row a backend and token; figures/flips.svg and .png; pages/flips.html


rule flips:
    """Hold the places where the ladder's texts part against what the flip law predicts."""
    input:
        code=code("flips.py"),
        texts=of_backends(
            f"{RESULTS}/generate/{{backend}}/first/{{chunk}}.parquet",
            [CONFIG["ladder"]["reference"]] if LADDER else [],
        ),
        diffs=[
            f"{RESULTS}/diff/{left}-{right}/{chunk}.parquet"
            for left, right in LADDER
            for chunk in chunks_of(left, right)
        ],
    output:
        table=f"{RESULTS}/tables/flips.tsv",
        places=f"{RESULTS}/tables/flip_places.tsv",
    log:
        f"{RESULTS}/logs/flips.log",
    benchmark:
        f"{RESULTS}/benchmarks/flips.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        generation=CONFIG["generation"],
    script:
        "../scripts/flips.py"


rule show_flips:
    """Draw where texts part and where the flip law says so, and write its page."""
    input:
        code=code("show_flips.py"),
        templates=TEMPLATES,
        table=f"{RESULTS}/tables/flips.tsv",
        places=f"{RESULTS}/tables/flip_places.tsv",
    output:
        svg=report(
            f"{RESULTS}/figures/flips.svg",
            caption="../report/captions/flips.rst",
            category="2 Divergence",
            labels={"shows": "flip law", "by": "precision"},
        ),
        png=f"{RESULTS}/figures/flips.png",
        page=report(
            f"{RESULTS}/pages/flips.html",
            caption="../report/captions/flips.rst",
            category="2 Divergence",
            labels={"shows": "table of the flip law", "by": "precision"},
        ),
    log:
        f"{RESULTS}/logs/show_flips.log",
    benchmark:
        f"{RESULTS}/benchmarks/show_flips.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        run=CONFIG["run"],
        backends=COMPARED,
        cuda=ON_CUDA,
    script:
        "../scripts/show_flips.py"
