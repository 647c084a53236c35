"""Configs as tests read and refuse them."""

import json

import pytest
from default_config import with_changes
from needq.common.errors import UserError
from needq.plan.choices import chunks_with
from needq.plan.config import read_config
from needq.plan.report_pages import report_pages
from needq.plan.selection import Selection
from needq.plan.subsets import all_replaced, subset_seeds


def refusal(config):
    """The one line by which a config is refused."""
    with pytest.raises(UserError) as error:
        read_config(config)
    message = str(error.value)
    assert "\n" not in message
    assert message.startswith("config")
    return message


def of_blocks(n_blocks):
    """The change that names a model of that many blocks, of which no file is at hand."""
    source = {"source": "hub", "location": "owner/name", "revision": "0" * 40}
    return ("model", source | {"n_blocks": n_blocks})


def read(*changes):
    """The default config with the values of some keys (dotted) replaced."""
    return read_config(with_changes(*changes))


def plan(config):
    """Ask everything that rules ask of a config, with CUDA and without if both may be."""
    for cuda in (False, True) if config.cuda == "auto" else (config.cuda,):
        selection = Selection(config, cuda)
        for name in ("answering", "comparisons", "deciding", "headline", "ledger_chunks"):
            assert getattr(selection, name) is not None
        assert selection.ledger_choice if selection.ledger_pairs else not selection.ledger_choice
        assert bool(selection.ledger_interventions) == bool(selection.ledger_pairs)
        assert selection.scored
        assert selection.chunks
        assert selection.shown_noise
        assert set(selection.compared) <= set(selection.used)
        for pair in selection.pairs:
            assert selection.compared_chunks(*pair)
        for seed in subset_seeds(config):
            (one,) = all_replaced(config, seed)
            assert len(chunks_with(selection.chunks, [one])) == 1
        for pair in selection.ledger_pairs:
            assert all(selection.side_corners(side, *pair) for side in ("left", "right"))
        assert {"degradation", "provenance"} < set(report_pages(selection))
    json.dumps(config.model_dump(), allow_nan=False)
