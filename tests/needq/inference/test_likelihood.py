"""What a model says about tokens: the same numbers, however they are batched and cut."""

import math
from types import SimpleNamespace

import pytest
import torch
from needq.common.errors import UserError
from needq.inference import likelihood
from needq.inference.likelihood import compare, predicted, pristine, token_scores

VOCABULARY = 11
LOGITS = 3 * torch.randn(2, 5, VOCABULARY, generator=torch.Generator().manual_seed(0))
# of the first row, two tokens after the second and, again, another one there; three of the second
ASKED = [(0, 2, [7, 3]), (0, 2, [4]), (1, 1, [0, 10, 2])]
PLACES = [(0, 1, 7), (0, 2, 3), (0, 1, 4), (1, 0, 0), (1, 1, 10), (1, 2, 2)]


def model(exact=False, dtype=torch.float32):
    """A model whose hidden states are its logits."""
    return SimpleNamespace(
        exact=exact, device=torch.device("cpu"), head=lambda hidden: hidden.to(dtype)
    )


def naive(values):
    """Log probabilities of a list of logits, in Python's own arithmetic."""
    total = math.log(math.fsum(map(math.exp, values)))
    return [value - total for value in values]


def test_what_is_predicted_shares_rows():
    wanted = predicted(ASKED, 5)
    assert wanted.rows.tolist() == [1, 2, 5, 6, 7]
    assert wanted.rows[wanted.places].tolist() == [1, 2, 1, 5, 6, 7]
    assert wanted.targets.tolist() == [7, 3, 4, 0, 10, 2]
    assert wanted.counts == [2, 1, 3]


@pytest.mark.parametrize("rows", [1, 2, 128])
@pytest.mark.parametrize(
    ("exact", "dtype", "error"),
    [
        (True, torch.float64, 1e-12),
        (False, torch.float64, 1e-12),
        (False, torch.float32, 1e-5),
        (False, torch.bfloat16, 1e-5),  # of the rounded logits, in float32
    ],
)
def test_tokens_are_scored_as_by_a_naive_loop(monkeypatch, rows, exact, dtype, error):
    monkeypatch.setattr(likelihood, "CHUNK_ROWS", rows)
    nll, leads = token_scores(model(exact, dtype), LOGITS, predicted(ASKED, 5))
    assert nll.dtype == leads.dtype == torch.float64
    for found, lead, (row, place, token) in zip(nll, leads, PLACES, strict=True):
        values = LOGITS[row, place].to(dtype).double().tolist()
        assert float(found) == pytest.approx(-naive(values)[token], abs=error)
        assert float(lead) == values[token] - max(values[:token] + values[token + 1 :])


@pytest.mark.parametrize(("room", "wanted_rows"), [(2.1, [2, 2, 1]), (0.5, [1] * 5), (9, [5])])
def test_on_a_gpu_as_many_rows_of_logits_at_a_time_as_fit(monkeypatch, room, wanted_rows):
    monkeypatch.setattr(likelihood, "CHUNK_BYTES", int(room * VOCABULARY * 4))
    gpu, wanted = model(), predicted(ASKED, 5)
    gpu.device = torch.device("cuda")  # its tensors are on the CPU here
    parts = list(likelihood.chunks_of_logits(gpu, LOGITS, wanted.rows))
    assert [len(part) for part in parts] == wanted_rows
    assert torch.equal(torch.cat(parts), LOGITS.flatten(0, 1)[wanted.rows])


@pytest.mark.parametrize("exact", [True, False])
def test_a_model_is_compared_with_the_pristine_one(monkeypatch, exact):
    monkeypatch.setattr(likelihood, "CHUNK_ROWS", 2)
    kind, other = model(exact, torch.float64), LOGITS + torch.linspace(-2, 2, VOCABULARY)
    wanted = predicted([(0, 2, [7, 3]), (1, 1, [0, 10, 2])], 5)
    before, seen = pristine(kind, LOGITS, wanted), []
    chunks = likelihood.chunks_of_logits(kind, other, wanted.rows)
    compared = compare(kind, chunks, wanted, before, seen.append)
    assert [len(part) for part in seen] == [2, 2, 1]
    for number, row in enumerate(wanted.rows.tolist()):
        own, then = (naive(v.flatten(0, 1)[row].double().tolist()) for v in (other, LOGITS))
        kl = math.fsum(math.exp(p) * (p - q) for p, q in zip(then, own, strict=True))
        assert float(compared.nll[number]) == pytest.approx(-own[wanted.targets[number]], rel=1e-9)
        assert float(compared.kl[number]) == pytest.approx(kl, rel=1e-9)
        assert compared.same_first[number] == (own.index(max(own)) == then.index(max(then)))
    same = [chunk.logits for chunk in before]
    unchanged = compare(kind, same, wanted, before, seen.append)
    assert unchanged.kl.tolist() == [0.0] * 5
    assert unchanged.same_first.tolist() == [1.0] * 5


@pytest.mark.parametrize("size", [1, 200, 1 << 19])
def test_no_number_depends_on_how_logits_are_cut(monkeypatch, size):
    """Exact scores have the same bits, however few rows are computed with at a time."""
    kind, other = model(True, torch.float64), LOGITS.flip(0)
    wanted = predicted([(0, 2, [7, 3]), (1, 1, [0, 10, 2])], 5)

    def compared():
        before = pristine(kind, LOGITS, wanted)
        chunks = likelihood.chunks_of_logits(kind, other, wanted.rows)
        return torch.stack(compare(kind, chunks, wanted, before, lambda _: None))

    whole, nlls = compared(), likelihood.row_nlls(kind, LOGITS, wanted)
    monkeypatch.setattr(likelihood, "TILE_BYTES", dict.fromkeys([False, True], size))
    assert torch.equal(compared(), whole)
    assert torch.equal(likelihood.row_nlls(kind, LOGITS, wanted), nlls)


def test_logits_that_are_not_finite_are_refused():
    broken = LOGITS.clone()
    broken[1, 4] = math.nan  # nothing is predicted from there
    token_scores(model(), broken, predicted(ASKED, 5))
    broken[1, 1] = math.inf
    with pytest.raises(UserError, match="logits are not finite"):
        token_scores(model(), broken, predicted(ASKED, 5))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("token", [0, 5])  # a target, and another one
def test_comparing_finds_logits_that_are_not_finite(value, token):
    wanted = predicted([(1, 1, [0])], 5)
    before, broken = pristine(model(), LOGITS, wanted), LOGITS.clone()
    broken[1, 0, token] = value
    chunks = likelihood.chunks_of_logits(model(), broken, wanted.rows, checked=False)
    with pytest.raises(UserError, match="logits are not finite"):
        compare(model(), chunks, wanted, before, lambda _: None)
