"""Generation and scoring of a sweep, by needq and by its peers: speed and memory, in one run.

    python benchmarks/engine.py                    # GPT-2's shape and pocket-gpt2
    python benchmarks/engine.py --lens PYTHON      # TransformerLens too, of another environment
    python benchmarks/engine.py --models gpt2 --blocks 3 --seeds 1 --tokens 4 --rounds 1   # a try

GPT-2's shape (124M parameters) has random weights in a temporary folder, laid out as on the hub.
The sweep replaces W_Q in the first 1, 2, ... blocks, under each noise seed, and begins with the
pristine model. Each round of each way is a process of its own, and the ways take turns. Seconds are
the processor time of one thread, without starting and loading; the shortest round counts. The peak
is the largest resident memory of the process, torch included. On CUDA, all ways share one process,
since a start takes longer than most of them; seconds are wall time, and the peak is that of the
device.

Ways that serve one intervention at a time cost as much for each. So they may be given some of the
sweep alone (--alone), spread over it evenly: the table says how many.

Products are multiplications by weights that the texts need without any sharing: a way that shares
them may pass the peak. The peak is that of a product of two matrices of 2048 x 2048.
"""

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

# models of random weights, by what is not as in GPT-2
SHAPES = {
    "gpt2": {},
    "narrow": {"n_embd": 128, "n_head": 4, "n_positions": 256, "vocab_size": 4_000},
    "wide": {"n_embd": 512, "n_head": 8, "n_layer": 4, "n_positions": 256, "vocab_size": 20_000},
}
# what is done, the library, what it computes with, and whether it serves many interventions at once
WAYS = {
    "notebook": ("generate", "transformers, one text at a time", "float32", False),
    "batch": ("generate", "transformers, the texts of an intervention", "float32", False),
    "lens": ("generate", "TransformerLens, the texts of an intervention", "float32", False),
    "native-alone": ("generate", "needq, stack: false", "float32", False),
    "native": ("generate", "needq", "float32", True),
    "exact-alone": ("generate", "needq, stack: false", "exact", False),
    "exact": ("generate", "needq", "exact", True),
    "loop": ("score", "transformers, a plain loop", "float32", True),
    "native-score": ("score", "needq", "float32", True),
    "exact-score": ("score", "needq", "exact", True),
    "peak-float32": ("peak", "", "float32", True),
    "peak-float64": ("peak", "", "float64", True),
}
BASES = {"generate": ("notebook", "batch"), "score": ("loop",)}


def random_gpt2(folder, shape):
    """A GPT-2 of a shape, with the names and the buffers of openai-community/gpt2."""
    import torch
    from safetensors.torch import save_file
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import GPT2Config, GPT2LMHeadModel

    torch.manual_seed(0)
    config = GPT2Config(architectures=["GPT2LMHeadModel"], **shape)
    tensors = {
        name.removeprefix("transformer."): weight.contiguous()
        for name, weight in GPT2LMHeadModel(config).state_dict().items()
        if not name.startswith("lm_head")
    }
    for block in range(config.n_layer):
        mask = torch.ones(config.n_positions, config.n_positions).tril()
        tensors[f"h.{block}.attn.bias"] = mask[None, None].contiguous()
    folder.mkdir()
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config.to_json_file(folder / "config.json", use_diff=False)
    Tokenizer(WordLevel({"a": 0, "b": 1}, unk_token="a")).save(str(folder / "tokenizer.json"))


def prepare_work(name, folder, options):
    """The backup, noise and patches of a model, and what is generated and scored, in a folder."""
    import numpy as np
    import yaml
    from needq.backup.architectures import find_architecture
    from needq.backup.model import back_up
    from needq.backup.tokens import encode_texts
    from needq.common.settings import Config, ModelSource, Sweep
    from needq.common.tensors import read_weights, write_tensors
    from needq.corrupt.methods import noise_tensors
    from needq.corrupt.patches import make_patches, stored_noise, write_patches
    from needq.plan.interventions import sweep_interventions

    model = ROOT / "resources/pocket-gpt2"
    if name in SHAPES:
        model = folder / "model"
        random_gpt2(model, SHAPES[name])
    backup = folder / "backup"
    config = json.loads((model / "config.json").read_text())
    back_up(ModelSource(location=str(model), n_blocks=config["n_layer"]), backup)
    weights = read_weights(backup / "model.safetensors")
    architecture = find_architecture(json.loads((backup / "config.json").read_text()))
    (folder / "noise").mkdir()
    for seed in range(options.seeds):
        noise = noise_tensors(weights, architecture, "q", "gaussian", seed)
        write_tensors(folder / f"noise/q-gaussian-{seed}.safetensors", noise)
    sweep = Sweep(run="texts", counts=list(range(1, (options.blocks or config["n_layer"]) + 1)))
    steps = sweep_interventions("cumulative", sweep, config["n_layer"], range(options.seeds))
    stored = stored_noise(sorted((folder / "noise").iterdir()))
    write_patches(folder / "patches.json", make_patches(steps, architecture, weights, stored))
    if name in SHAPES:
        ids = np.random.default_rng(0).integers(config["vocab_size"], size=(10, 129)).tolist()
        prompts, documents, sizes = [row[:9] for row in ids[:6]], ids[6:], [500] * 4
    else:
        values = Config.model_validate(yaml.safe_load((ROOT / "config.yaml").read_text()))
        at = {"text": str(ROOT / values.evaluation.text)}
        texts = values.generation, values.evaluation.changed(**at)
        tokens = encode_texts(
            backup / "tokenizer.json", config["n_positions"], config["vocab_size"], *texts
        )
        prompts, documents, sizes = (tokens[key] for key in ("prompts", "documents", "bytes"))
        prompts = [prompt[: min(map(len, prompts))] for prompt in prompts]
    work = {"prompts": prompts, "documents": documents, "bytes": sizes, "tokens": options.tokens}
    width, vocabulary = config["n_embd"], config["vocab_size"]
    work |= {
        "end": None,
        "alone": options.alone,
        "device": options.device,
        "n_blocks": config["n_layer"],
        "width": width,
        "vocabulary": vocabulary,
        "sweep": len(steps),
        "scored": sum(step.noise_seed in (None, 0) for step in steps),
        "block": 24 * config["n_layer"] * width**2,  # operations per token, of all blocks
        "head": 2 * width * vocabulary,
    }
    (folder / "work.json").write_text(json.dumps(work))
    return work


def measure(way, folder, options):
    """What one way found. On the CPU, by a process of its own; None if it failed."""
    if options.device == "cuda":
        from engine_ways import found_on_cuda

        return found_on_cuda(way, folder)
    python = options.lens if way == "lens" else sys.executable
    command = [python, ROOT / "benchmarks/engine_ways.py", way, folder]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(f"{way}: failed: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    return json.loads(done.stdout.splitlines()[-1])


def rounds(folder, options):
    """What each way found: the shortest of the rounds, in which the ways take turns."""
    best = {}
    for _ in range(options.rounds):
        for way in options.ways:
            found = measure(way, folder, options)
            if not found:
                continue
            best.setdefault(way, found)
            shorter = found.get("seconds", 0) < best[way].get("seconds", 0)
            if shorter or found.get("rate", 0) > best[way].get("rate", 0):
                best[way] = found | {"mb": max(found["mb"], best[way]["mb"])}
            said = {key: value for key, value in found.items() if key != "result"}
            print(f"{way}: {said}", file=sys.stderr, flush=True)
    return best


def operations(kind, work):
    """The operations of products by weights, and the tokens, of one intervention."""
    if kind == "generate":
        new = len(work["prompts"]) * work["tokens"]
        passed = sum(len(prompt) + work["tokens"] - 1 for prompt in work["prompts"])
    else:
        passed = new = sum(len(document) - 1 for document in work["documents"])
    return passed * work["block"] + new * work["head"], new


def table(name, work, best, options):
    """Lines of a table in Markdown: a row per way."""
    fast = {way: best[way]["rate"] for way in best if "rate" in best[way]}
    for way, rate in fast.items():
        yield f"Peak, {way.removeprefix('peak-')}: {rate / 1e9:.1f} GFLOP/s."
    speeds = {}
    for kind, bases in BASES.items():
        own = [way for way in best if WAYS[way][0] == kind]
        if not own:
            continue
        yield ""
        total = work["sweep" if kind == "generate" else "scored"]
        yield f"{name}, {kind}: {total} interventions, {operations(kind, work)[1]} tokens each."
        yield ""
        head = ["way", "arithmetic", "interventions run", "seconds", "tokens/s"]
        head += [f"times {WAYS[base][1]}" for base in bases] + ["share of peak", "peak MB"]
        yield f"| {' | '.join(head)} |"
        yield f"|{'|'.join(['---'] * 2 + ['---:'] * (len(head) - 2))}|"
        for way in own:
            found, (work_done, tokens) = best[way], operations(kind, work)
            speeds[way] = found["interventions"] * tokens / found["seconds"]
            cells = [WAYS[way][1], WAYS[way][2], found["interventions"], f"{found['seconds']:.1f}"]
            cells.append(f"{speeds[way]:.0f}")
            cells += [f"{speeds[way] / speeds[b]:.2f}" if b in speeds else "" for b in bases]
            top = fast.get("peak-float64" if WAYS[way][2] == "exact" else "peak-float32")
            share = speeds[way] / tokens * work_done / top if top else None
            cells += ["" if share is None else f"{100 * share:.0f}%", f"{found['mb']:.0f}"]
            yield f"| {' | '.join(map(str, cells))} |"
    yield ""
    yield from checks(best, work)


def checks(best, work):
    """Whether the ways computed the same thing."""
    if {"loop", "native-score"} <= set(best):
        pairs = zip(best["loop"]["result"], best["native-score"]["result"], strict=True)
        apart = max(abs(theirs - ours) / theirs for theirs, ours in pairs)
        yield f"Summed nll, the loop and needq: largest relative difference {apart:.1e}."
    if {"notebook", "native-alone"} <= set(best):
        pairs = list(zip(best["notebook"]["result"], best["native-alone"]["result"], strict=True))
        same = sum(theirs == ours for theirs, ours in pairs)
        yield f"Texts that the notebook's way and needq have the same: {same} of {len(pairs)}."


def machine(options):
    """What the numbers were measured on."""
    import torch
    import transformers

    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(": ")[1] for line in lines if "model name" in line]
    words = [
        f"{datetime.now(UTC):%Y-%m-%d}",
        *([torch.cuda.get_device_name()] if options.device == "cuda" else []),
        names[0] if names else platform.machine(),
        torch.backends.cpu.get_cpu_capability(),
        f"Python {platform.python_version()}, torch {torch.__version__}",
        f"transformers {transformers.__version__}, load {os.getloadavg()[0]:.1f}",
    ]
    return ", ".join(words) + f"; python {' '.join(sys.argv)}"


def main():
    """Each model in turn."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--models", nargs="+", choices=(*SHAPES, "pocket-gpt2"))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--lens", help="a Python that has TransformerLens")
    parser.add_argument("--blocks", type=int, help="so many steps of the sweep, not all")
    parser.add_argument("--seeds", type=int, default=5, help="of the noise")
    parser.add_argument("--tokens", type=int, default=32, help="new ones of each text")
    parser.add_argument("--alone", type=int, default=5, help="interventions of the one-by-one ways")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()
    if options.lens and options.device == "cuda":
        parser.error("--lens is measured on the CPU alone: on CUDA, all ways share one process")
    if not options.lens:
        options.ways = [way for way in options.ways if way != "lens"]
    print(machine(options), flush=True)
    for name in options.models or ("gpt2", "pocket-gpt2"):
        with tempfile.TemporaryDirectory() as folder:
            work = prepare_work(name, Path(folder), options)
            best = rounds(Path(folder), options)
        print(*["", *table(name, work, best, options)], sep="\n", flush=True)


if __name__ == "__main__":
    main()
