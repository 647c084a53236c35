"""Heads whose worth is known are ranked by it; heads that are all alike have no reliable rank."""

import numpy as np
import pandas
import pytest
from needq.backup.architectures import find_architecture
from needq.backup.model import back_up
from needq.common.backends import Backend
from needq.common.files import read_json
from needq.common.keys import noise_parts
from needq.common.unit_columns import NOT_RELIABLE, RELIABLE, WEAK
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import make_patches
from needq.inference.native import NativeModel, load_transformers
from needq.inference.patcher import Patcher
from needq.inference.score import document_rows, score_documents
from needq.metrics.units import units_tables
from needq.plan.interventions import sweep_interventions
from needq.plan.selection import noise_names
from planted_heads import documents, planted_gpt2
from safetensors.numpy import load_file
from small import config_of
from sweeps import SWEEP
from unit_data import heads


def ranked(source, target, rows):
    """`units.tsv` and `unit_reliability.tsv` of the heads of W_Q of a model, under five seeds."""
    back_up(config_of(source), target)
    architecture = find_architecture(read_json(target / "config.json"))
    tensors = load_file(target / "model.safetensors")
    units = heads(architecture.n_blocks, architecture.heads)
    sweep = SWEEP.changed(run="scores", steps="heads", heads=list(range(architecture.heads)))
    interventions = sweep_interventions("heads", sweep, architecture.n_blocks, range(5))
    noise = {
        name: noise_tensors(tensors, architecture, *noise_parts(name))
        for name in noise_names(interventions)
    }
    patches = make_patches(interventions, architecture, tensors, noise)
    model = NativeModel(load_transformers(target, Backend()))
    patcher = Patcher(model, target / "model.safetensors", noise)
    scores = score_documents(model, patcher, patches, rows, [1] * len(rows), 32)
    return units_tables(pandas.DataFrame(document_rows(patches, scores)), units)


def test_a_planted_weak_head_is_first_and_reliable(tmp_path):
    strengths = np.zeros((3, 4))
    strengths[1, 2] = 0.3
    planted_gpt2(strengths, tmp_path / "source")
    units, reliability = ranked(tmp_path / "source", tmp_path / "backup", documents())
    first = units.iloc[0]
    assert (first["block"], first["head"], first["rank"], first["verdict"]) == (1, 2, 1, WEAK)
    assert first["rise_low"] > 0.1
    assert units["rise"].iloc[1:].tolist() == [0] * 11
    assert set(units["verdict"].iloc[1:]) == {"undecided"}
    row = reliability.iloc[0]
    assert (row["verdict"], row["weak_points"]) == (RELIABLE, 1)
    assert row["split_half"] == pytest.approx(1)
    assert row["concordance"] == pytest.approx(1)


def test_a_dead_head_is_last_with_a_rise_of_exactly_0(tmp_path):
    planted_gpt2([[0.1, 0.1, 0, 0.1]], tmp_path / "source")
    units, _ = ranked(tmp_path / "source", tmp_path / "backup", documents())
    last = units.iloc[-1]
    assert (last["head"], last["rank"], last["rise"]) == (2, 4, 0)
    assert (units["rise"].iloc[:-1] > 0.01).all()


def test_the_heads_of_a_random_model_have_no_reliable_rank(gpt2, tmp_path):
    rng = np.random.default_rng(0)
    rows = rng.integers(256, size=(40, 24)).tolist()
    units, reliability = ranked(gpt2.source, tmp_path / "backup", rows)
    row = reliability.iloc[0]
    assert row["verdict"] == NOT_RELIABLE
    assert row["p"] > 0.05
    assert row["split_half"] < 0.7
    assert set(units["verdict"]) == {"undecided"}
