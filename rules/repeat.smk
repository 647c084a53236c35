# Repeat: what a backend generates and computes again in a second process, to see that it is the same.
#
# INPUTS   the backup, the patches of a chunk and their noise, the prompts' token ids, and the texts
#          of the reference backend
# OUTPUTS  generate/BACKEND/second/CHUNK.parquet             a row per text
#          generate/BACKEND/second/CHUNK.json                what it was computed with
#          score/BACKEND/second/CHUNK.logits.safetensors     until they are compared
#          One process makes all of it: loading a model takes longer than the texts do. They are
#          those of the pristine model and the first noise seed.


rule repeat:
    """Generate texts again, and keep the logits of the reference's tokens, in a second process."""
    input:
        code=code("repeat.py"),
        weights=ancient("<weights>"),
        config="<model_config>",
        tokenizer="<results>/backup/tokenizer.json",
        manifest="<manifest>",
        tokens="<tokens>",
        patches="<results>/corrupt/patches/{chunk}.json",
        noise=ancient(noise_files),
        reference=f"<results>/generate/{REFERENCE}/first/{{chunk}}.parquet",
    output:
        texts="<results>/generate/{backend}/second/{chunk}.parquet",
        provenance="<results>/generate/{backend}/second/{chunk}.json",
        logits=temp("<results>/score/{backend}/second/{chunk}.logits.safetensors"),
    log:
        "<logs>/repeat/{backend}/{chunk}.log",
    benchmark:
        "<benchmarks>/repeat/{backend}/{chunk}.tsv"
    priority: LONG
    conda:
        "../envs/lm.yaml"
    threads: backend_threads
    resources:
        gpu=gpus,
        mem_mb=memory_of(repeat_job),
        runtime=minutes_of(repeat_job),
    params:
        backend=backend_settings,
        generation=json_text(CONFIG.generation),
        positions=CONFIG.divergence.positions,
        noise_seeds=[None, CONFIG.noise_seeds[0]],
    script:
        "../scripts/repeat.py"
