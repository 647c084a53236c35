"""Stories: every word with its surprise, and where another backend's text differs."""

import pandas
import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.common.backends import Backend
from needq.common.settings import Sweep
from needq.plan.interventions import sweep_interventions
from needq.report import stories
from needq.report.stories import Piece, explain, first_difference, pieces, surprise

BYTES = list("Ein M\u00e4dchen a\u00df \u732b.".encode())


def decode(tokens):
    return bytes(tokens).decode(errors="replace")


def test_a_character_of_several_tokens_is_one_piece():
    made = pieces(BYTES, decode)
    assert [part.text for part in made] == list(decode(BYTES))
    assert [len(part.tokens) for part in made if not part.text.isascii()] == [2, 2, 3]


@given(st.lists(st.integers(0, 255), max_size=12))
def test_pieces_are_the_whole_text_and_all_tokens(tokens):
    made = pieces(tokens, decode)
    assert [token for part in made for token in part.tokens] == tokens
    if "\ufffd" not in decode(tokens):
        assert "".join(part.text for part in made) == decode(tokens)


def test_where_two_texts_differ():
    one, two, three = Piece((1,), "a"), Piece((2,), "b"), Piece((3,), "a")
    assert first_difference([one, two], [one, two]) is None
    assert first_difference([one, two], [one, one]) == 1
    assert first_difference([one], [three]) == 0  # other tokens, though they look alike
    assert first_difference([one, two], [one]) == 1  # one of them ends
    assert first_difference([], []) is None


def test_the_surprise_of_a_piece_is_that_of_its_most_surprising_token():
    made = [Piece((1,), "a"), Piece((2, 3), "b"), Piece((4,), "c"), Piece((5,), "")]
    assert surprise(made, [0.99, 1.5, 3.2, 40.0, -0.0]) == "0390"


@pytest.mark.parametrize(
    ("left", "right", "random"),
    [
        ({}, {"device": "cuda"}, True),
        ({}, {"rng": "cuda", "gpu": "H200"}, True),
        ({"device": "cuda"}, {"rng": "cuda", "gpu": "H200"}, False),
        ({}, {"rng": "keyed"}, True),
        ({"rng": "keyed"}, {"rng": "keyed", "device": "cuda"}, False),
        ({}, {"kernels": "eager"}, False),
    ],
)
def test_why_texts_may_differ(left, right, random):
    assert ("other random numbers" in explain(Backend(**left), Backend(**right))) == random


def rows(values, **columns):
    return pandas.DataFrame(
        [
            {"intervention": intervention, "prompt": prompt, "noise_seed": seed, "sample_seed": 0}
            | dict(zip(columns, own, strict=True))
            for (intervention, prompt, seed), own in values.items()
        ]
    ).astype({"noise_seed": "Int64"})


def collected(prompts=("P", "Q"), new=b"so", seeds=(7, 8)):
    steps = sweep_interventions("s", Sweep(block_order=[1, 0]), 2, seeds)
    keys = [(one.id, prompt, one.noise_seed) for one in steps for prompt in range(len(prompts))]
    nlls = dict.fromkeys([one.id for one in steps])
    degradation = pandas.DataFrame({"intervention": list(nlls), "nll": [0.0, 1.0, 2.0]})
    texts = rows({key: [list(new)] for key in keys}, tokens=0)
    other = rows({key: [list(b"sa" if key[1] else new)] for key in keys}, tokens=0)
    scores = rows({key: [[0.5, 4.0] + [0.0] * len(new)] for key in keys}, nlls=0)
    labels = rows({key: ["noise" if key[0] == "q/s/02" else None] for key in keys}, label=0)
    return stories.collect(2, prompts, steps, degradation, [texts, other], scores, labels, decode)


def test_stories_are_what_the_files_hold():
    found = collected()
    assert [step["name"] for step in found["steps"]] == [
        "none of 2 blocks",
        "1 of 2 blocks",
        "all 2 blocks",
    ]
    assert [step["choices"] for step in found["steps"]] == pytest.approx([1, 2.71828, 7.38906])
    assert found["noise_seeds"] == [7, 8]
    assert len(found["stories"]) == (1 + 2 * 2) * 2
    one = next(s for s in found["stories"] if (s["step"], s["prompt"]) == (1, 1))
    assert one == {
        "step": 1,
        "prompt": 1,
        "noise_seed": 7,
        "replaced": [1],
        "label": "unlabelled",
        "words": ["s", "o"],
        "surprise": "04",
        "other": ["s", "a"],
        "place": 1,
    }
    first = stories.shown_first(found)
    assert (first["step"], first["prompt"], first["noise_seed"]) == (1, 0, 7)
    assert first["place"] is None


def test_too_many_stories_are_cut_and_the_page_says_so(monkeypatch):
    whole = collected(prompts=[f"prompt {n}" for n in range(9)], new=b"x" * 200)
    assert whole["left_out"] == ""
    monkeypatch.setattr(stories, "LARGEST", 30_000)
    cut = collected(prompts=[f"prompt {n}" for n in range(9)], new=b"x" * 200)
    count = len(cut["prompts"])
    assert 1 < count < 9
    assert cut["noise_seeds"] == [7]
    assert {s["noise_seed"] for s in cut["stories"]} == {None, 7}
    assert {s["prompt"] for s in cut["stories"]} == set(range(count))
    assert cut["left_out"].startswith(f"The slider shows noise seed 7 and {count} of 9 prompts")
    assert stories._size(cut) <= 30_000 + 200
