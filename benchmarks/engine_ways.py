"""One way to generate or score a sweep, in a process of its own: see benchmarks/engine.py.

    python benchmarks/engine_ways.py WAY FOLDER

FOLDER is what benchmarks/engine.py prepares: a backup, noise, patches, and work.json. The last line
that is written is JSON: seconds, interventions, what was computed, and the peak of memory in MB.
"""

import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

BATCH = 32  # documents in one forward pass
PEERS = ("notebook", "batch", "lens", "loop")


def clocked(call, device):
    """The processor time of a call in seconds, or its wall time on CUDA, and its result."""
    import torch

    if device == "cpu":
        start = time.process_time()
        result = call()
        return time.process_time() - start, result
    torch.cuda.synchronize()
    start = time.perf_counter()
    result = call()
    torch.cuda.synchronize()
    return time.perf_counter() - start, result


def interventions(folder, scored=False):
    """The patches of the sweep; for scoring, those of the first noise seed."""
    from needq.corrupt.patches import read_patches

    seeds = [None, 0] if scored else None
    return read_patches([folder / "patches.json"], noise_seeds=seeds)


def some(patches, number):
    """So many of the patches, spread evenly from the first to the last."""
    last = len(patches) - 1
    count = min(number, len(patches))
    return [patches[round(index * last / max(1, count - 1))] for index in range(count)]


def by_needq(way, folder, work):
    """What needq does of the work, as a function of patches, and the patches."""
    from needq.common.backends import Backend

    exact = {"arithmetic": "exact", "precision": "float64", "rng": "keyed"}
    backend = Backend(
        device=work["device"],
        stack=not way.endswith("-alone"),
        batch=BATCH,
        **(exact if way.startswith("exact") else {}),
    )
    scored = way.endswith("-score")
    patches = interventions(folder, scored)
    if not scored and not backend.stack:
        patches = some(patches, work["alone"])
    return with_backend(backend, scored, folder, work), patches


def with_backend(backend, scored, folder, work):
    """What needq does of the work with a backend, as a function of patches."""
    import torch
    from needq.common.settings import Generation
    from needq.inference.backend import load, prepare
    from needq.inference.generate import generate_all
    from needq.inference.patcher import make_patcher
    from needq.inference.score import score_documents

    prepare(backend)
    model = load(folder / "backup", backend)
    if backend.stack and not model.exact:  # as the rules do
        from needq.inference.fused import fuse

        fuse(model)
    noise = sorted((folder / "noise").iterdir())
    patcher = make_patcher(model, folder / "backup/model.safetensors", backend, noise)
    model.logits(torch.zeros(1, 1, dtype=torch.int64))  # what libraries prepare at a first call
    # plain: as torch.manual_seed before each text, which the notebook's way has too
    settings = Generation(
        prompts=[str(index) for index in range(len(work["prompts"]))],
        max_new_tokens=work["tokens"],
        seeding="plain",
    )

    def generate(patches):
        texts = generate_all(model, patcher, patches, work, settings, backend)
        return [text["tokens"] for text in texts]

    def score(patches):
        found = score_documents(model, patcher, patches, work["documents"], work["bytes"], BATCH)
        return [sum(row["nll"] * row["tokens"] for row in rows) for rows in found]

    return score if scored else generate


def by_peers(way, folder, work):
    """What a peer does of the work: weights are copied in, and back."""
    import torch
    from safetensors.torch import load_file
    from transformers import AutoModelForCausalLM, logging
    from transformers.utils.logging import disable_progress_bar

    logging.set_verbosity_error()
    disable_progress_bar()
    torch.set_num_threads(1)
    device = work["device"]
    kernels = "eager" if way == "lens" else "sdpa"
    model = AutoModelForCausalLM.from_pretrained(
        folder / "backup", dtype=torch.float32, attn_implementation=kernels
    )
    model = model.to(device).eval().requires_grad_(False)
    model.generation_config.eos_token_id = None  # every text has all its tokens
    model.generation_config.pad_token_id = 0
    noise = {
        int(file.stem.rpartition("-")[2]): load_file(file, device)
        for file in (folder / "noise").iterdir()
    }
    width = model.config.n_embd
    queries = [block.attn.c_attn.weight[:, :width] for block in model.transformer.h]
    pristine = [weight.clone() for weight in queries]

    def each(patches):
        for patch in patches:
            for block, weight in enumerate(queries):
                replaced = block < patch.blocks_replaced
                weight.copy_(
                    noise[patch.noise_seed][f"{block}.weight"] if replaced else pristine[block]
                )
            yield patch

    prompts = torch.tensor(work["prompts"], device=device)
    model(prompts[:1, :1])  # what libraries prepare at a first call
    if way == "lens":
        from transformer_lens.model_bridge import TransformerBridge

        lens = TransformerBridge.boot_transformers(
            str(folder / "backup"), hf_model=model, device=device
        )
    every = torch.ones_like(prompts)  # no token is padding
    settings = {"do_sample": True, "top_k": 50, "max_new_tokens": work["tokens"]}

    def one_text(prompt):
        torch.manual_seed(0)
        made = model.generate(prompt[None], attention_mask=every[:1], **settings)
        return made[0, prompts.shape[1] :].tolist()

    def texts():
        if way == "notebook":
            return [one_text(prompt) for prompt in prompts]
        torch.manual_seed(0)
        if way == "batch":
            made = model.generate(prompts, attention_mask=every, **settings)
            return made[:, prompts.shape[1] :].tolist()
        options = {"stop_at_eos": False, "return_type": "tokens", "verbose": False}
        return lens.generate(prompts, **settings, **options)[:, prompts.shape[1] :].tolist()

    @torch.inference_mode()
    def score(patches):
        found = []
        for start in range(0, len(work["documents"]), BATCH):
            rows = work["documents"][start : start + BATCH]
            longest = max(map(len, rows))
            ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows], device=device)
            real = torch.tensor([[i < len(row) for i in range(1, longest)] for row in rows])
            real, before = real.to(device), None
            for number, _ in enumerate(each(patches)):
                logits = model(ids).logits[:, :-1].float()
                after, first = logits.log_softmax(-1), logits.argmax(-1)
                if before is None:  # the pristine model comes first
                    before, most = after, first
                nll = -after.gather(-1, ids[:, 1:, None])[..., 0][real]
                kl = (before.exp() * (before - after)).sum(-1)[real]
                agreement = (first == most)[real]
                found.append((number, nll.sum().item(), kl.sum().item(), agreement.sum().item()))
        return [sum(row[1] for row in found if row[0] == n) for n in range(len(patches))]

    if way == "loop":
        return score, interventions(folder, scored=True)
    return (
        lambda patches: [text for _ in each(patches) for text in texts()],
        some(interventions(folder), work["alone"]),
    )


def peak(way, device):
    """Operations a second of a large product."""
    import torch

    torch.set_num_threads(1)
    kind = torch.float64 if way.endswith("64") else torch.float32
    left, right = torch.rand(2, 2048, 2048, dtype=kind, device=device)
    seconds = min(clocked(lambda: left @ right, device)[0] for _ in range(5))
    return 2 * 2048**3 / seconds


def peak_memory():
    """The largest resident memory of this process so far, in MB; a parent's does not count."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    [kilobytes] = [line.split()[1] for line in lines if line.startswith("VmHWM")]
    return int(kilobytes) / 1024


def found_by(way, folder, work):
    """What a way took, and what it computed."""
    if way.startswith("peak"):
        return {"rate": peak(way, work["device"])}
    made = by_peers if way in PEERS else by_needq
    do, patches = made(way, folder, work)
    seconds, result = clocked(lambda: do(patches), work["device"])
    return {"seconds": seconds, "interventions": len(patches), "result": result}


def found_on_cuda(way, folder):
    """The same in this process, which leaves peers free to use kernels that are not deterministic.

    The peak is that of the device.
    """
    import gc

    import torch

    work = json.loads((folder / "work.json").read_text())
    torch.set_deterministic_debug_mode("default")
    gc.collect()  # what an earlier way left
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    found = found_by(way, folder, work)
    return found | {"mb": torch.cuda.max_memory_allocated() / 2**20}


def main():
    """One way's work, as JSON on the last line."""
    way, folder = sys.argv[1], Path(sys.argv[2])
    work = json.loads((folder / "work.json").read_text())
    print(json.dumps(found_by(way, folder, work) | {"mb": peak_memory()}))


if __name__ == "__main__":
    main()
