# Corrupt: what each intervention replaces, and by what. No second copy of the model is made.
#
# takes   the backup and the interventions of the config's sweeps
# leaves  corrupt/noise/MATRIX-METHOD-SEED.safetensors, the noise of every block;
#         corrupt/patches/CHUNK.json, a recipe for each intervention of a chunk


rule noise:
    """Draw the noise of one matrix and noise seed, for every block, once."""
    input:
        code=code("noise.py"),
        weights=ancient(f"{RESULTS}/backup/model.safetensors"),
        config=f"{RESULTS}/backup/config.json",
        manifest=f"{RESULTS}/backup/manifest.json",
    output:
        noise=f"{RESULTS}/corrupt/noise/{{matrix}}-{{method}}-{{seed}}.safetensors",
    log:
        f"{RESULTS}/logs/noise/{{matrix}}-{{method}}-{{seed}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/noise/{{matrix}}-{{method}}-{{seed}}.tsv"
    conda:
        "../envs/weights.yaml"
    threads: 1
    resources:
        mem_mb=array_memory,
        runtime=10,
    script:
        "../scripts/noise.py"


rule corrupt:
    """Write the patch of each intervention: slices, noise, moments and digests."""
    input:
        code=code("corrupt.py"),
        weights=ancient(f"{RESULTS}/backup/model.safetensors"),
        config=f"{RESULTS}/backup/config.json",
        manifest=f"{RESULTS}/backup/manifest.json",
        noise=noise_files,
    output:
        patches=f"{RESULTS}/corrupt/patches/{{chunk}}.json",
    log:
        f"{RESULTS}/logs/corrupt/{{chunk}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/corrupt/{{chunk}}.tsv"
    conda:
        "../envs/weights.yaml"
    threads: 1
    resources:
        mem_mb=array_memory,
        runtime=20,
    params:
        members=members,
    script:
        "../scripts/corrupt.py"
