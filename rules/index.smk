# Index: the first page, on which a run says what it found and where each number comes from.
#
# takes   the tables, two figures, provenance.json, digests.json and what is expected of them
# leaves  index.html, which needs no other file; config.yaml, the complete config, to run it again


rule index:
    """Write the first page, and the config with which to get it again."""
    input:
        code=code("index.py"),
        templates=TEMPLATES,
        degradation=f"{RESULTS}/tables/degradation.tsv",
        summary=f"{RESULTS}/tables/divergence_summary.tsv",
        trend=f"{RESULTS}/tables/divergence_trend.tsv",
        labels=f"{RESULTS}/tables/labels.tsv",
        quality=f"{RESULTS}/tables/label_quality.tsv",
        ledger=[f"{RESULTS}/tables/ledger.tsv"] if LEDGER else [],
        claims=[f"{RESULTS}/tables/claims.tsv"] if ROLES else [],
        phases=[f"{RESULTS}/tables/phases.tsv"] if ROLES else [],
        config=f"{RESULTS}/backup/config.json",
        probes=f"{RESULTS}/backup/probes.json",
        provenance=f"{RESULTS}/provenance.json",
        digests=rules.digests.output if PORTABLE else [],
        expected=EXPECTED,
        figure=f"{RESULTS}/figures/labels.svg",
        parting=f"{RESULTS}/figures/{'ledger' if LEDGER else 'divergence'}.svg",
    output:
        page=report(
            f"{RESULTS}/index.html",
            caption="../report/captions/index.rst",
            category="0 Start here",
            labels={"shows": "question, answer, sources", "by": "run"},
        ),
        config=f"{RESULTS}/config.yaml",
    log:
        f"{RESULTS}/logs/index.log",
    benchmark:
        f"{RESULTS}/benchmarks/index.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        config=CONFIG,
        sweep=HEADLINE,
        roles=ROLES,
        run=CONFIG["run"],
        backends=COMPARED,
        cuda=ON_CUDA,
        pages=[
            *["degradation", "labels", "gallery", "divergence", "parted", "provenance"],
            *["notebook_walk", "notebook_headline"],
            *(["claims"] if ROLES else []),
            *(["ledger"] if LEDGER else []),
            *(["flips"] if LADDER else []),
        ],
    script:
        "../scripts/index.py"
