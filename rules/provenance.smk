# Provenance: what made this run, so that another can be held against it.
#
# takes   the config, the backup's manifest, and the record that each generating process left
# leaves  provenance.json


rule provenance:
    """Join config, digests, versions, hardware and flags into one record."""
    input:
        code=code("provenance.py"),
        manifest=f"{RESULTS}/backup/manifest.json",
        text=CONFIG["evaluation"]["text"],
        processes=of_backends(f"{RESULTS}/generate/{{backend}}/first/{{chunk}}.json", COMPARED),
        sides=expand(
            f"{RESULTS}/ledger/{{pair}}/{{side}}/first.json",
            pair=["-".join(pair) for pair in LEDGER],
            side=["left", "right"],
        ),
    output:
        provenance=f"{RESULTS}/provenance.json",
    log:
        f"{RESULTS}/logs/provenance.log",
    benchmark:
        f"{RESULTS}/benchmarks/provenance.tsv"
    conda:
        "../envs/weights.yaml"
    threads: 1
    resources:
        mem_mb=500,
        runtime=5,
    params:
        config=CONFIG,
        cuda=CUDA,
    script:
        "../scripts/provenance.py"
