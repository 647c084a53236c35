"""An overlay before it is written: read as Snakemake reads it, and made to fit in memory."""

import copy
import json
from pathlib import Path

import pytest
import yaml
from default_config import DEFAULT, OVERLAYS, ROOT, at_hand
from needq.common.errors import UserError
from needq.plan import new_run
from needq.plan.estimate import Run
from snakemake.utils import update_config

KEYS = json.loads((ROOT / "resources/pocket-gpt2/config.json").read_text())


@pytest.mark.parametrize("file", OVERLAYS, ids=lambda file: file.stem)
def test_overlays_are_merged_as_snakemake_merges_them(file):
    overlay, expected = yaml.safe_load(file.read_text()), copy.deepcopy(DEFAULT)
    found = new_run.merged(DEFAULT, overlay)
    update_config(expected, overlay)
    assert found == expected
    assert found != DEFAULT


def test_an_overlay_is_read_and_checked(tmp_path):
    overlay = at_hand(yaml.safe_load((ROOT / "configs/gpt2.yaml").read_text()), tmp_path)
    config = new_run.read_overlay(yaml.safe_dump(overlay), ROOT)
    assert config.run == "gpt2"
    assert config.evaluation.ngram_text is None
    overlay["model"]["n_blocks"] = 0
    with pytest.raises(UserError, match=r"config: model.n_blocks: 0 is less than 1"):
        new_run.read_overlay(yaml.safe_dump(overlay), ROOT)


def written(batch):
    """An overlay whose one backend has this batch, with many long texts."""
    backends = {"cpu": {"batch": batch}}
    none = {"pairs": [], "precisions": {"backends": []}, "causes": {"pairs": []}}
    return yaml.safe_dump({"divergence": {"backends": backends, **none}})


def memory(batch):
    config = new_run.read_overlay(written(batch), ROOT)
    return Run(config, False, new_run.shape_of(KEYS)).estimate().memory


def test_the_largest_batch_that_fits_is_taken():
    assert memory(32) > memory(4) > memory(1)
    for batch in (32, 4):
        text, config = new_run.fitting(written, ROOT, KEYS, memory(batch))
        assert text == written(batch)
        assert config.divergence.backends["cpu"].batch == batch
    below = new_run.fitting(written, ROOT, KEYS, memory(4) - 1e-6)
    assert below[1].divergence.backends["cpu"].batch == 2
    assert new_run.fitting(written, ROOT, KEYS, 1)[1].divergence.backends["cpu"].batch == 1


def test_what_is_said_of_an_overlay(tmp_path):
    config = new_run.read_overlay("{}", ROOT)
    first, cost, *more = new_run.said_of(tmp_path / "my run.yaml", config, KEYS)
    assert first.endswith("my run.yaml: 12 blocks, results to results/pocket-gpt2/")
    assert cost.startswith("estimate of a whole run, within a factor of two: about ")
    command = f".venv/bin/snakemake --configfile '{tmp_path}/my run.yaml'"
    assert more[1:] == [
        f"    {command} --cores all",
        f"    {command} --report results/pocket-gpt2/report.html",
    ]


def test_what_is_said_of_gaps():
    first, _, *commands = new_run.gaps(Path("x.yaml"), "no network")
    assert first.startswith("wrote x.yaml, but the hub did not answer (no network): fill in model.")
    assert commands == [
        f"    .venv/bin/snakemake --configfile x.yaml {end}" for end in ("-n", "--cores all")
    ]


def test_the_command_line():
    asked = new_run.asked(["owner/name", "--output", "x.yaml", "--memory", "2.5"])
    assert asked == ("owner/name", "x.yaml", 2500)
    assert new_run.asked(["m"]) == ("m", None, new_run.machine_memory() / 2)
    lines = Path("/proc/meminfo").read_text().splitlines()
    kilobytes = next(int(line.split()[1]) for line in lines if line.startswith("MemTotal"))
    assert new_run.machine_memory() == pytest.approx(kilobytes * 1024 / 1e6, rel=0.01)


def test_files_that_are_not_written(tmp_path):
    there = tmp_path / "there.yaml"
    there.write_text("mine")
    for name, words in (
        (there, "exists; move it, or name another file with --output"),
        (tmp_path / "x.txt", "does not end in .yaml"),
        (tmp_path / "none/x.yaml", "is no folder that you may write to"),
    ):
        with pytest.raises(UserError, match=words):
            new_run.free_file(str(name))
    assert new_run.free_file(str(tmp_path / "x.yaml")) == tmp_path / "x.yaml"
