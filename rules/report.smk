# Report: the tables, all texts, config and provenance as pages that anyone can read.
#
# takes   the tables, the first process's texts of every backend, provenance.json
# leaves  pages/NAME.html, each a file that needs nothing else; `snakemake --report FILE` shows
#         them beside the figures


rule pages:
    """Every page."""
    input:
        expand(
            f"{RESULTS}/pages/{{name}}.html",
            name=["degradation", "labels", "divergence", "gallery", "parted", "provenance"],
        ),
        rules.show_claims.output if ROLES else [],


rule parted:
    """Write the page of texts that part, side by side."""
    input:
        code=code("parted.py"),
        templates=TEMPLATES,
        divergence=f"{RESULTS}/tables/divergence.tsv",
        texts=of_backends(f"{RESULTS}/generate/{{backend}}/first/{{chunk}}.parquet", COMPARED),
        tokenizer=f"{RESULTS}/backup/tokenizer.json",
    output:
        page=report(
            f"{RESULTS}/pages/parted.html",
            caption="../report/captions/parted.rst",
            category="2 Divergence",
            labels={"shows": "texts side by side", "by": "blocks replaced"},
        ),
    log:
        f"{RESULTS}/logs/parted.log",
    benchmark:
        f"{RESULTS}/benchmarks/parted.tsv"
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
        prompts=CONFIG["generation"]["prompts"],
    script:
        "../scripts/parted.py"


rule write_pages:
    """Write the report's pages."""
    input:
        code=code("pages.py"),
        templates=TEMPLATES,
        degradation=f"{RESULTS}/tables/degradation.tsv",
        divergence=f"{RESULTS}/tables/divergence_summary.tsv",
        trend=f"{RESULTS}/tables/divergence_trend.tsv",
        texts=of_backends(f"{RESULTS}/generate/{{backend}}/first/{{chunk}}.parquet", COMPARED),
        labels=expand(f"{RESULTS}/labels/{{backend}}.parquet", backend=SCORED),
        provenance=f"{RESULTS}/provenance.json",
        digests=rules.digests.output if PORTABLE else [],
        expected=EXPECTED,
    output:
        degradation=report(
            f"{RESULTS}/pages/degradation.html",
            caption="../report/captions/degradation_table.rst",
            category="1 Degradation",
            labels={"shows": "table", "by": "blocks replaced"},
        ),
        gallery=report(
            f"{RESULTS}/pages/gallery.html",
            caption="../report/captions/gallery.rst",
            category="1 Degradation",
            labels={"shows": "all texts", "by": "prompt"},
        ),
        divergence=report(
            f"{RESULTS}/pages/divergence.html",
            caption="../report/captions/divergence_table.rst",
            category="2 Divergence",
            labels={"shows": "table", "by": "blocks replaced"},
        ),
        provenance=report(
            f"{RESULTS}/pages/provenance.html",
            caption="../report/captions/provenance.rst",
            category="5 Provenance",
            labels={"shows": "config and provenance", "by": "run"},
        ),
    log:
        f"{RESULTS}/logs/write_pages.log",
    benchmark:
        f"{RESULTS}/benchmarks/write_pages.tsv"
    conda:
        "../envs/report.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    params:
        config=CONFIG,
        run=CONFIG["run"],
        backends=COMPARED,
        scored=SCORED,
        cuda=ON_CUDA,
    script:
        "../scripts/pages.py"
