# Subsets: the damage of every subset of blocks, if the config says `subsets: {run: on}`.
#
# INPUTS   the backup, the patch that replaces all blocks under a noise seed and its noise, and the
#          token ids of the evaluation text
# OUTPUTS  subsets/SEED.parquet      a row per subset and document
#          subsets/shapley.parquet   a row per noise seed, document and block
#          tables/shapley.tsv, interactions.tsv, subset_sizes.tsv, subsets.tsv
#          figures/subsets.svg and .png; pages/subsets.html


rule score_subsets:
    """Score documents under every subset of blocks, with the noise of one seed."""
    input:
        code=code("score_subsets.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tokens="<tokens>",
        patches=subset_patches,
        noise=ancient(subset_noise),
    output:
        scores="<results>/subsets/{seed}.parquet",
    log:
        "<logs>/score_subsets/{seed}.log",
    benchmark:
        "<benchmarks>/score_subsets/{seed}.tsv"
    wildcard_constraints:
        seed="[0-9]+",
    conda:
        "../envs/lm.yaml"
    threads: CONFIG.divergence.backends[REFERENCE].threads
    resources:
        gpu=int(CONFIG.divergence.backends[REFERENCE].device == "cuda"),
        mem_mb=memory_of(subsets_job),
        runtime=minutes_of(subsets_job),
    params:
        backend=CONFIG.divergence.backends[REFERENCE].model_dump(),
        choice=subset_choice,
        subsets=json_text(CONFIG.subsets),
    script:
        "../scripts/score_subsets.py"


rule summarise_subsets:
    """Compute Shapley values, interactions, and how much the choice of blocks matters."""
    input:
        code=code("summarise_subsets.py"),
        scores=SUBSET_SCORES,
    output:
        by_document="<results>/subsets/shapley.parquet",
        shapley="<results>/tables/shapley.tsv",
        interactions="<results>/tables/interactions.tsv",
        sizes="<results>/tables/subset_sizes.tsv",
        summary="<results>/tables/subsets.tsv",
    log:
        "<logs>/summarise_subsets.log",
    benchmark:
        "<benchmarks>/summarise_subsets.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        n_blocks=CONFIG.model.n_blocks,
        permutations=CONFIG.subsets.permutations,
    script:
        "../scripts/summarise_subsets.py"


rule show_subsets:
    """Draw which blocks matter together, and write the page."""
    input:
        code=code("show_subsets.py"),
        templates=TEMPLATES,
        shapley="<results>/tables/shapley.tsv",
        interactions="<results>/tables/interactions.tsv",
        sizes="<results>/tables/subset_sizes.tsv",
        summary="<results>/tables/subsets.tsv",
    output:
        svg=report(
            "<results>/figures/subsets.svg",
            caption="../report/captions/subsets.rst",
            category="1 Degradation",
            labels={"shows": "block subsets", "by": "block"},
        ),
        png="<results>/figures/subsets.png",
        page=report(
            "<results>/pages/subsets.html",
            caption="../report/captions/subsets_tables.rst",
            category="1 Degradation",
            labels={"shows": "tables of block subsets", "by": "block"},
        ),
    log:
        "<logs>/show_subsets.log",
    benchmark:
        "<benchmarks>/show_subsets.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        page=PAGE | {"backends": [REFERENCE]},
    script:
        "../scripts/show_subsets.py"
