"""What a CUDA device shows, in one command of at most ten minutes. By hand: CI has no device.

    python benchmarks/gpu.py OUT                         # every part, the short ones first
    python benchmarks/gpu.py OUT --device cpu --parts numbers texts flips --tokens 20000 --rows 64

    numbers  torch's random numbers and token draws on the device, and what needq predicts: 8 rows
             of 50,257 tokens at once, which is above one wave of every card of docs/cuda.md
    texts    texts of a GPT-2 of random weights with 50,257 tokens, and what needq predicts
    flips    the test of docs/flip-test.md: how many tokens rounding changes, and the prediction
    run      the default config with cuda: yes, and `snakemake verify` on the device beside it, in
             the time that the other parts leave

OUT gets gpu.json, which grows part by part, snakemake.log, and the results of the run. With
--device cpu, needq's own prediction stands in for the device: a rehearsal, which measures nothing
of a GPU. Flips are those of the CPU then.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from transformers import GPT2Config, GPT2LMHeadModel

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from flips import flips  # noqa: E402
from needq.common.backends import Backend, Gpu  # noqa: E402
from needq.common.settings import Generation  # noqa: E402
from needq.corrupt.keyed import key, standard_normal  # noqa: E402
from needq.exact.device import check_device  # noqa: E402
from needq.inference.backend import load, prepare, record  # noqa: E402
from needq.inference.cuda_stream import GPUS, CudaStreams, wave_size  # noqa: E402
from needq.inference.generate import generate  # noqa: E402
from needq.inference.sampling import Row  # noqa: E402

VOCABULARY, ROWS, SEED = 50_257, 8, 42
FILLS = 25  # of ROWS x VOCABULARY numbers, each of which draws ROWS tokens
FORMATS = ("float64", "float32", "bfloat16", "float16")
KINDS = {
    "uniform": torch.Tensor.uniform_,
    "exponential": torch.Tensor.exponential_,
    "normal": torch.Tensor.normal_,
}
NEW_TOKENS = 32
LIMIT = 570  # seconds for all parts: ten minutes, less what a start and a stop take
KEPT = ("tables", "figures", "pages", "index.html", "digests.json", "provenance.json")


def card(device):
    """The device as far as its random numbers depend on it; in a rehearsal, an H200."""
    if device == "cpu":
        return GPUS["H200"]
    found = torch.cuda.get_device_properties(0)
    return Gpu(
        multiprocessors=found.multi_processor_count,
        threads_per_multiprocessor=found.max_threads_per_multi_processor,
    )


def device_numbers(device, kind, precision, stream):
    """One fill of ROWS x VOCABULARY numbers of the device, as float64 on the CPU."""
    if device == "cpu":
        return getattr(stream, kind)(ROWS * VOCABULARY, precision)[0].astype(np.float64)
    empty = torch.empty(ROWS * VOCABULARY, dtype=getattr(torch, precision), device=device)
    return KINDS[kind](empty, generator=stream).double().cpu().numpy()


def device_stream(device, gpu):
    """The generator of the device, seeded."""
    if device == "cpu":
        return CudaStreams([SEED], gpu)
    return torch.Generator(device).manual_seed(SEED)


def numbers(device, options):
    """Numbers of each kind and format in two fills, and tokens drawn by torch.multinomial."""
    gpu, found = card(device), {}
    assert wave_size(gpu) < ROWS * VOCABULARY
    for kind in KINDS:
        for precision in FORMATS:
            stream, predicted = device_stream(device, gpu), CudaStreams([SEED], gpu)
            for fill in ("first fill", "second fill"):
                ours = getattr(predicted, kind)(ROWS * VOCABULARY, precision)[0].astype(np.float64)
                theirs = device_numbers(device, kind, precision, stream)
                error = np.abs(ours - theirs) / np.maximum(np.abs(theirs), np.finfo("float32").tiny)
                found[f"{kind}, {precision}, {fill}"] = {
                    "equal": float((ours == theirs).mean()),
                    "largest_relative_error": float(error.max()),
                    "median_relative_error": float(np.median(error)),
                }
    stream, predicted, same = device_stream(device, gpu), CudaStreams([SEED], gpu), 0
    logits = standard_normal(key("gpu", "logits"), (ROWS, VOCABULARY)) * 3
    probabilities = torch.from_numpy(logits).float().softmax(-1)
    for _ in range(FILLS):
        drawn = torch.from_numpy(predicted.exponential(ROWS * VOCABULARY).reshape(ROWS, -1))
        ours = (probabilities / drawn).argmax(-1)
        if device == "cpu":
            theirs = torch.from_numpy(device_numbers(device, "exponential", "float32", stream))
            theirs = (probabilities / theirs.view(ROWS, -1)).argmax(-1)
        else:
            theirs = torch.multinomial(probabilities.to(device), 1, generator=stream)[:, 0].cpu()
        same += int((ours == theirs).sum())
    found["tokens of torch.multinomial, float32"] = {"equal": same, "of": FILLS * ROWS}
    return found


def texts(device, options):
    """Texts of a small GPT-2 with GPT-2's vocabulary, by the device and as predicted."""
    config = GPT2Config(n_embd=64, n_layer=2, n_head=4, n_positions=64, architectures=None)
    model = GPT2LMHeadModel(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2:
                noise = standard_normal(key("gpu", name), tuple(weight.shape))
                weight.copy_(torch.from_numpy(noise * 0.4))
    settings = Generation(prompts=["made up"], max_new_tokens=NEW_TOKENS)
    rows = [Row([7 * row + 1], "made up", row, 0) for row in range(64)]
    predicted = Backend(rng="cuda", gpu=card(device))
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        written = []
        for backend in (predicted, Backend(device="cuda") if device != "cpu" else predicted):
            prepare(backend)
            found = generate(load(Path(folder), backend), rows, settings, None, backend)
            written.append([text.tokens for text in found])
    pairs = list(zip(*written, strict=True))
    return {
        "vocabulary": VOCABULARY,
        "equal_texts": sum(ours == theirs for ours, theirs in pairs),
        "of": len(rows),
        "tokens": sum(len(ours) for ours, _ in pairs),
    }


def run(device, options):
    """The default run and verify in one DAG, stopped like Ctrl-C if the time is over."""
    yes = "yes" if device != "cpu" else "no"
    command = [sys.executable, "-m", "snakemake", "--cores", str(options.cores)]
    command += ["--keep-going", "--resources", "gpu=4", "--prioritize", "verify"]
    command += ["--configfile", options.configfile] if options.configfile else []
    command += ["--config", f"cuda={yes}", f"verify_device={device}", "--", "all", "verify"]
    with open(options.out / "snakemake.log", "w", encoding="utf-8") as log:
        process = subprocess.Popen(
            command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
        try:
            code = process.wait(max(1, options.end - time.monotonic()))
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGINT)
            code = "stopped at the time limit"
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
    said = (options.out / "snakemake.log").read_text(encoding="utf-8").splitlines()
    config = options.configfile or ROOT / "config.yaml"
    results = ROOT / "results" / yaml.safe_load(Path(config).read_text(encoding="utf-8"))["run"]
    for name in KEPT:
        if (results / name).is_dir():
            shutil.copytree(results / name, options.out / name, dirs_exist_ok=True)
        elif (results / name).exists():
            shutil.copy(results / name, options.out / name)
    words = ("reproduced", "exact arithmetic on", "needq: error")
    return {"exit": code, "said": [line for line in said if any(word in line for word in words)]}


PARTS = {"numbers": numbers, "texts": texts, "flips": flips, "run": run}


def main():
    """Each part in turn; what is known is written after each."""
    start = time.monotonic()
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", type=Path, help="a folder for what is measured")
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=list(PARTS))
    parser.add_argument("--tokens", type=int, default=10_000_000, help="of flips")
    parser.add_argument("--rows", type=int, default=4096, help="texts at a time, of flips")
    parser.add_argument("--flip-seconds", type=float, default=150, help="flips stops after these")
    parser.add_argument(
        "--errors", nargs="*", default=[], help="FORMAT=NATS: predict from these alone, of flips"
    )
    parser.add_argument("--cores", type=int, default=os.cpu_count(), help="of run")
    parser.add_argument("--configfile", help="of run, in place of config.yaml alone")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("gpu.py: torch finds no CUDA device here; --device cpu rehearses without one")
    options.out.mkdir(parents=True, exist_ok=True)
    options.end = start + LIMIT
    backend = Backend(device=options.device, threads=torch.get_num_threads())
    prepare(backend)
    found = {
        "rehearsal": options.device == "cpu",
        "process": record(backend),
        "float64_integers": check_device(torch.device(options.device)),
        "wave": wave_size(card(options.device)),
    }
    for name in options.parts:
        began = time.monotonic()
        found[name] = PARTS[name](options.device, options)
        found[name]["seconds"] = round(time.monotonic() - began, 1)
        torch.cuda.empty_cache()  # the jobs of run need the device's memory
        text = json.dumps(found, indent=1)
        (options.out / "gpu.json").write_text(text + "\n", encoding="utf-8")
        print(f"{name}: {json.dumps(found[name], indent=1)}", flush=True)


if __name__ == "__main__":
    main()
