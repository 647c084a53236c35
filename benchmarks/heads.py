"""What it costs to score single heads of pocket-gpt2: this checkout and c605f96, in one run.

    git clone . FOLDER && git -C FOLDER checkout c605f96
    python benchmarks/heads.py FOLDER

Both score the same interventions, W_Q of each head of each block under each noise seed, on the same
documents: the first 40 tokens of the 29 stories of that day. c605f96 has no sweep of heads: there,
each head is a sweep of single blocks. Each checkout has a process of its own, and they take turns.
Seconds are the processor time of one thread for `score_documents`, without starting, loading and
making noise; the shortest round counts. It fails if the two do not score alike.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
COMMIT, TEXT, TOKENS = "c605f96", "resources/texts/stories.txt", 40
BLOCKS, HEADS = 12, 4
TARGET = 0.25  # of the cost at c605f96


def prepare_work(folder):
    """The backup, and the token ids of the documents, for both."""
    import yaml
    from needq.backup.model import back_up
    from needq.backup.tokens import encode_texts
    from needq.common.settings import Config, ModelSource

    backup = folder / "backup"
    location = str(ROOT / "resources/pocket-gpt2")
    back_up(ModelSource(location=location, n_blocks=BLOCKS), backup)
    text = subprocess.check_output(["git", "show", f"{COMMIT}:{TEXT}"], cwd=ROOT)
    (folder / "stories.txt").write_bytes(text)
    values = Config.model_validate(yaml.safe_load((ROOT / "config.yaml").read_text()))
    evaluation = values.evaluation.changed(
        text=str(folder / "stories.txt"), tokens_per_document=TOKENS
    )
    config = json.loads((backup / "config.json").read_text())
    sizes = (config["n_positions"], config["vocab_size"])
    tokens = encode_texts(backup / "tokenizer.json", *sizes, values.generation, evaluation)
    (folder / "work.json").write_text(json.dumps(tokens))


def score_here(folder, seeds):
    """Score with this checkout: a function that does it, and the ids of interventions."""
    from needq.backup.architectures import find_architecture
    from needq.common.backends import Backend
    from needq.common.settings import Sweep
    from needq.common.tensors import read_weights
    from needq.corrupt.methods import noise_tensors
    from needq.corrupt.patches import make_patches
    from needq.inference import score
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
    sweep = Sweep(run="scores", steps="heads", heads=list(range(HEADS)))
    steps = sweep_interventions("heads", sweep, BLOCKS, seeds)
    patches = make_patches(steps, architecture, tensors, noise)
    backend = Backend()
    prepare(backend)
    model = load(backup, backend)
    fuse(model)
    patcher = Patcher(model, weights, noise)
    documents, sizes = work["documents"], work["bytes"]
    together = score.documents_together(backend, documents)
    names = [
        (step.block_indices[0], step.heads[0], step.noise_seed) if step.block_indices else None
        for step in steps
    ]
    return lambda: score.score_documents(model, patcher, patches, documents, sizes, together), names


def score_then(folder, seeds):
    """The same with c605f96."""
    from needq.adapters import adapter
    from needq.backend import load, prepare
    from needq.corrupt import noise_tensors, patches
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
    sweep = {"matrix": "q", "blocks": "all", "steps": "single", "counts": "all"}
    sweep |= {"dimensions": "all", "method": "gaussian", "dose": 1.0, "bias": "keep"}
    members = [
        member
        for head in range(HEADS)
        for member in sweep_interventions(f"head{head}", sweep | {"heads": [head]}, BLOCKS, seeds)
        if member.blocks or not head  # one pristine model suffices
    ]
    recipes = patches(members, sizes, tensors, noise)
    backend = {"device": "cpu", "arithmetic": "native", "precision": "float32", "kernels": "sdpa"}
    backend |= {"rng": "native", "noise": "keyed", "instructions": "native", "threads": 1}
    backend |= {"batch": 32, "cache": True}
    prepare(backend)
    model = load(backup, backend)
    patcher = Patcher(model, weights, noise)
    names = [
        (member.blocks[0], member.heads[0], member.noise_seed) if member.blocks else None
        for member in members
    ]
    return lambda: score_documents(
        model, patcher, recipes, work["documents"], work["bytes"], backend["batch"]
    ), names


def work_in(checkout, way, folder, seeds):
    """What one checkout finds, by a process of its own."""
    command = [sys.executable, __file__, str(checkout), "--way", way, "--folder", str(folder)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [*command, "--seeds", str(seeds)], env=environment, check=True, stdout=subprocess.PIPE
    )
    return json.loads(done.stdout.splitlines()[-1])


def report_one(way, folder, seeds):
    """The seconds of one checkout, and the mean nll under each intervention, as JSON."""
    do, names = {"here": score_here, "then": score_then}[way](folder, range(seeds))
    start = time.process_time()
    scores = do()
    seconds = time.process_time() - start
    nlls = {
        str(name): sum(row["nll"] for row in rows) / len(rows)
        for name, rows in zip(names, scores, strict=True)
    }
    print(json.dumps({"seconds": seconds, "nlls": nlls, "documents": len(scores[0])}))


def main():
    """Both checkouts in turn, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=Path, help=f"a checkout of {COMMIT}")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--way", choices=("here", "then"), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    tree = options.checkout if options.way == "then" else ROOT
    sys.path.insert(0, str(tree.absolute() / "scripts"))
    if options.way:
        report_one(options.way, options.folder, options.seeds)
        return
    from engine import machine

    print(machine(options), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        prepare_work(Path(folder))
        found = {"then": [], "here": []}
        for _ in range(options.rounds):
            for way, own in found.items():
                own.append(work_in(options.checkout.absolute(), way, folder, options.seeds))
    cost = {}
    for way, name in (("then", COMMIT), ("here", "this checkout")):
        best = min(one["seconds"] for one in found[way])
        count = len(found[way][0]["nlls"])
        cost[way] = best / count
        print(
            f"{name}: {count} interventions, {found[way][0]['documents']} documents, {best:.2f} s, "
            f"{1000 * cost[way]:.1f} ms per intervention"
        )
    before, after = (found[way][0]["nlls"] for way in ("then", "here"))
    assert before.keys() == after.keys()
    apart = max(abs(after[name] - nll) / nll for name, nll in before.items())
    print(f"mean nll of an intervention: largest relative difference {apart:.1e}")
    ratio = cost["here"] / cost["then"]
    print(f"ratio: {ratio:.2f} (target: {TARGET})")
    sys.exit(apart > 1e-5)


if __name__ == "__main__":
    main()
