"""Sampling: random streams by name, and logits as arrays."""

import hashlib

import numpy as np
import pytest
import torch
from needq.common.backends import Backend
from needq.common.settings import Generation
from needq.inference import sampling
from needq.inference.cuda_stream import CudaStreams
from needq.inference.sampling import (
    Row,
    as_array,
    make_sampler,
    seeded_stream,
    stream_seed,
    warpers,
)


def test_streams_are_named_by_seed_and_prompt():
    def draws(seed, prompt):
        return torch.rand(3, generator=seeded_stream("cpu", "stream", seed, prompt)).tolist()

    assert draws(0, "a") == draws(0, "a")
    assert draws(0, "a") != draws(1, "a") != draws(0, "b")
    digest = hashlib.sha256(b'["stream",0,"a"]').hexdigest()
    assert seeded_stream("cpu", "stream", 0, "a").initial_seed() == int(digest[:16], 16) // 2


def test_logits_of_16_bit_formats_are_kept_exactly():
    logits = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    for dtype in (torch.bfloat16, torch.float16):
        array = as_array(logits.to(dtype))
        assert array.dtype == np.float32
        assert torch.equal(torch.from_numpy(array).to(dtype), logits.to(dtype))


def cuda_settings(**changes):
    return Generation(prompts=["a"], **{"top_k": 0} | changes)


@pytest.mark.parametrize(
    "changes",
    [{}, {"top_k": 5}, {"top_p": 0.7}, {"top_k": 1}, {"temperature": 0.6, "top_k": 7}],
    ids=str,
)
def test_a_gpus_race_is_run_among_the_candidates_alone(changes):
    """Each row draws an exponential number for every token of the vocabulary, at each step."""
    settings, rows = cuda_settings(**changes), [Row([1], text, 3, 0) for text in "abc"]
    logits = 2 * torch.randn(4, 3, 1000, generator=torch.Generator().manual_seed(0))
    sampler = make_sampler(Backend(rng="cuda", gpu="T4"), torch.device("cpu"), rows, settings)
    ids = torch.zeros(3, 1, dtype=torch.long)
    streams = [CudaStreams([stream_seed("stream", 3, text)], "T4") for text in "abc"]
    for step in range(4):
        chosen = sampler.choose(ids, logits[step], step)
        probabilities = warpers(settings)(ids, logits[step]).softmax(-1)
        drawn = np.concatenate([stream.exponential(1000) for stream in streams])
        race = probabilities.numpy() / drawn
        assert chosen.tokens.tolist() == race.argmax(-1).tolist()
        best = np.sort(race, -1)[:, -2:].astype(np.float64)
        with np.errstate(divide="ignore"):
            margins = np.log(best[:, 1]) - np.log(best[:, 0])
        np.testing.assert_allclose(chosen.margins, margins, rtol=1e-6)
    assert np.isinf(margins).all() == (settings.top_k == 1)


def test_a_gpus_rows_draw_what_each_of_them_draws_alone():
    rows = [Row([1], text, seed, 0) for text in "ab" for seed in (0, 1)]
    logits = torch.randn(len(rows), 300, generator=torch.Generator().manual_seed(1))
    backend, cpu, settings = Backend(rng="cuda", gpu="H200"), torch.device("cpu"), cuda_settings()
    ids = torch.zeros(len(rows), 1, dtype=torch.long)
    together = make_sampler(backend, cpu, rows, settings).choose(ids, logits, 0)
    for number, row in enumerate(rows):
        alone = make_sampler(backend, cpu, [row], settings)
        one = slice(number, number + 1)
        chosen = alone.choose(ids[one], logits[one], 0)
        assert torch.equal(chosen.tokens, together.tokens[one])
        assert torch.equal(chosen.margins, together.margins[one])


@pytest.mark.parametrize("kept", [0, sampling.KEPT_BYTES])
@pytest.mark.parametrize("rng", ["native", "keyed", "cuda"])
def test_batches_with_the_same_rows_draw_the_same_numbers(rng, kept, monkeypatch):
    """Whether the numbers are kept or drawn again, and if a batch ends early or has more rows."""
    monkeypatch.setattr(sampling, "KEPT_BYTES", kept)
    settings, rows = cuda_settings(top_k=5), [Row([1], text, 3, 0) for text in "abc"]
    logits = 2 * torch.randn(4, 3, 60, generator=torch.Generator().manual_seed(0))
    backend, cpu, ids = Backend(rng=rng, gpu="T4"), torch.device("cpu"), torch.zeros(12, 1).long()
    serving = make_sampler(backend, cpu, rows, settings)
    for steps, times in ((2, 1), (4, 2), (4, 1)):
        fresh = make_sampler(backend, cpu, rows, settings)
        for step in range(steps):
            wanted = fresh.choose(ids[:3], logits[step], step)
            found = serving.choose(ids[: 3 * times], logits[step].repeat(times, 1), step)
            assert torch.equal(found.tokens, wanted.tokens.repeat(times))
            assert torch.equal(found.margins, wanted.margins.repeat(times))


@pytest.mark.parametrize("rng", ["native", "keyed", "cuda"])
@pytest.mark.parametrize("changes", [{}, {"top_k": 5}, {"top_p": 0.7}, {"temperature": 0}], ids=str)
def test_rows_that_come_again_draw_the_same_numbers_at_every_step(rng, changes):
    """Under each of several interventions, a text is drawn as under that one alone."""
    settings, rows = cuda_settings(**changes), [Row([1], text, 3, 0) for text in "abc"]
    logits = 2 * torch.randn(4, 4, 3, 60, generator=torch.Generator().manual_seed(0))
    backend, cpu, ids = Backend(rng=rng, gpu="T4"), torch.device("cpu"), torch.zeros(12, 1).long()
    together = make_sampler(backend, cpu, rows, settings)
    apart = [make_sampler(backend, cpu, rows, settings) for _ in range(4)]
    for step in range(4):
        chosen = together.choose(ids, logits[step].flatten(0, 1), step)
        alone = [one.choose(ids[:3], logits[step, n], step) for n, one in enumerate(apart)]
        assert torch.equal(chosen.tokens, torch.cat([one.tokens for one in alone]))
        assert torch.equal(chosen.margins, torch.cat([one.margins for one in alone]))
