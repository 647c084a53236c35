# Ledger: why two machines give two texts, one cause removed at a time.
#
# takes   the backup, patches and noise of the ledger's interventions, the reference backend's texts
# leaves  ledger/LEFT-RIGHT/SIDE/PROCESS.parquet, the texts of one side under each of its backends,
#         and PROCESS.json, how they were made; PROCESS.logits.safetensors, until they are compared;
#         ledger/LEFT-RIGHT/texts.parquet, one row a step and text; tables/ledger.tsv

LEDGER_MEMBERS = interventions.chosen(
    CONFIG, *[CONFIG["ledger"][key] for key in ("sweep", "blocks_replaced", "noise_seeds")]
)
LEDGER_CHUNKS = [name for name in CHUNKS if set(LEDGER_MEMBERS) & set(CHUNKS[name])]


rule trace:
    """Generate, and keep logits, under each backend that one side of the ledger needs."""
    input:
        code=code("trace.py"),
        weights=ancient(f"{RESULTS}/backup/model.safetensors"),
        config=f"{RESULTS}/backup/config.json",
        manifest=f"{RESULTS}/backup/manifest.json",
        tokens=f"{RESULTS}/backup/tokens.json",
        patches=expand(f"{RESULTS}/corrupt/patches/{{chunk}}.json", chunk=LEDGER_CHUNKS),
        noise=ancient(noise_paths(LEDGER_MEMBERS)),
        reference=expand(
            f"{RESULTS}/generate/{REFERENCE}/first/{{chunk}}.parquet",
            chunk=LEDGER_CHUNKS,
        ),
    output:
        texts=f"{RESULTS}/ledger/{{left}}-{{right}}/{{side}}/{{process}}.parquet",
        logits=temp(f"{RESULTS}/ledger/{{left}}-{{right}}/{{side}}/{{process}}.logits.safetensors"),
        provenance=f"{RESULTS}/ledger/{{left}}-{{right}}/{{side}}/{{process}}.json",
    log:
        f"{RESULTS}/logs/trace/{{left}}-{{right}}/{{side}}/{{process}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/trace/{{left}}-{{right}}/{{side}}/{{process}}.tsv"
    conda:
        "../envs/lm.yaml"
    threads: ledger_threads
    resources:
        gpu=ledger_gpus,
        mem_mb=lm_memory,
        runtime=ledger_minutes,
    params:
        members=[member.to_dict() for member in LEDGER_MEMBERS],
        backends=ledger_backends,
        generation=CONFIG["generation"],
        positions=CONFIG["compare"]["positions"],
    script:
        "../scripts/trace.py"


rule ledger_texts:
    """Compare both sides of a pair, step by step and text by text."""
    input:
        code=code("ledger_texts.py"),
        left_first=f"{RESULTS}/ledger/{{left}}-{{right}}/left/first.parquet",
        left_second=f"{RESULTS}/ledger/{{left}}-{{right}}/left/second.parquet",
        right_first=f"{RESULTS}/ledger/{{left}}-{{right}}/right/first.parquet",
        right_second=f"{RESULTS}/ledger/{{left}}-{{right}}/right/second.parquet",
        left_first_logits=f"{RESULTS}/ledger/{{left}}-{{right}}/left/first.logits.safetensors",
        left_second_logits=f"{RESULTS}/ledger/{{left}}-{{right}}/left/second.logits.safetensors",
        right_first_logits=f"{RESULTS}/ledger/{{left}}-{{right}}/right/first.logits.safetensors",
        right_second_logits=f"{RESULTS}/ledger/{{left}}-{{right}}/right/second.logits.safetensors",
    output:
        texts=f"{RESULTS}/ledger/{{left}}-{{right}}/texts.parquet",
    log:
        f"{RESULTS}/logs/ledger_texts/{{left}}-{{right}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/ledger_texts/{{left}}-{{right}}.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=array_memory,
        runtime=10,
    params:
        pair=ledger_pair,
    script:
        "../scripts/ledger_texts.py"


rule ledger:
    """Sum the ledger's texts up by step."""
    input:
        code=code("ledger.py"),
        texts=[f"{RESULTS}/ledger/{left}-{right}/texts.parquet" for left, right in LEDGER],
    output:
        texts=f"{RESULTS}/tables/ledger_texts.tsv",
        table=f"{RESULTS}/tables/ledger.tsv",
    log:
        f"{RESULTS}/logs/ledger.log",
    benchmark:
        f"{RESULTS}/benchmarks/ledger.tsv"
    conda:
        "../envs/tables.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=10,
    script:
        "../scripts/ledger.py"
