"""Digests: what decides them, and how a difference is named."""

import copy
import hashlib

import numpy as np
import pytest
from default_config import DEFAULT, ROOT
from needq.common.errors import UserError
from needq.common.files import canonical_json, read_json, sha256, write_json
from needq.plan.config import read_config
from needq.plan.selection import Selection
from needq.provenance import digests


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    """The config's files are named from the root."""
    monkeypatch.chdir(ROOT)


def of_config(**changes):
    """The digests of the default config with keys of its groups changed."""
    values = copy.deepcopy(DEFAULT)
    for group, keys in changes.items():
        values[group] = values[group] | keys if isinstance(keys, dict) else keys
    return digests.config_digests(Selection(read_config(values), cuda=False).deciding)


def differing(first, second):
    """The keys whose digests differ, or that one side lacks."""
    return {key for key in first.keys() | second.keys() if first.get(key) != second.get(key)}


DECIDES = {
    "noise_seeds": ({"noise_seeds": [0, 1]}, {"noise_seeds"}),
    "temperature": ({"generation": {"temperature": 0.5}}, {"generation.temperature"}),
    "model": ({"model": {"digests": []}}, {"model.digests"}),
    "tokens": ({"evaluation": {"tokens_per_document": 9}}, {"evaluation.tokens_per_document"}),
    "n-grams": ({"evaluation": {"ngram_text": None}}, set()),
    "text": ({"evaluation": {"text": "resources/texts/evaluation.txt"}}, {"evaluation.text"}),
    "documents": (
        {"evaluation": {"documents_of_other_backends": 9}},
        {"evaluation.documents_of_other_backends"},
    ),
    "sweep": (
        {"sweeps": {"cumulative": DEFAULT["sweeps"]["cumulative"] | {"noise_fraction": 0.5}}},
        {"sweeps.cumulative"},
    ),
    "another sweep": ({"sweeps": {"other": {}}}, set()),
    "another exact sweep": (
        {"sweeps": {"other": {"run": "texts", "exact": True}}},
        {"sweeps.other"},
    ),
    "backends": (
        {"divergence": {"backends": DEFAULT["divergence"]["backends"] | {"cpu": {"threads": 2}}}},
        set(),
    ),
    "positions": ({"divergence": {"positions": [0]}}, set()),
    "chunks": ({"jobs": {"interventions_per_job": 1}}, set()),
    "run": ({"run": "other"}, set()),
}


@pytest.mark.parametrize("change", DECIDES)
def test_config_keys_that_decide_results(change):
    changes, wanted = DECIDES[change]
    assert differing(of_config(), of_config(**changes)) == wanted


def test_a_copy_of_the_text_elsewhere_is_the_same_text(tmp_path):
    copied = tmp_path / "copy.txt"
    copied.write_bytes((ROOT / DEFAULT["evaluation"]["text"]).read_bytes())
    assert of_config(evaluation={"text": str(copied)}) == of_config()


ROWS = [
    {"intervention": "q/s/01", "noise_seed": seed, "document": document, "logits_sha256": name}
    for seed, document, name in ((0, 0, "a"), (0, 1, "b"), (1, 0, "c"), (1, 1, "d"))
]


def test_tensors_and_noise_have_a_digest_by_name():
    zeros = np.zeros((2, 3), np.float32)
    weights = {"b": zeros.T, "a": np.arange(6, dtype=np.float32)[::2]}  # not contiguous
    wanted = {
        "a": hashlib.sha256(np.array([0, 2, 4], np.float32).tobytes()).hexdigest(),
        "b": hashlib.sha256(bytes(24)).hexdigest(),
    }
    assert digests.tensor_digests(weights) == wanted
    assert list(digests.tensor_digests(weights)) == ["a", "b"]
    noise = {"q-zero-0": {"1.weight": zeros}, "k-gaussian-0": weights}
    assert digests.noise_digests(noise) == {
        "k-gaussian-0/a": wanted["a"],
        "k-gaussian-0/b": wanted["b"],
        "q-zero-0/1.weight": wanted["b"],
    }


def test_logits_have_one_digest_per_intervention_whatever_the_order():
    of_logits = digests.logits_digests(ROWS)
    assert of_logits == digests.logits_digests(ROWS[::-1])
    assert list(of_logits) == ["q/s/01@0", "q/s/01@1"]
    assert of_logits["q/s/01@1"] == sha256(canonical_json([[0, "c"], [1, "d"]]).encode())


TEXTS = [
    {"intervention": "q/s/00", "noise_seed": None, "prompt": 1, "sample_seed": 5, "tokens": [3]}
]


def test_tokens_have_one_digest_per_intervention():
    assert digests.token_digests(TEXTS) == {"q/s/00@none": sha256(b"[[1,5,[3]]]")}


def by(backend, rows):
    """The rows as a backend's."""
    return [row | {"backend": backend} for row in rows]


def test_the_digests_of_a_run_are_those_of_its_stages(tmp_path):
    deciding = {"noise_seeds": [0, 1], "evaluation.text": str(tmp_path / "text")}
    deciding["evaluation.documents_of_other_backends"] = 2
    (tmp_path / "text").write_bytes(b"One.")
    manifest = {"tensors": [{"name": "w", "sha256": "0f"}, {"name": "v", "sha256": "1f"}]}
    noise = {"q-zero-0": {"0.weight": np.zeros(3, np.float32)}}
    rows, texts = by("exact", ROWS), by("exact", TEXTS)
    wanted = {
        "config": {
            "noise_seeds": sha256(b"[0,1]"),
            "evaluation.documents_of_other_backends": sha256(b"2"),
            "evaluation.text": sha256(f'"{sha256(b"One.")}"'.encode()),
        },
        "weights": {"w": "0f", "v": "1f"},
        "noise": digests.noise_digests(noise),
        "logits": digests.logits_digests(ROWS),
        "tokens": digests.token_digests(TEXTS),
    }
    assert digests.collect(deciding, manifest, noise, rows, texts, ["exact"]) == wanted
    # a reference backend scores more documents than the others, which have to give its digests
    more = [*rows, rows[0] | {"document": 2, "logits_sha256": "f"}]
    assert digests.collect(deciding, manifest, noise, more, texts, ["exact"]) == wanted
    # of two exact backends, each has its own, whatever the order of rows
    other = [row | {"logits_sha256": "e"} for row in by("second", ROWS[:2])]
    texts = by("second", TEXTS) + texts
    both = digests.collect(deciding, manifest, noise, other + rows, texts, ["exact", "second"])
    assert both == wanted | {
        "logits of second": digests.logits_digests(other),
        "tokens of second": wanted["tokens"],
    }


EXPECTED = {
    "config": {"noise_seeds": "x"},
    "weights": {"w": "1", "v": "2"},
    "noise": {"n": "3"},
    "logits": {"l": "4"},
    "tokens": {"t": "5"},
}


class Recomputed:
    """Stages as EXPECTED has them, or with one digest changed; remembers which were asked for."""

    def __init__(self, stage=None, name=None, digest=None):
        self.asked, self.values = [], copy.deepcopy(EXPECTED)
        if stage:
            self.values[stage][name] = digest

    def __getattr__(self, stage):
        self.asked.append(stage)
        return lambda: self.values[stage]


def test_all_digests_reproduced():
    lines = list(digests.verify(EXPECTED, EXPECTED["config"], Recomputed()))
    assert lines[-1] == "5 of 5 digests reproduced"
    assert lines[:-1] == [
        f"{stage}: {count} of {count} reproduced"
        for stage, count in (("weights", 2), ("noise", 1), ("logits", 1), ("tokens", 1))
    ]


@pytest.mark.parametrize(
    ("stage", "name", "before"),
    [("weights", "v", 0), ("noise", "n", 2), ("logits", "l", 3), ("tokens", "t", 4)],
)
@pytest.mark.parametrize("digest", ["9", None])
def test_the_first_difference_is_named_by_stage(stage, name, before, digest):
    stages = Recomputed(stage, name, digest)
    with pytest.raises(UserError) as error:
        list(digests.verify(EXPECTED, EXPECTED["config"], stages))
    assert f"verify: {stage} of {name} differ" in str(error.value)
    assert f"{before} of 5 digests were reproduced before it" in str(error.value)
    assert stages.asked == digests.STAGES[: len(stages.asked)] or stages.asked[-1] == stage


@pytest.mark.parametrize("config", [{"noise_seeds": "y"}, {}, {"noise_seeds": "x", "new": "z"}])
def test_another_config_is_not_comparable(config):
    stages = Recomputed()
    with pytest.raises(UserError, match=r"^not comparable: (noise_seeds|new)$"):
        list(digests.verify(EXPECTED, config, stages))
    assert stages.asked == []


def test_without_expected_digests_nothing_is_comparable(tmp_path):
    with pytest.raises(UserError, match="not comparable: there are no expected digests"):
        digests.read_expected(tmp_path / "none.json")
    write_json(tmp_path / "digests.json", EXPECTED)
    assert digests.read_expected(tmp_path / "digests.json") == EXPECTED
    (tmp_path / "digests.json").write_text('{"config": ')
    with pytest.raises(UserError, match="holds no digests; take it from the repository again"):
        digests.read_expected(tmp_path / "digests.json")


def test_the_expected_digests_are_of_the_default_config():
    expected = read_json(ROOT / "resources/expected/pocket-gpt2.json")
    assert expected["config"] == of_config()
    assert len(expected["logits"]) == len(expected["tokens"]) == 1 + 5 * 12


def test_digests_of_a_run_are_compared_in_one_line(tmp_path):
    own = {"config": {"a": "1"}, "weights": {"w": "x"}, "noise": {}, "logits": {"l": "y"}}
    own |= {"tokens": {"t": "z"}}
    assert digests.compared(own, own) == "reproduced: 3 of 3 digests of the exact backend"
    assert digests.compared(None, own) == "no expected digests for this run"
    assert digests.compared(own, None).startswith("not verifiable")
    changed = own | {"logits": {"l": "changed"}, "tokens": {}}
    assert digests.compared(own, changed) == "differs: 2 of 3 digests, logits of l first"
    assert "not comparable" in digests.compared(own | {"config": {"a": "2"}}, own)
    path = tmp_path / "digests.json"
    path.write_text('{"config": {}}')
    for kept, wanted in (
        ({"logits": {"l": "y"}, "tokens": {"t": "z"}}, "gave the same 2 digests of logits and"),
        ({"logits": {"l": "y"}, "tokens": {"t": "a"}}, "differs: 1 of 2 digests, tokens of t fi"),
        ({"logits": {}, "tokens": {"t": "a"}}, "differs: 2 of 2 digests, logits of l first"),
    ):
        second = own | {f"{stage} of exact_cuda": found for stage, found in kept.items()}
        assert digests.compared(own, second).startswith(
            f"reproduced: 3 of 3 digests of the exact backend; exact_cuda {wanted}"
        )
        assert digests.compared(None, second).startswith(
            f"no expected digests for this run; exact_cuda {wanted}"
        )
    assert digests.read_first([str(path)]) == {"config": {}}
    assert digests.read_first([]) is None
