"""Digests of what is to be the same on every machine: noise, logits, token draws, texts.

    python benchmarks/portable.py
    python benchmarks/portable.py --run results/pocket-gpt2 --noise-seeds 0

Run it on two machines: equal lines are the same bits. All lines should be equal but the last, an
ordinary product, which is there for comparison. The first lines say what computes. The packages
needed are numpy, torch, safetensors, tokenizers, pydantic and tqdm; Snakemake is not.

With --run, it recomputes the digests that `snakemake verify` recomputes, of the interventions under
all noise seeds or these alone, and compares them with resources/expected. Of the finished run, it
reads the backup and provenance.json.
"""

import argparse
import json
import platform
import sys
import time
from functools import partial
from hashlib import sha256
from itertools import product
from pathlib import Path

import numpy
import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "scripts"), str(ROOT / "tests/helpers")]

import keyed_models  # noqa: E402
from needq.backup.encoder import Encoder  # noqa: E402
from needq.common.backends import Backend  # noqa: E402
from needq.common.settings import Config, Generation  # noqa: E402
from needq.corrupt.keyed import key, raw, standard_normal, uniform  # noqa: E402
from needq.exact.arithmetic import digest  # noqa: E402
from needq.inference.backend import load, prepare  # noqa: E402
from needq.inference.draws import draw_tokens  # noqa: E402
from needq.inference.generate import generate, prompt_rows  # noqa: E402
from needq.plan.selection import Selection  # noqa: E402
from needq.provenance.digests import (  # noqa: E402
    STAGES,
    documents_digested,
    read_expected,
    value_digest,
)
from needq.provenance.recomputation import Recomputation, deciding_interventions  # noqa: E402

POCKET = ROOT / "resources/pocket-gpt2"
BACKEND = Backend(arithmetic="exact", precision="float64", rng="keyed")
PROMPT = "Once upon a time, there was a jolly cat named Bob. Bob lived in"
NUMBERS = 100_000


def bytes_digest(*arrays):
    """The sha256 of the little-endian bytes of arrays."""
    joined = sha256()
    for array in arrays:
        joined.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return joined.hexdigest()


def pocket():
    """pocket-gpt2 in exact arithmetic, its encoder, and the token that begins and ends a text."""
    model = load(POCKET, BACKEND)
    vocabulary = json.loads((POCKET / "config.json").read_text(encoding="utf-8"))["vocab_size"]
    encoder = Encoder(POCKET / "tokenizer.json", vocabulary)
    return model, encoder, encoder.token("<|endoftext|>", "begin")


def pocket_logits(length):
    """The logits of the beginning of the first evaluation document."""
    model, encoder, begin = pocket()
    document = (ROOT / "resources/texts/stories.txt").read_text(encoding="utf-8").split("\n\n")[0]
    ids = [begin, *encoder.ids(document, "stories.txt")][:length]
    return digest(model.logits(torch.tensor([ids]))[0])


def pocket_text(new_tokens):
    """The ids of a text that pocket-gpt2 writes after a prompt, and the margin of each."""
    model, encoder, begin = pocket()
    settings = Generation(prompts=[PROMPT], max_new_tokens=new_tokens)
    ids = {"prompts": [[begin, *encoder.ids(PROMPT, "the prompt")]]}
    [text] = generate(model, prompt_rows(ids, settings), settings, begin, BACKEND)
    print(f"# tokens {' '.join(map(str, text.tokens))}")
    return bytes_digest(numpy.array(text.tokens), numpy.array(text.margins))


def small_logits(name, pieces):
    """The logits of a model of keyed weights, its tokens given in pieces of this length."""
    model, cache, results = keyed_models.model(name), None, []
    for part in keyed_models.ids().split(pieces, 1):
        logits, cache = model.logits(part, cache)
        results.append(logits)
    return digest(torch.cat(results, 1))


def drawn_tokens(vocabulary):
    """Tokens and margins under every combination of limits; half of the rows have many ties."""
    logits = 3 * standard_normal(key("portable", "logits", vocabulary), (8, vocabulary))
    logits[::2] = numpy.rint(logits[::2] * 8) / 8
    keys = [key("portable", "draw", row) for row in range(8)]
    limits = product((0, 0.7, 1.0, 1.5), (0, 1, 50), (1.0, 0.9, 0.1))
    rows = torch.from_numpy(logits)
    return bytes_digest(*(part for each in limits for part in draw_tokens(rows, keys, *each)))


def ordinary_product():
    """What exact arithmetic is not: a matrix product in float32, as torch computes it."""
    left, right = (
        torch.from_numpy(standard_normal(key("portable", name), (768, 768))).float()
        for name in ("left", "right")
    )
    return digest(left @ right)


ITEMS = {
    "Philox words": lambda: bytes_digest(raw(key("portable", "raw"), NUMBERS)),
    "uniform numbers": lambda: bytes_digest(uniform(key("portable", "uniform"), NUMBERS)),
    "normal noise": lambda: bytes_digest(standard_normal(key("portable", "noise"), (NUMBERS,))),
    "token draws, 4,000 words": lambda: drawn_tokens(4000),
    "token draws, 50,257 words": lambda: drawn_tokens(50257),
    "small GPT-2, logits": lambda: small_logits("gpt2", 60),
    "small GPT-2, logits by a cache in pieces of 7": lambda: small_logits("gpt2", 7),
    "small Llama, logits": lambda: small_logits("llama", 60),
    "small Llama, logits by a cache in pieces of 7": lambda: small_logits("llama", 7),
    **{
        f"small {name}, logits": partial(small_logits, name, 60)
        for name in keyed_models.CONFIGS
        if name not in ("gpt2", "llama")
    },
    "pocket-gpt2, logits of 4 tokens": lambda: pocket_logits(4),
    "pocket-gpt2, logits of 12 tokens": lambda: pocket_logits(12),
    "pocket-gpt2, logits of 40 tokens": lambda: pocket_logits(40),
    "pocket-gpt2, a text of 8 tokens": lambda: pocket_text(8),
    "pocket-gpt2, a text of 32 tokens": lambda: pocket_text(32),
    "an ordinary product in float32, which may differ": ordinary_product,
}


def recomputed(run, noise_seeds):
    """One line per stage of a run: how many of its digests are the expected ones."""
    provenance = json.loads((run / "provenance.json").read_text(encoding="utf-8"))
    config = Config.model_validate(provenance["config"])
    config = config.changed(noise_seeds=noise_seeds or config.noise_seeds)
    deciding = Selection(config, cuda=False).deciding
    stages = Recomputation(
        run / "backup/model.safetensors",
        config.generation,
        deciding_interventions(deciding),
        BACKEND,
        documents_digested(deciding),
    )
    expected = read_expected(ROOT / f"resources/expected/{config.run}.json")
    for stage in STAGES:
        digests = getattr(stages, stage)()
        same = sum(expected[stage].get(name) == value for name, value in digests.items())
        yield f"{stage}, {same} of {len(digests)} as expected", value_digest(digests)


def main():
    """Print one digest per item."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--run", type=Path, help="a finished run, for example results/pocket-gpt2")
    parser.add_argument("--noise-seeds", type=int, nargs="+", help="the run's, if left out")
    options = parser.parse_args()
    prepare(BACKEND)
    print(f"# {platform.machine()}, Python {platform.python_version()}", flush=True)
    print(f"# torch {torch.__version__}, numpy {numpy.__version__}", flush=True)
    if options.run:
        lines = recomputed(options.run, options.noise_seeds)
    else:
        lines = ((name, compute()) for name, compute in ITEMS.items())
    start = time.monotonic()
    for name, value in lines:
        print(f"{value}  {name}", flush=True)
        print(f"# after {time.monotonic() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
