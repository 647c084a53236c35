"""What texts and scores of pocket-gpt2 cost: this checkout and c605f96, in one run.

    git clone . FOLDER && git -C FOLDER checkout c605f96
    python benchmarks/then.py FOLDER                                      # scores of single heads
    python benchmarks/then.py FOLDER --what scores --arithmetic exact     # of the cumulative sweep
    python benchmarks/then.py FOLDER --what texts --arithmetic exact      # its texts, 32 new tokens
    python benchmarks/then.py FOLDER --what texts --arithmetic exact --device cuda

Both compute the same interventions of W_Q, under each noise seed: each head of each block alone,
or the first 1, 2, ... blocks. Scores are of the first 40 tokens of the 29 stories of that day.
c605f96 has no sweep of heads: there, each head is a sweep of single blocks. Each checkout has a
process of its own, and they take turns. Seconds are the processor time of one thread for
`score_documents` or `generate_all`, or wall time on CUDA, without starting, loading and making
noise; the shortest round counts. It fails if the two do not score alike. Texts may differ where
float32 rounds otherwise.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMIT, TEXT, TOKENS = "c605f96", "resources/texts/stories.txt", 40
BLOCKS, HEADS = 12, 4
NEW_TOKENS = 32
# of the cost at c605f96
TARGETS = {
    ("heads", "float32", "cpu"): 1 / 4,
    ("scores", "float32", "cpu"): 1 / 2,
    ("scores", "exact", "cpu"): 1 / 2,
    ("texts", "float32", "cpu"): 1 / 3,
    ("texts", "exact", "cpu"): 1 / 4,
    ("texts", "exact", "cuda"): 1 / 15,
}


def prepare_work(folder, checkout):
    """The backup, and the token ids of the documents of c605f96, for both."""
    import yaml
    from needq.backup.model import back_up
    from needq.backup.tokens import encode_texts
    from needq.common.settings import Config, ModelSource

    backup = folder / "backup"
    location = str(ROOT / "resources/pocket-gpt2")
    back_up(ModelSource(location=location, n_blocks=BLOCKS), backup)
    values = Config.model_validate(yaml.safe_load((ROOT / "config.yaml").read_text()))
    evaluation = values.evaluation.changed(text=str(checkout / TEXT), tokens_per_document=TOKENS)
    config = json.loads((backup / "config.json").read_text())
    sizes = (config["n_positions"], config["vocab_size"])
    tokens = encode_texts(backup / "tokenizer.json", *sizes, values.generation, evaluation)
    generation = values.generation.changed(max_new_tokens=NEW_TOKENS).model_dump(mode="json")
    (folder / "work.json").write_text(json.dumps(tokens | {"generation": generation}))


def here(folder, what, arithmetic, seeds, device):
    """A function that does the work with this checkout, and the ids of interventions."""
    from needq.backup.architectures import find_architecture
    from needq.common.backends import Backend
    from needq.common.settings import Generation, Sweep
    from needq.common.tensors import read_weights
    from needq.corrupt.methods import noise_tensors
    from needq.corrupt.patches import make_patches
    from needq.inference import generate, score
    from needq.inference.backend import load, prepare
    from needq.inference.fused import fuse
    from needq.inference.patcher import Patcher
    from needq.plan.interventions import sweep_interventions

    backup, work = folder / "backup", json.loads((folder / "work.json").read_text())
    weights = backup / "model.safetensors"
    architecture = find_architecture(json.loads((backup / "config.json").read_text()))
    tensors = read_weights(weights)
    noise = {
        f"q-gaussian-{seed}": noise_tensors(tensors, architecture, "q", "gaussian", seed)
        for seed in seeds
    }
    sweep = Sweep(run="scores", counts=list(range(1, BLOCKS + 1)))
    if what == "heads":
        sweep = Sweep(run="scores", steps="heads", heads=list(range(HEADS)))
    steps = sweep_interventions("sweep", sweep, BLOCKS, seeds)
    patches = make_patches(steps, architecture, tensors, noise)
    exact = {"arithmetic": "exact", "precision": "float64", "rng": "keyed"}
    backend = Backend(device=device, **(exact if arithmetic == "exact" else {}))
    prepare(backend)
    model = load(backup, backend)
    if not model.exact:
        fuse(model)
    patched = (model, Patcher(model, weights, noise), patches)
    names = [
        (step.block_indices, step.heads, step.noise_seed) if step.block_indices else None
        for step in steps
    ]
    if what == "texts":
        settings = Generation.model_validate(work["generation"])
        return lambda: generate.generate_all(*patched, work, settings, backend), names
    documents, sizes = work["documents"], work["bytes"]
    together = score.documents_together(model, backend, documents)
    return lambda: score.score_documents(*patched, documents, sizes, together), names


def then(folder, what, arithmetic, seeds, device):
    """The same with c605f96."""
    from needq.adapters import adapter
    from needq.backend import load, prepare
    from needq.corrupt import noise_tensors, patches
    from needq.generate import generate_all
    from needq.interventions import sweep_interventions
    from needq.patch import Patcher
    from needq.score import score_documents
    from safetensors.numpy import load_file

    backup, work = folder / "backup", json.loads((folder / "work.json").read_text())
    weights = backup / "model.safetensors"
    sizes = adapter(json.loads((backup / "config.json").read_text()))
    tensors = load_file(weights)
    noise = {
        f"q-gaussian-{seed}": noise_tensors(tensors, sizes, "q", "gaussian", seed) for seed in seeds
    }
    sweep = {"matrix": "q", "blocks": "all", "steps": "cumulative", "counts": "all", "heads": "all"}
    sweep |= {"dimensions": "all", "method": "gaussian", "dose": 1.0, "bias": "keep"}
    members = sweep_interventions("sweep", sweep, BLOCKS, seeds)
    if what == "heads":
        members = [
            member
            for head in range(HEADS)
            for member in sweep_interventions(
                f"head{head}", sweep | {"steps": "single", "heads": [head]}, BLOCKS, seeds
            )
            if member.blocks or not head  # one pristine model suffices
        ]
    recipes = patches(members, sizes, tensors, noise)
    backend = {"device": device, "arithmetic": "native", "precision": "float32", "kernels": "sdpa"}
    backend |= {"rng": "native", "noise": "keyed", "instructions": "native", "threads": 1}
    backend |= {"batch": 32, "cache": True}
    if arithmetic == "exact":
        backend |= {"arithmetic": "exact", "precision": "float64", "rng": "keyed"}
    prepare(backend)
    model = load(backup, backend)
    patcher = Patcher(model, weights, noise)
    names = [
        (member.blocks, member.heads, member.noise_seed) if member.blocks else None
        for member in members
    ]
    if what == "texts":
        pairs = list(zip(members, recipes, strict=True))
        return lambda: generate_all(model, patcher, pairs, work, work["generation"], backend), names
    return lambda: score_documents(
        model, patcher, recipes, work["documents"], work["bytes"], backend["batch"]
    ), names


def work_in(way, folder, options):
    """What one checkout finds, by a process of its own."""
    command = [sys.executable, __file__, str(options.checkout.absolute()), "--what", options.what]
    command += ["--arithmetic", options.arithmetic, "--seeds", str(options.seeds)]
    command += ["--device", options.device]
    threads = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [*command, "--way", way, "--folder", folder],
        env=os.environ | threads | {"HF_HUB_OFFLINE": "1"},
        check=True,
        stdout=subprocess.PIPE,
    )
    return json.loads(done.stdout.splitlines()[-1])


def report_one(way, folder, options):
    """The seconds of one checkout, and what it found under each intervention, as JSON."""
    work = folder, options.what, options.arithmetic, range(options.seeds), options.device
    do, names = {"here": here, "then": then}[way](*work)
    from engine_ways import clocked  # not earlier: it would put this checkout first in the path

    seconds, found = clocked(do, options.device)
    if options.what == "texts":
        results = [text["tokens"] for text in found]
    else:
        results = [sum(row["nll"] for row in rows) / len(rows) for rows in found]
    print(json.dumps({"seconds": seconds, "interventions": len(names), "results": results}))


def main():
    """Both checkouts in turn, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=Path, help=f"a checkout of {COMMIT}")
    parser.add_argument("--what", choices=("heads", "scores", "texts"), default="heads")
    parser.add_argument("--arithmetic", choices=("float32", "exact"), default="float32")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--way", choices=("here", "then"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    tree = options.checkout if options.way == "then" else ROOT
    sys.path.insert(0, str(tree.absolute() / "scripts"))
    if options.way:
        report_one(options.way, options.folder, options)
        return
    from engine import machine

    print(machine(options), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        prepare_work(Path(folder), options.checkout)
        found = {"then": [], "here": []}
        for _ in range(options.rounds):
            for way, own in found.items():
                own.append(work_in(way, folder, options))
    cost = {}
    for way, name in (("then", COMMIT), ("here", "this checkout")):
        cost[way] = min(one["seconds"] for one in found[way])
        count = found[way][0]["interventions"]
        print(
            f"{name}: {count} interventions, {cost[way]:.2f} s, "
            f"{1000 * cost[way] / count:.1f} ms per intervention"
        )
    before, after = (found[way][0]["results"] for way in ("then", "here"))
    pairs, apart = list(zip(sorted(before), sorted(after), strict=True)), 0.0
    if options.what == "texts":
        print(f"{sum(old == new for old, new in pairs)} of {len(pairs)} texts are the same")
    else:
        apart = max(abs(new - old) / old for old, new in pairs)
        print(f"mean nll of an intervention: largest relative difference {apart:.1e}")
    target = TARGETS.get((options.what, options.arithmetic, options.device))
    print(f"ratio: {cost['here'] / cost['then']:.2f} (target: {target and round(target, 2)})")
    sys.exit(apart > 1e-5)


if __name__ == "__main__":
    main()
