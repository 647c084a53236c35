"""Compare the exact backend with transformers in float32 and float64: time and error, in one run.

    python benchmarks/exact.py resources/pocket-gpt2
    python benchmarks/exact.py random-768
    python benchmarks/exact.py FOLDER --gguf FILE
    python benchmarks/exact.py random-768 --device cuda --rounds 5

The three take turns, so that other work of the machine slows all of them. Times are the processor
seconds of one thread, or wall time on CUDA, the shortest of the rounds. Errors are differences from
float64.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

import torch
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    DynamicCache,
    GPT2Config,
    GPT2LMHeadModel,
)
from transformers.models.llama.modeling_llama import LlamaRMSNorm

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from engine_ways import clocked  # noqa: E402
from needq.corrupt.keyed import key, raw, standard_normal  # noqa: E402
from needq.exact.arithmetic import digest  # noqa: E402
from needq.exact.gpt2 import ExactGPT2  # noqa: E402
from needq.exact.llama import ExactLlama  # noqa: E402

EXACT = {"gpt2": ExactGPT2, "llama": ExactLlama}


def random_gpt2():
    """GPT-2's shape with 4,000 tokens, and weights of keyed noise that spread the logits."""
    model = GPT2LMHeadModel(GPT2Config(vocab_size=4000, bos_token_id=0, eos_token_id=0))
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if weight.dim() == 2:
                noise = standard_normal(key("benchmark", name), tuple(weight.shape))
                weight.copy_(torch.from_numpy(0.06 * noise))
    return model


def load(source, gguf):
    """The model in float32, and a long row of token ids."""
    if source == "random-768":
        words = torch.from_numpy((raw(key("benchmark", "ids"), 1 << 16) % 4000).astype("int64"))
        return random_gpt2(), words
    model = AutoModelForCausalLM.from_pretrained(source, gguf_file=gguf, dtype=torch.float32)
    text = (ROOT / "resources/texts/evaluation.txt").read_text()
    ids = AutoTokenizer.from_pretrained(source, gguf_file=gguf)(text)["input_ids"]
    return model, torch.tensor(ids)


def in_float64(model):
    """The model in float64 throughout: transformers leaves two parts of Llama in float32."""
    model = model.double()
    if model.config.model_type == "llama":
        size = model.config.head_dim
        theta = float(model.config.rope_parameters["rope_theta"])
        frequencies = theta ** -(torch.arange(0, size, 2, dtype=torch.float64) / size)

        def rotary(x, position_ids):
            angles = position_ids[..., None].double() * frequencies.to(x.device)
            return torch.cat((angles, angles), -1).cos(), torch.cat((angles, angles), -1).sin()

        def rms_norm(self, x):
            return torch.nn.functional.rms_norm(x, x.shape[-1:], self.weight, self.variance_epsilon)

        model.model.rotary_emb.forward = rotary
        LlamaRMSNorm.forward = rms_norm
    return model


def native(model):
    """logits(ids, cache) of transformers' model."""

    def logits(ids, cache):
        cache = DynamicCache(config=model.config) if cache is None else cache
        result = model(ids, past_key_values=cache, use_cache=True)
        return result.logits, result.past_key_values

    return logits


def decode(logits, ids):
    """Logits of ids given one by one, with the cache."""
    cache, results = None, []
    for column in ids.split(1, 1):
        result, cache = logits(column, cache)
        results.append(result)
    return torch.cat(results, 1)


@torch.inference_mode()
def main():
    """Print the times of both models."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("source", help="a model's folder, or random-768")
    parser.add_argument("--gguf", help="the name of a GGUF file in the folder")
    parser.add_argument("--rows", type=int, default=8)
    parser.add_argument("--tokens", type=int, default=128)
    parser.add_argument("--decode", type=int, default=16, help="tokens given one by one")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    options = parser.parse_args()

    torch.set_num_threads(1)
    model, words = load(options.source, options.gguf)
    device = options.device
    exact = EXACT[model.config.model_type](model.config.to_dict(), model.state_dict(), device)
    model = model.to(device).eval()
    ids = words[: options.rows * options.tokens].view(options.rows, options.tokens).to(device)
    single = native(model)(ids, None)[0].double()
    ways = {"float64": native(in_float64(model)), "exact": exact.logits}
    pieces = {
        "forward": lambda logits: logits(ids, None)[0],
        "decode": lambda logits: decode(logits, ids[:, : options.decode]),
    }
    results = {}
    for piece, work in pieces.items():
        times = {way: [] for way in ways}
        for _ in range(options.rounds):
            for way, logits in ways.items():
                call = partial(work, logits)
                seconds, results[piece, way] = clocked(call, device)
                times[way].append(seconds)
        double, ours = min(times["float64"]), min(times["exact"])
        both = f"float64 {1000 * double:.1f} ms, exact {1000 * ours:.1f} ms"
        print(f"{piece}: {both}, {ours / double:.2f} times")
    double = results["forward", "float64"]
    print(f"logits: standard deviation {double.std():.3g}, largest {double.abs().max():.3g}")
    for way, logits in (("float32", single), ("exact", results["forward", "exact"])):
        error = (logits - double).abs()
        print(f"{way}: largest error {error.max():.2e}, rms {error.square().mean().sqrt():.2e}")
    same = torch.equal(results["decode", "exact"], results["forward", "exact"][:, : options.decode])
    print(f"exact: forward and decode the same bits: {same}")
    print(f"exact: digest of the logits {digest(results['forward', 'exact'])}")


if __name__ == "__main__":
    main()
