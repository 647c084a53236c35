# Diff: where, and by how much, two backends part on the same work.
#
# takes   two backends' texts and logits; for a null control, two processes' of one backend
# leaves  diff/LEFT-RIGHT/CHUNK.parquet, one row per text


rule diff:
    """Find the first divergent token of each text, and measure the logits' differences."""
    input:
        code=code("diff.py"),
        left_texts=f"{RESULTS}/generate/{{left}}/first/{{chunk}}.parquet",
        left_logits=f"{RESULTS}/score/{{left}}/first/{{chunk}}.logits.safetensors",
        right_texts=right_texts,
        right_logits=right_logits,
    output:
        table=f"{RESULTS}/diff/{{left}}-{{right}}/{{chunk}}.parquet",
    log:
        f"{RESULTS}/logs/diff/{{left}}-{{right}}/{{chunk}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/diff/{{left}}-{{right}}/{{chunk}}.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=array_memory,
        runtime=20,
    params:
        precisions=pair_precisions,
    script:
        "../scripts/diff.py"
