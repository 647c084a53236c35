# Mlp: noise in the MLP beside noise in W_Q, if a sweep has matrix: mlp, mlp_in or mlp_out.
#
# INPUTS   the backup, the token ids of the evaluation text, and the stored noise of W_Q and the MLP;
#          the reference backend's scores, of these sweeps and those of W_Q
# OUTPUTS  corrupt/noise/MATRIX-matched_outputs-SEED.safetensors, corrupt/changes/MATRIX.json
#          tables/mlp.tsv, output_changes.tsv; figures/mlp.svg and .png; pages/mlp.html
MLP = mlp.mlp_sweeps(USED)


rule match_outputs:
    """Mix the MLP with noise until blocks change as much as by noise in W_Q."""
    input:
        code=code("match_outputs.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tokens="<tokens>",
        noise_of_query=expand(
            "<results>/corrupt/noise/q-gaussian-{seed}.safetensors",
            seed=CONFIG.noise_seeds,
        ),
        noise=expand(
            "<results>/corrupt/noise/{{matrix}}-gaussian-{seed}.safetensors",
            seed=CONFIG.noise_seeds,
        ),
    output:
        changes="<results>/corrupt/changes/{matrix}.json",
        noise=expand(
            "<results>/corrupt/noise/{{matrix}}-matched_outputs-{seed}.safetensors",
            seed=CONFIG.noise_seeds,
        ),
    log:
        "<logs>/match_outputs/{matrix}.log",
    benchmark:
        "<benchmarks>/match_outputs/{matrix}.tsv"
    priority: AWAITED
    conda:
        "../envs/lm.yaml"
    threads: 1
    resources:
        mem_mb=memory_of(mix_job),
        runtime=minutes_of(mix_job),
    params:
        seeds=CONFIG.noise_seeds,
    script:
        "../scripts/match_outputs.py"


rule summarise_mlp:
    """Average the damage by noise in the MLP, and divide it by that by noise in W_Q."""
    input:
        code=code("summarise_mlp.py"),
        evaluation=of_backends(
            "<results>/score/{backend}/first/{chunk}.evaluation.parquet",
            [REFERENCE],
            scored_alone=True,
        ),
        changes=expand("<results>/corrupt/changes/{matrix}.json", matrix=mlp.mixed(CONFIG)),
    output:
        mlp="<results>/tables/mlp.tsv",
        changes="<results>/tables/output_changes.tsv",
    log:
        "<logs>/summarise_mlp.log",
    benchmark:
        "<benchmarks>/summarise_mlp.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        sweeps=MLP,
    script:
        "../scripts/summarise_mlp.py"


rule show_mlp:
    """Draw the damage by noise in the MLP and in W_Q, and write the page."""
    input:
        code=code("show_mlp.py"),
        templates=TEMPLATES,
        mlp="<results>/tables/mlp.tsv",
        changes="<results>/tables/output_changes.tsv",
    output:
        svg=report(
            "<results>/figures/mlp.svg",
            caption="../report/captions/mlp.rst",
            category="1 Degradation",
            labels={"shows": "MLP and attention", "by": "blocks replaced"},
        ),
        png="<results>/figures/mlp.png",
        page=report(
            "<results>/pages/mlp.html",
            caption="../report/captions/mlp_table.rst",
            category="1 Degradation",
            labels={"shows": "tables of the MLP", "by": "blocks replaced"},
        ),
    log:
        "<logs>/show_mlp.log",
    benchmark:
        "<benchmarks>/show_mlp.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    params:
        page=PAGE | {"backends": [REFERENCE]},
    script:
        "../scripts/show_mlp.py"
