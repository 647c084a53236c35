# Provenance: what made this run, so that another can be compared with it.
#
# INPUTS   the config, the backup's manifest, and the record that each generating process left
# OUTPUTS  provenance.json


rule record_provenance:
    """Join config, digests, versions, hardware and flags into one record."""
    input:
        code=code("record_provenance.py"),
        manifest="<manifest>",
        text=CONFIG.evaluation.text,
        processes=of_backends("<results>/generate/{backend}/first/{chunk}.json", USED.compared)
        + expand(
            "<results>/ledger/{pair}/{side}/first.json",
            pair=LEDGER_PAIRS,
            side=["left", "right"],
        ),
    output:
        provenance="<results>/provenance.json",
    log:
        "<logs>/record_provenance.log",
    benchmark:
        "<benchmarks>/record_provenance.tsv"
    conda:
        "../envs/weights.yaml"
    threads: 1
    params:
        config=json_text(CONFIG),
        cuda=CUDA,
    script:
        "../scripts/record_provenance.py"


# whether its digests are those of another machine
include: "verify.smk"
