"""Generation: the tokens of transformers' own generate, row by row, whatever the batch."""

import math

import pytest
import torch
from needq.common import schemas
from needq.common.backends import Backend
from needq.common.errors import UserError
from needq.common.settings import Generation
from needq.corrupt.keyed import draw_key
from needq.inference.draws import draw_tokens
from needq.inference.fused import fuse
from needq.inference.generate import generate, generate_all, pristine_texts, prompt_rows
from needq.inference.native import NativeModel
from needq.inference.sampling import Row, seeded_stream
from transformers import GenerationConfig

PROMPTS = {text: list(text.encode()) for text in ("Once upon a time", "The cat", "x", "Why not?")}
NEW = 10


def settings(**changes):
    usual = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "max_new_tokens": NEW}
    return Generation(prompts=list(PROMPTS), **usual | changes)


SAMPLERS = {
    "plain": settings(),
    "as the lecture's notebook": settings(seeding="plain", top_k=50),
    "temperature": settings(temperature=0.7),
    "top_k": settings(top_k=20),
    "top_p": settings(top_p=0.8),
    "all": settings(temperature=1.3, top_k=30, top_p=0.9),
}


def own_stream(seed, prompt):
    """The random stream of a text on the CPU."""
    return seeded_stream("cpu", "stream", seed, prompt)


def ours(model, prompts, chosen, end=None, seed=3, **factors):
    backend = Backend(**{"rng": "native", "gpu": "H200", "batch": 8} | factors)
    work = [Row(PROMPTS[prompt], prompt, seed, 0) for prompt in prompts]
    return generate(NativeModel(model), work, chosen, end, backend)


def theirs(model, prompt, chosen, end=None, seed=3):
    """The new tokens of model.generate, from the same state of the random generator."""
    model.generation_config = GenerationConfig()
    greedy = chosen.temperature == 0
    names = {"max_new_tokens"} if greedy else {"max_new_tokens", "temperature", "top_k", "top_p"}
    config = GenerationConfig(
        **chosen.model_dump(include=names),
        do_sample=not greedy,
        eos_token_id=end,
        pad_token_id=0,
    )
    ids = torch.tensor([PROMPTS[prompt]])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if chosen.seeding == "own":
            torch.set_rng_state(own_stream(seed, prompt).get_state())
        rows = model.generate(ids, attention_mask=torch.ones_like(ids), generation_config=config)
    return rows[0, ids.shape[1] :].tolist()


def tokens(continuations):
    return [text.tokens for text in continuations]


@pytest.fixture(scope="module")
def models(gpt2, llama):
    return {"gpt2": gpt2.load("float64"), "llama": llama.load("float64")}


@pytest.fixture(params=["gpt2", "llama"])
def model(request, models):
    return models[request.param]


@pytest.mark.parametrize("prompt", PROMPTS)
def test_greedy_tokens_are_those_of_model_generate(model, prompt):
    wanted = theirs(model, prompt, settings(temperature=0))
    assert len(wanted) == NEW
    assert tokens(ours(model, [prompt], settings(temperature=0))) == [wanted]


def test_greedy_tokens_of_the_bundled_model_in_float32(pocket):
    model = pocket.load()
    text = "Once upon a time, there was a little"
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(pocket.backup / "tokenizer.json"))
    PROMPTS[text] = [0, *tokenizer.encode(text, add_special_tokens=False).ids]
    try:
        greedy = settings(temperature=0, max_new_tokens=24)
        wanted = theirs(model, text, greedy, end=0)
        assert len(set(wanted)) > 8
        assert tokens(ours(model, [text], greedy, end=0)) == [wanted]
    finally:
        del PROMPTS[text]


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_sampled_tokens_are_those_of_model_generate(model, sampler):
    texts = {}
    for prompt in PROMPTS:
        wanted = theirs(model, prompt, SAMPLERS[sampler])
        texts[prompt] = tuple(wanted)
        assert tokens(ours(model, [prompt], SAMPLERS[sampler])) == [wanted]
    assert len(set(texts.values())) == len(texts)  # all texts differ


@pytest.mark.parametrize("small", ["gpt2", "llama"])
def test_texts_of_fused_kernels_are_those_of_model_generate(request, small):
    own, fused = (request.getfixturevalue(small).load("float32") for _ in range(2))
    fuse(NativeModel(fused))
    for chosen in (settings(top_k=20), settings(temperature=0)):
        wanted = [theirs(own, prompt, chosen) for prompt in PROMPTS]
        assert tokens(ours(fused, list(PROMPTS), chosen)) == wanted


@pytest.mark.parametrize("chosen", [settings(), settings(temperature=0)], ids=["sampled", "greedy"])
def test_rows_of_a_left_padded_batch_are_as_alone(model, chosen):
    alone = [ours(model, [prompt], chosen)[0] for prompt in PROMPTS]
    together = ours(model, list(PROMPTS), chosen)
    pairs = ours(model, list(PROMPTS), chosen, batch=2)
    assert tokens(together) == tokens(alone) == tokens(pairs)
    for text, by_itself in zip(together, alone, strict=True):
        assert text.margins == pytest.approx(by_itself.margins, rel=1e-4, abs=1e-5)


def test_a_prompts_draws_do_not_depend_on_other_prompts(model):
    first = ours(model, ["The cat"], settings())
    second = ours(model, ["x", "Once upon a time", "The cat"], settings())
    assert second[2].tokens == first[0].tokens
    twice = ours(model, ["x", "x"], settings())  # equal streams, equal texts
    assert twice[0].tokens == twice[1].tokens


def test_the_cache_changes_nothing(model):
    for chosen in (settings(temperature=0), SAMPLERS["all"]):
        with_cache = ours(model, list(PROMPTS), chosen)
        without = ours(model, list(PROMPTS), chosen, cache=False)
        assert tokens(with_cache) == tokens(without)


def test_a_row_that_ended_stops_and_the_others_go_on(model):
    free = ours(model, list(PROMPTS), settings())
    for row in (0, 3):
        end = free[row].tokens[5]
        texts = ours(model, list(PROMPTS), settings(), end=end)
        for text, whole, prompt in zip(texts, free, PROMPTS, strict=True):
            ended = end in whole.tokens
            cut = whole.tokens.index(end) + 1 if ended else NEW
            assert (text.tokens, text.ended) == (whole.tokens[:cut], ended)
            assert text.margins == pytest.approx(whole.margins[:cut], rel=1e-4, abs=1e-5)
            assert text.tokens == theirs(model, prompt, settings(), end=end)


def test_generation_stops_when_all_rows_ended(model, monkeypatch):
    (free,) = ours(model, ["The cat"], settings(temperature=0))
    calls = []
    forward = type(model).forward
    monkeypatch.setattr(type(model), "forward", lambda *a, **k: calls.append(1) or forward(*a, **k))
    (text,) = ours(model, ["The cat"], settings(temperature=0), end=free.tokens[0])
    assert text.tokens == free.tokens[:1]
    assert text.ended
    assert len(calls) == 1


@torch.inference_mode()
def test_margins_are_the_lead_in_the_race(model):
    chosen = settings(temperature=0.8)
    (text,) = ours(model, ["Why not?"], chosen)
    stream = own_stream(3, "Why not?")
    ids = list(PROMPTS["Why not?"])
    for token, margin in zip(text.tokens, text.margins, strict=True):
        logits = model(torch.tensor([ids])).logits[0, -1].float() / 0.8
        draws = torch.empty(257).exponential_(generator=stream)
        race = sorted(
            ((math.log(p) - math.log(q), index))
            for index, (p, q) in enumerate(
                zip(logits.double().softmax(-1).tolist(), draws.tolist(), strict=True)
            )
        )
        assert race[-1][1] == token
        assert margin == pytest.approx(race[-1][0] - race[-2][0], rel=1e-3, abs=1e-5)
        ids.append(token)


@torch.inference_mode()
def test_greedy_margins_are_the_lead_of_the_best_logit(model):
    (text,) = ours(model, ["Why not?"], settings(temperature=0))
    ids = list(PROMPTS["Why not?"])
    for token, margin in zip(text.tokens, text.margins, strict=True):
        ranked = sorted(model(torch.tensor([ids])).logits[0, -1].tolist())
        assert margin == pytest.approx(ranked[-1] - ranked[-2], rel=1e-4, abs=1e-5)
        ids.append(token)


@pytest.mark.parametrize("rng", ["native", "keyed", "cuda"])
def test_frequencies_are_the_models_probabilities(gpt2, rng):
    model = gpt2.load()
    with torch.inference_mode():
        wanted = model(torch.tensor([PROMPTS["x"]])).logits[0, -1].softmax(-1)
    count = 3000
    backend = Backend(rng=rng, gpu="H200", batch=1000)
    work = [Row(PROMPTS["x"], "x", seed, 0) for seed in range(count)]
    texts = generate(NativeModel(model), work, settings(max_new_tokens=1), None, backend)
    drawn = torch.bincount(torch.tensor([row.tokens[0] for row in texts]), minlength=257) / count
    error = (wanted * (1 - wanted) / count).sqrt()
    assert (drawn - wanted).abs().max() < 0.05
    assert ((drawn - wanted).abs() < 5 * error + 2 / count).all()


@torch.inference_mode()
@pytest.mark.parametrize("chosen", [SAMPLERS["plain"], SAMPLERS["all"]], ids=["plain", "all"])
def test_keyed_tokens_are_drawn_by_seed_prompt_and_position(model, chosen):
    (text,) = ours(model, ["Why not?"], chosen, rng="keyed")
    ids = list(PROMPTS["Why not?"])
    limits = (chosen.temperature, chosen.top_k, chosen.top_p)
    for position, (token, margin) in enumerate(zip(text.tokens, text.margins, strict=True)):
        logits = model(torch.tensor([ids])).logits[:, -1]
        draws = draw_tokens(logits, [draw_key(3, "Why not?", position)], *limits)
        assert token == draws.tokens[0]
        assert margin == pytest.approx(draws.margins[0], rel=1e-4, abs=1e-5)
        ids.append(token)


def test_keyed_rows_depend_on_their_own_key_alone(model):
    together = tokens(ours(model, list(PROMPTS), settings(), rng="keyed"))
    for prompt, wanted in zip(PROMPTS, together, strict=True):
        for factors in ({"batch": 1}, {"cache": False}):
            assert tokens(ours(model, [prompt], settings(), rng="keyed", **factors)) == [wanted]
    under_4 = tokens(ours(model, list(PROMPTS), settings(), seed=4, rng="keyed"))
    assert all(first != second for first, second in zip(together, under_4, strict=True))


def test_greedy_tokens_need_no_stream(model):
    greedy = settings(temperature=0)
    keyed, native = (ours(model, list(PROMPTS), greedy, rng=rng) for rng in ("keyed", "native"))
    assert tokens(keyed) == tokens(native)
    for text, same_text in zip(keyed, native, strict=True):
        assert text.margins == pytest.approx(same_text.margins, abs=1e-5)


def test_rows_are_every_prompt_with_every_seed():
    tokens = {"prompts": [[1], [2, 3]], "end": None, "documents": [], "bytes": []}
    rows = prompt_rows(tokens, Generation(prompts=["a", "b"], sample_seeds=[5, 7]))
    wanted = [([1], "a", 5, 0), ([1], "a", 7, 0), ([2, 3], "b", 5, 1), ([2, 3], "b", 7, 1)]
    assert [tuple(row) for row in rows] == wanted


IDS = {"prompts": [list(b"The cat"), list(b"x")], "end": None, "documents": [], "bytes": []}


def test_texts_of_each_patch_are_those_of_the_patched_model(setting):
    model, patcher, patches = setting
    chosen = Generation(prompts=["The cat", "x"], sample_seeds=[5, 7], max_new_tokens=6)
    backend = Backend(rng="keyed", batch=3)
    texts = generate_all(model, patcher, patches[::2], IDS, chosen, backend)
    assert {*texts[0]} == {*schemas.TEXTS.names} - {"backend", "text"}
    rows = prompt_rows(IDS, chosen)
    places = [(row.index, row.sample_seed) for row in rows]
    for number, patch in enumerate(patches[::2]):
        own = texts[4 * number :][:4]
        assert all(patch.keys().items() <= text.items() for text in own)
        assert [(text["prompt"], text["sample_seed"]) for text in own] == places
        with patcher.applied(patch.slices):
            wanted = generate(model, rows, chosen, None, backend)
        assert [text["tokens"] for text in own] == tokens(wanted)
        for text, by_itself in zip(own, wanted, strict=True):
            assert text["margins"] == pytest.approx(by_itself.margins, rel=1e-9)
    assert len(texts) == 3 * 4
    assert not any(text["ended"] for text in texts)
    # keyed draws often choose the same, by other margins
    assert len({tuple(text["margins"]) for text in texts}) == 12


def test_texts_for_reference_never_share_a_plain_seed_with_the_run(gpt2):
    model = NativeModel(gpt2.load("float64"))
    chosen = Generation(prompts=["The cat", "x"], max_new_tokens=6)
    texts = [
        pristine_texts(model, IDS, chosen.changed(seeding=seeding), Backend(), 2)
        for seeding in ("own", "plain")
    ]
    assert texts[0] == texts[1]


@torch.inference_mode()
def test_texts_for_reference_have_streams_of_their_own(gpt2):
    model = gpt2.load("float64")
    chosen = Generation(prompts=["The cat", "x"], sample_seeds=[0, 1], max_new_tokens=6)
    backend = Backend(rng="keyed")
    texts = pristine_texts(NativeModel(model), IDS, chosen, backend, 3)
    assert [list(prompt) for prompt, _ in texts] == IDS["prompts"] * 3
    for number, (prompt, new) in enumerate(texts):
        ids = list(prompt)
        for position, token in enumerate(new):
            logits = model(torch.tensor([ids])).logits[:, -1]
            key = draw_key(number // 2, f"control {number % 2}", position)
            assert token == draw_tokens(logits, [key], top_k=50).tokens[0]
            ids.append(token)
    run = generate(NativeModel(model), prompt_rows(IDS, chosen), chosen, None, backend)
    assert not {tuple(new) for _, new in texts} & {tuple(own) for own in tokens(run)}


@pytest.mark.parametrize("rng", ["native", "keyed", "cuda"])
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_not_finite_are_refused(gpt2, rng, value):
    model = gpt2.load()
    with torch.no_grad():
        model.transformer.ln_f.bias[0] = value
    with pytest.raises(UserError, match="logits are not finite"):
        ours(model, ["x"], settings(), rng=rng)


@pytest.mark.parametrize(
    ("factors", "shapes"),
    [
        ({"batch": 8}, [(4, 16)] + [(4, 1)] * 2),
        ({"batch": 3}, ([(3, 16)] + [(3, 1)] * 2) + ([(1, 8)] + [(1, 1)] * 2)),
        ({"batch": 8, "cache": False}, [(4, 16), (4, 17), (4, 18)]),
    ],
)
def test_batch_and_cache_decide_what_the_model_is_given(gpt2, monkeypatch, factors, shapes):
    calls, logits = [], NativeModel.logits

    def spied(self, ids, *arguments, **options):
        calls.append(tuple(ids.shape))
        return logits(self, ids, *arguments, **options)

    monkeypatch.setattr(NativeModel, "logits", spied)
    ours(gpt2.load(), list(PROMPTS), settings(max_new_tokens=3), **factors)
    assert calls == shapes
