# Ledger: why two machines give two texts, one cause removed at a time.
#
# takes   the backup, patches and noise of the ledger's interventions, the reference backend's texts
# leaves  ledger/LEFT-RIGHT/SIDE/PROCESS.parquet, the texts of one side under each of its backends;
#         PROCESS.logits.safetensors beside it, until the table is made;
#         tables/ledger.tsv, one row a pair, order and step

LEDGER = needq_config.ledger_in_use(CONFIG, CUDA)
LEDGER_MEMBERS = interventions.chosen(
    CONFIG, *[CONFIG["ledger"][key] for key in ("sweep", "blocks_replaced", "noise_seeds")]
)
LEDGER_CHUNKS = [name for name in CHUNKS if set(LEDGER_MEMBERS) & set(CHUNKS[name])]


def ledger_backends(wildcards):
    """What one side of the ledger computes with: the null control's process, the first alone."""
    pair = [CONFIG["backends"][name] for name in (wildcards.left, wildcards.right)]
    backends = causes.backends_of(wildcards.side, *pair)
    return backends[:1] if wildcards.process == "second" else backends


def ledger_machine(wildcards):
    """The backend that one side of the ledger starts from."""
    return CONFIG["backends"][getattr(wildcards, wildcards.side)]


def ledger_threads(wildcards):
    """The CPU threads of one side of the ledger."""
    return ledger_machine(wildcards)["threads"]


def ledger_gpus(wildcards):
    """How many GPUs one side of the ledger occupies."""
    return int(ledger_machine(wildcards)["device"] == "cuda")


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
            f"{RESULTS}/generate/{CONFIG['compare']['reference']}/first/{{chunk}}.parquet",
            chunk=LEDGER_CHUNKS,
        ),
    output:
        texts=f"{RESULTS}/ledger/{{left}}-{{right}}/{{side}}/{{process}}.parquet",
        logits=temp(f"{RESULTS}/ledger/{{left}}-{{right}}/{{side}}/{{process}}.logits.safetensors"),
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


rule ledger:
    """Compare both sides of each pair, step by step, and write the ledger."""
    input:
        code=code("ledger.py"),
        texts=expand(
            f"{RESULTS}/ledger/{{pair}}/{{side}}/{{process}}.parquet",
            pair=["-".join(pair) for pair in LEDGER],
            side=["left", "right"],
            process=["first", "second"],
        ),
        logits=expand(
            f"{RESULTS}/ledger/{{pair}}/{{side}}/{{process}}.logits.safetensors",
            pair=["-".join(pair) for pair in LEDGER],
            side=["left", "right"],
            process=["first", "second"],
        ),
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
        mem_mb=array_memory,
        runtime=10,
    params:
        pairs=LEDGER,
        backends=CONFIG["backends"],
    script:
        "../scripts/ledger.py"
