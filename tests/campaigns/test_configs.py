"""A small sample of the campaign of wrong configs: configs.py runs the whole."""

import sys
from collections import Counter
from pathlib import Path

import pytest
from default_config import ROOT

sys.path.insert(0, str(Path(__file__).parent))

import configs


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch):
    """Locations in the config are relative to the root."""
    monkeypatch.chdir(ROOT)


def test_every_config_of_a_sample_ends_in_acceptance_or_one_line(tmp_path):
    counts = Counter()
    for case in configs.sample(400):
        ended = configs.outcome(case, tmp_path / "config.yaml")
        counts[ended.kind] += 1
        assert ended.kind in (configs.ACCEPTED, configs.REFUSED), (case.name, ended)
    assert counts[configs.ACCEPTED] > 10
    assert counts[configs.REFUSED] > 200


def test_the_campaign_is_large_and_the_same_each_time():
    names = [case.name for case in configs.cases(pairs=10, files=10)]
    assert len(names) > 10_000
    assert names == [case.name for case in configs.cases(pairs=10, files=10)]


def broken(change):
    """How a case ends whose reading does something else."""
    case = configs.Case("broken", lambda: change)
    return configs.outcome(case, Path("nowhere")).kind


def test_a_traceback_a_hang_and_two_lines_are_seen(monkeypatch):
    def fail(_values):
        raise KeyError

    def say(text):
        def refuse(_values):
            error = configs.UserError(text)
            error.__class__ = type("Raw", (configs.UserError,), {"__str__": lambda _self: text})
            raise error

        return refuse

    monkeypatch.setattr(configs, "LIMIT", 1)
    for reading, kind in (
        (fail, configs.TRACEBACK),
        (lambda _values: next(iter(int, 1)) or [0 for _ in iter(int, 1)], configs.HANG),
        (say("config: a: one\nline"), configs.TRACEBACK),
        (say("no key"), configs.TRACEBACK),
        (say("config: a: one line"), configs.REFUSED),
    ):
        monkeypatch.setattr(configs, "read_config", reading)
        assert broken({}) == kind
