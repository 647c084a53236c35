"""The recipe of pocket-gpt2: training, export, and what its score is compared with."""

import bz2
import itertools
import sys
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from transformers import GPT2Config, GPT2LMHeadModel

FOLDER = Path(__file__).parents[2] / "resources" / "pocket-gpt2"
sys.path.insert(0, str(FOLDER))
import train  # noqa: E402
from evaluate import gzip_bytes, model_bits, xz_bytes  # noqa: E402
from export import build  # noqa: E402
from kneser_ney import KneserNey  # noqa: E402

sys.path.remove(str(FOLDER))

SMALL = {
    "seed": 1, "held_out": 0.1, "vocab_size": 300, "context": 16, "blocks": 2, "width": 32,
    "heads": 2, "batch": 2, "steps": 8, "warmup_steps": 2, "decay_steps": 3, "muon_lr": 0.02,
    "muon_momentum": 0.95, "weight_decay": 0.1, "adam_lr": 0.003, "evaluate_every": 4,
    "save_every": 3, "threads": 1, "compile": False,
}  # fmt: skip


@pytest.fixture
def corpus(tmp_path):
    words = ["the cat", "a dog", "sat", "ran", "home", "and", "saw", "Tim"]
    rng = np.random.default_rng(0)
    lines = "\n".join(" ".join(rng.choice(words, 12)) + f" {i}." for i in range(200))
    file = tmp_path / "corpus.txt.bz2"
    file.write_bytes(bz2.compress(lines.encode()))
    return file


def test_an_interrupted_training_ends_as_an_uninterrupted_one(corpus, tmp_path, monkeypatch):
    train.main(corpus, tmp_path / "whole", SMALL, [])
    update, stop = train.update, []

    def die_in_step_5(p, state, s, step, scale):
        if step == 5:
            raise KeyboardInterrupt
        update(p, state, s, step, scale)

    with monkeypatch.context() as m:
        m.setattr(train, "update", die_in_step_5)
        with pytest.raises(KeyboardInterrupt):
            train.main(corpus, tmp_path / "parts", SMALL, stop)
    monkeypatch.setattr(
        train, "update", lambda *a: (update(*a), stop.append(1) if a[3] == 6 else None)
    )
    train.main(corpus, tmp_path / "parts", SMALL, stop)  # from step 3 to a signal in step 6
    assert stop
    train.main(corpus, tmp_path / "parts", SMALL, [])
    whole, parts = (load_file(tmp_path / k / "checkpoint.safetensors") for k in ("whole", "parts"))
    assert all(torch.equal(whole[k], parts[k]) for k in whole)
    curves = [(tmp_path / k / "curve.tsv").read_text().splitlines() for k in ("whole", "parts")]
    # The third column is the time; the fourth a mean over what this process saw.
    held_out = [[(ln.split("\t")[0], ln.split("\t")[4]) for ln in c] for c in curves]
    assert held_out[0] == held_out[1]
    assert [row[0] for row in held_out[0][1:]] == ["4", "8"]


def test_the_exported_model_computes_what_was_trained():
    p = {k: (v + 0.1 * torch.randn(v.shape)).half().float() for k, v in train.init(SMALL).items()}
    x = torch.randint(300, (3, 16))
    with torch.no_grad():
        theirs = build(p, SMALL).float()(x).logits
    assert torch.allclose(train.forward(p, x, 2), theirs, atol=1e-4)


@pytest.mark.parametrize("shape", [(3, 32, 32), (3, 32, 128), (3, 128, 32)])
def test_orthogonalised_matrices_keep_their_directions_and_lose_their_scales(shape):
    g = torch.randn(shape, generator=torch.Generator().manual_seed(0)) * 100
    u, s, vh = torch.linalg.svd(g, full_matrices=False)
    inner = u.mT @ train.orthogonalise(g) @ vh.mT
    large = s > s.amax(dim=1, keepdim=True) / 20
    assert ((inner.diagonal(dim1=1, dim2=2)[large] - 0.95).abs() < 0.3).all()
    assert (inner - torch.diag_embed(inner.diagonal(dim1=1, dim2=2))).abs().max() < 1e-3


def test_an_epoch_shows_every_token_once_and_the_next_one_in_another_order():
    stories = [np.array([0, *range(10 * i + 1, 10 * i + 10)]) for i in range(40)]
    rows = train.Rows(stories, SMALL)
    steps = range(1, rows.per_epoch + 1)
    targets = torch.cat([rows.batch(i)[:, 1:].flatten() for i in steps])
    stories_seen = targets[targets > 0]
    assert len(stories_seen) == len(stories_seen.unique())
    assert len(targets) > 400 - 3 * 16 * 2
    assert not torch.equal(rows.batch(1), rows.batch(rows.per_epoch + 1))
    assert torch.equal(rows.batch(2), train.Rows(stories, SMALL).batch(2))


def test_the_learning_rate_warms_up_stays_and_decays_to_zero():
    rates = [train.learning_rate(i, SMALL) for i in range(1, 10)]
    assert rates == pytest.approx([0.5, 1, 1, 1, 1, 1, 2 / 3, 1 / 3, 0])


def naive_kneser_ney(sequences, order, vocabulary):
    """p(token, context tuple) by dictionaries and recursion, straight from the formulas."""
    counts = {n: Counter() for n in range(1, order + 1)}
    for s in sequences:
        for n, end in itertools.product(counts, range(2, len(s) + 1)):
            if end >= n:
                counts[n][tuple(s[end - n : end])] += 1
    adjusted = {order: counts[order]}
    for n in range(1, order):
        left = defaultdict(set)
        for gram in counts[n + 1]:
            left[gram[1:]].add(gram[0])
        adjusted[n] = {g: len(left[g]) if g in left else c for g, c in counts[n].items()}
    discounts = {}
    for n, table in adjusted.items():
        c = Counter(table.values())
        y = c[1] / (c[1] + 2 * c[2])
        discounts[n] = [0] + [i - (i + 1) * y * c[i + 1] / c[i] for i in (1, 2, 3)]

    def p(token, context):
        n = len(context) + 1
        lower = p(token, context[1:]) if n > 1 else 1 / vocabulary
        after = {g: c for g, c in adjusted[n].items() if g[:-1] == context}
        if not after:
            return lower
        total = sum(after.values())
        d = discounts[n]
        own = after.get((*context, token), 0)
        freed = sum(d[min(c, 3)] for c in after.values())
        return (own - d[min(own, 3)]) / total + freed / total * lower

    return p


def test_the_n_gram_model_is_kneser_and_neys():
    rng = np.random.default_rng(3)
    vocabulary = 300
    words = [rng.zipf(1.5, n).clip(max=vocabulary - 1) for n in rng.integers(1, 12, 320)]
    sequences = [np.array([0, *w, 0]) for w in words]
    model = KneserNey(sequences[:300], 3, vocabulary)
    p = naive_kneser_ney(sequences[:300], 3, vocabulary)
    for s in sequences[300:]:
        naive = sum(-np.log(p(s[i], tuple(s[max(0, i - 2) : i]))) for i in range(1, len(s)))
        assert model.nats(s) == pytest.approx(naive, rel=1e-12)
    tokens = np.arange(vocabulary)
    for context in [(-1, 0), (0, 3), (2, 1), (299, 298)]:
        each = model.probabilities(np.tile(context, (vocabulary, 1)), tokens)
        assert each.sum() == pytest.approx(1, rel=1e-12)
        assert each.min() > 0


def test_every_token_is_scored_once_whatever_the_length():
    torch.manual_seed(0)
    model = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=50,
            n_positions=8,
            n_embd=16,
            n_layer=1,
            n_head=2,
            bos_token_id=0,
            eos_token_id=0,
        )
    ).eval()
    for length in (2, 8, 9, 10, 13, 14, 30):
        ids = torch.randint(50, (length,)).tolist()
        nats = 0.0
        for i in range(1, length):
            # The first window scores tokens 1 to 8. Each later one scores 5, after 4 of context.
            start = 0 if i <= 8 else 9 - 4 + (i - 9) // 5 * 5
            with torch.no_grad():
                logits = model(torch.tensor([ids[start:i]])).logits[0, -1]
            nats -= logits.log_softmax(0)[ids[i]].item()
        assert model_bits(model, [ids]) == pytest.approx(nats / np.log(2), rel=1e-5), length


def test_compressors_gain_from_what_they_have_seen():
    text = b"Once upon a time there was a small cat. " * 3 + bytes(range(200))
    assert gzip_bytes(text, text) < gzip_bytes(text) / 2
    assert xz_bytes(text, text) < xz_bytes(text) / 2
