# Corners: every mixture of the two backends of a pair is run, for the ledger.
#
# INPUTS   the backup, patches and noise of the ledger's interventions, the reference's texts
# OUTPUTS  ledger/LEFT-RIGHT/SIDE/noise/NAME.safetensors       noise that a side draws itself
#          ledger/LEFT-RIGHT/SIDE/PROCESS.parquet, .json       one side's texts, and what made them
#          ledger/LEFT-RIGHT/SIDE/PROCESS.logits.safetensors   until they are compared


rule draw_native_noise:
    """Draw the noise of one side of the ledger as its backend draws it."""
    input:
        code=code("draw_native_noise.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
    output:
        temp(native_noise_paths("{left}-{right}/{side}")),
    log:
        "<logs>/draw_native_noise/{left}-{right}/{side}.log",
    benchmark:
        "<benchmarks>/draw_native_noise/{left}-{right}/{side}.tsv"
    priority: AWAITED
    conda:
        "../envs/lm.yaml"
    threads: side_threads
    resources:
        gpu=side_gpus,
        mem_mb=memory_of(noise_job),
    params:
        backend=side_settings,
    script:
        "../scripts/draw_native_noise.py"


rule trace_corners:
    """Generate, and keep logits, at each corner that has the arithmetic of one side."""
    input:
        code=code("trace_corners.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        manifest="<manifest>",
        tokens="<tokens>",
        patches=expand("<results>/corrupt/patches/{chunk}.json", chunk=USED.ledger_chunks),
        left_noise=ancient(left_noise),
        right_noise=ancient(right_noise),
        reference=expand(
            f"<results>/generate/{REFERENCE}/first/{{chunk}}.parquet", chunk=USED.ledger_chunks
        ),
    output:
        texts="<results>/ledger/{left}-{right}/{side}/{process}.parquet",
        logits=temp("<results>/ledger/{left}-{right}/{side}/{process}.logits.safetensors"),
        provenance="<results>/ledger/{left}-{right}/{side}/{process}.json",
    log:
        "<logs>/trace_corners/{left}-{right}/{side}/{process}.log",
    benchmark:
        "<benchmarks>/trace_corners/{left}-{right}/{side}/{process}.tsv"
    priority: LONG
    conda:
        "../envs/lm.yaml"
    threads: side_threads
    resources:
        gpu=corner_gpus,
        mem_mb=memory_of(corners_job),
        runtime=minutes_of(corners_job),
    params:
        pair=ledger_pair,
        generation=json_text(USED.ledger_generation),
        positions=CONFIG.divergence.positions,
        documents=CONFIG.divergence.causes.documents,
        chosen=ledger_choice,
    script:
        "../scripts/trace_corners.py"
