# Corrupt: what each intervention replaces, and by what. No second copy of the model is made.
#
# INPUTS   the backup, and the interventions of the config's sweeps
# OUTPUTS  corrupt/noise/MATRIX-METHOD-SEED.safetensors   the noise of every block
#          corrupt/patches/CHUNK.json                     a patch for each intervention of a chunk


rule draw_noise:
    """Draw the noise of one matrix and noise seed, for every block, once."""
    input:
        code=code("draw_noise.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
    output:
        noise="<results>/corrupt/noise/{matrix}-{method}-{seed}.safetensors",
    log:
        "<logs>/draw_noise/{matrix}-{method}-{seed}.log",
    benchmark:
        "<benchmarks>/draw_noise/{matrix}-{method}-{seed}.tsv"
    wildcard_constraints:
        method=r"(?!matched_)\w+",
    priority: AWAITED
    conda:
        "../envs/weights.yaml"
    threads: 1
    resources:
        mem_mb=array_memory,
    script:
        "../scripts/draw_noise.py"


rule match_scores:
    """Scale Gaussian noise until attention scores spread as those of the pristine model."""
    input:
        code=code("match_scores.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tokens="<tokens>",
        noise=expand(
            "<results>/corrupt/noise/{{matrix}}-gaussian-{seed}.safetensors",
            seed=CONFIG.noise_seeds,
        ),
    output:
        expand(
            "<results>/corrupt/noise/{{matrix}}-matched_scores-{seed}.safetensors",
            seed=CONFIG.noise_seeds,
        ),
    log:
        "<logs>/match_scores/{matrix}.log",
    benchmark:
        "<benchmarks>/match_scores/{matrix}.tsv"
    priority: AWAITED
    conda:
        "../envs/lm.yaml"
    threads: 1
    resources:
        mem_mb=memory_of(match_job),
        runtime=minutes_of(match_job),
    script:
        "../scripts/match_scores.py"


rule corrupt:
    """Write the patch of each intervention: slices, noise, moments and digests."""
    input:
        code=code("corrupt.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        noise=noise_files,
    output:
        patches="<results>/corrupt/patches/{chunk}.json",
    log:
        "<logs>/corrupt/{chunk}.log",
    benchmark:
        "<benchmarks>/corrupt/{chunk}.tsv"
    priority: AWAITED
    conda:
        "../envs/weights.yaml"
    threads: 1
    resources:
        mem_mb=array_memory,
        runtime=20,
    params:
        # the one rule that is told them: every other reads them from the patches
        interventions=chunk_interventions,
    script:
        "../scripts/corrupt.py"
