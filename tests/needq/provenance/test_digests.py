"""Digests: what decides them, and how a difference is named."""

import copy

import pytest
import yaml
from default_config import DEFAULT, ROOT, SCHEMA_FILE
from needq.common.errors import UserError
from needq.common.files import canonical_json, sha256
from needq.plan.config import checked
from needq.provenance import digests


@pytest.fixture(autouse=True)
def at_root(monkeypatch):
    """The config's files are named from the root."""
    monkeypatch.chdir(ROOT)


def config(**changes):
    """The default config, complete, with keys of its groups changed."""
    values = copy.deepcopy(DEFAULT)
    for group, keys in changes.items():
        values[group] = values[group] | keys if isinstance(keys, dict) else keys
    return checked(values, SCHEMA_FILE)


def differing(one, other):
    return {key for key in one.keys() | other.keys() if one.get(key) != other.get(key)}


DECIDES = {
    "noise_seeds": ({"noise_seeds": [0, 1]}, {"noise_seeds"}),
    "temperature": ({"generation": {"temperature": 0.5}}, {"generation.temperature"}),
    "model": ({"model": {"digests": []}}, {"model.digests"}),
    "tokens": ({"evaluation": {"tokens_per_document": 9}}, {"evaluation.tokens_per_document"}),
    "text": ({"evaluation": {"text": "resources/texts/evaluation.txt"}}, {"evaluation.text"}),
    "sweep": (
        {"sweeps": {"cumulative": DEFAULT["sweeps"]["cumulative"] | {"dose": 0.5}}},
        {"sweeps.cumulative"},
    ),
    "another sweep": ({"sweeps": {"other": {}}}, set()),
    "backends": ({"backends": {"cpu": {"device": "cpu", "threads": 2}}}, set()),
    "positions": ({"compare": {"positions": [0]}}, set()),
    "chunks": ({"jobs": {"interventions_per_job": 1}}, set()),
    "run": ({"run": "other"}, set()),
}


@pytest.mark.parametrize("change", DECIDES)
def test_config_keys_that_decide_results(change):
    changes, wanted = DECIDES[change]
    assert differing(digests.of_config(config()), digests.of_config(config(**changes))) == wanted


def test_a_copy_of_the_text_elsewhere_is_the_same_text(tmp_path):
    copied = tmp_path / "copy.txt"
    copied.write_bytes((ROOT / DEFAULT["evaluation"]["text"]).read_bytes())
    found = digests.of_config(config(evaluation={"text": str(copied)}))
    assert found == digests.of_config(config())


ROWS = [
    {"intervention": "q/s/01", "noise_seed": seed, "document": document, "logits_sha256": name}
    for seed, document, name in ((0, 0, "a"), (0, 1, "b"), (1, 0, "c"), (1, 1, "d"))
]


def test_logits_have_one_digest_an_intervention_whatever_the_order():
    found = digests.of_logits(ROWS)
    assert found == digests.of_logits(ROWS[::-1])
    assert list(found) == ["q/s/01@0", "q/s/01@1"]
    assert found["q/s/01@1"] == sha256(canonical_json([[0, "c"], [1, "d"]]).encode())


def test_tokens_have_one_digest_an_intervention():
    texts = [
        {"intervention": "q/s/00", "noise_seed": None, "prompt": 1, "sample_seed": 5, "tokens": [3]}
    ]
    found = digests.of_tokens(texts)
    assert found == {"q/s/00@none": sha256(b"[[1,5,[3]]]")}


EXPECTED = {
    "config": {"noise_seeds": "x"},
    "weights": {"w": "1", "v": "2"},
    "noise": {"n": "3"},
    "logits": {"l": "4"},
    "tokens": {"t": "5"},
}


class Found:
    """Stages as EXPECTED has them, or with one digest changed; remembers which were asked for."""

    def __init__(self, stage=None, name=None, digest=None):
        self.asked, self.values = [], copy.deepcopy(EXPECTED)
        if stage:
            self.values[stage][name] = digest

    def __getattr__(self, stage):
        self.asked.append(stage)
        return lambda: self.values[stage]


def test_all_digests_reproduced():
    said = list(digests.verify(EXPECTED, EXPECTED["config"], Found()))
    assert said[-1] == "5 of 5 digests reproduced"
    assert said[:-1] == [
        f"{stage}: {count} of {count} reproduced"
        for stage, count in (("weights", 2), ("noise", 1), ("logits", 1), ("tokens", 1))
    ]


@pytest.mark.parametrize(
    ("stage", "name", "before"),
    [("weights", "v", 0), ("noise", "n", 2), ("logits", "l", 3), ("tokens", "t", 4)],
)
@pytest.mark.parametrize("digest", ["9", None])
def test_the_first_difference_is_named_by_stage(stage, name, before, digest):
    found = Found(stage, name, digest)
    with pytest.raises(UserError) as error:
        list(digests.verify(EXPECTED, EXPECTED["config"], found))
    assert f"verify: {stage} of {name} differ" in str(error.value)
    assert f"{before} of 5 digests were reproduced before it" in str(error.value)
    assert found.asked == digests.STAGES[: len(found.asked)] or found.asked[-1] == stage


@pytest.mark.parametrize("config", [{"noise_seeds": "y"}, {}, {"noise_seeds": "x", "new": "z"}])
def test_another_config_is_not_comparable(config):
    found = Found()
    with pytest.raises(UserError, match="^not comparable: (noise_seeds|new)$"):
        list(digests.verify(EXPECTED, config, found))
    assert found.asked == []


def test_without_expected_digests_nothing_is_comparable(tmp_path):
    with pytest.raises(UserError, match="not comparable: there are no expected digests"):
        digests.read(tmp_path / "none.json")


def test_the_expected_digests_are_of_the_default_config():
    found = yaml.safe_load((ROOT / "resources/expected/pocket-gpt2.json").read_text())
    assert found["config"] == digests.of_config(config())
    assert len(found["logits"]) == len(found["tokens"]) == 1 + 5 * 12


def test_digests_of_a_run_are_compared_in_one_line(tmp_path):
    one = {"config": {"a": "1"}, "weights": {"w": "x"}, "noise": {}, "logits": {"l": "y"}}
    one |= {"tokens": {"t": "z"}}
    assert digests.compared(one, one) == "reproduced: 3 of 3 digests of the exact backend"
    assert digests.compared(None, one) == "no expected digests for this run"
    assert digests.compared(one, None).startswith("not verifiable")
    other = one | {"logits": {"l": "changed"}, "tokens": {}}
    assert digests.compared(one, other) == "differs: 2 of 3 digests, logits of l first"
    assert "not comparable" in digests.compared(one | {"config": {"a": "2"}}, one)
    path = tmp_path / "digests.json"
    path.write_text('{"config": {}}')
    assert digests.of_run([str(path)]) == {"config": {}} and digests.of_run([]) is None
