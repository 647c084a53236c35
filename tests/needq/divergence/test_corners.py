"""The ledger's texts: the left backend of a pair, compared with the backend at each corner."""

import numpy as np
import process_state
import pytest
import torch
from needq.common import columns
from needq.common.backends import Backend
from needq.common.settings import Generation
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import make_patches
from needq.divergence.corners import Trace, compare_corners
from needq.inference.generate import generate_all
from needq.inference.native_noise import native_noise
from needq.inference.patcher import Patcher
from needq.inference.session import Session
from needq.inference.trace import trace_corners
from needq.plan.corners import corners, side_corners
from needq.plan.interventions import sweep_interventions
from pandas import DataFrame
from safetensors.numpy import save_file
from sweeps import SWEEP

LEFT = Backend(precision="bfloat16", noise="native", batch=8)
RIGHT = Backend(precision="bfloat16", kernels="eager", batch=1, cache=False)
RIGHT = RIGHT.changed(rng="cuda", noise="cuda", gpu="T4")
PROMPTS = ["Once upon", "The cat", "x"]
IDS = {"prompts": [list(text.encode()) for text in PROMPTS], "end": None}
IDS |= {"documents": [list(b"A dog ran away"), list(b"A")], "bytes": []}
SETTINGS = Generation(prompts=PROMPTS, sample_seeds=[0, 1], max_new_tokens=8, top_k=0)
NAMES = ("cpu_a", "cpu_b")


@pytest.fixture(scope="module")
def rows(gpt2, tmp_path_factory):
    """The rows of the ledger of two backends of a small model."""
    folder, weights = tmp_path_factory.mktemp("noise"), gpt2.backup / "model.safetensors"
    keyed, files = {}, {}
    for seed in (0, 1):
        name = f"q-gaussian-{seed}"
        keyed[name] = noise_tensors(gpt2.tensors, gpt2.architecture, "q", "gaussian", seed)
    for side, backend in (("left", LEFT), ("right", RIGHT)):
        drawn = native_noise(weights, backend, torch.device("cpu"))
        files[side] = [str(folder / side / f"{name}.safetensors") for name in keyed]
        (folder / side).mkdir()
        for name, file in zip(keyed, files[side], strict=True):
            save_file(drawn[name], file)
    interventions = sweep_interventions("test", SWEEP, 4, (0, 1))
    patches = make_patches(interventions, gpt2.architecture, gpt2.tensors, keyed)

    def trace(some, own, reference):
        """What one process leaves."""
        work = Session(some[0].backend, weights, [], own)
        return Trace(*trace_corners(work, some, files, IDS, SETTINGS, 1, reference, [0, 3]))

    with process_state.restored():
        work = Session(LEFT, weights, [], patches)
        patcher = Patcher(work.model, weights, keyed)
        reference = generate_all(work.model, patcher, patches, IDS, SETTINGS, LEFT)
        traces = {}
        for side in ("left", "right"):
            some = side_corners(side, LEFT, RIGHT)
            traces[side, "first"] = trace(some, patches, reference)
            again = [patch for patch in patches if patch.noise_seed in (None, 0)]
            traces[side, "second"] = trace(some[:1], again, reference)
        return DataFrame(compare_corners(NAMES, (LEFT, RIGHT), traces))


def test_a_trace_keeps_its_corners_apart():
    some = corners(LEFT, RIGHT)
    texts = [{"corner": corner.name, "prompt": prompt} for corner in some for prompt in (3, 4)]
    logits = {f"{corner.name}: q/s/01@0": np.array([n]) for n, corner in enumerate(some)}
    trace = Trace(texts, logits)
    for number, corner in enumerate(some):
        mine, its_logits = trace.at(corner)
        assert mine == texts[2 * number : 2 * number + 2]
        assert its_logits == {"q/s/01@0": np.array([number])}


def test_rows_are_every_corner_of_every_text(rows):
    # interventions with their noise seeds, prompts and a document, sample seeds
    texts = (1 + 4 * 2) * (3 + 1) * 2
    names = [corner.name for corner in corners(LEFT, RIGHT)[1:]]
    assert len(names) == 7
    counts = rows.groupby(["left", "right", "corner"], sort=False).size()
    repeat = (1 + 4) * (3 + 1) * 2
    assert dict(counts) == {
        ("cpu_a", "cpu_a", "repeat"): repeat,
        ("cpu_b", "cpu_b", "repeat"): repeat,
    } | {(*NAMES, name): texts for name in names}
    assert set(columns.LEDGER_TEXTS) <= set(rows)
    compared = rows["max_abs_logit"].notna()
    assert (compared == ((rows["sample_seed"] == 0) & (rows["prompt"] < 3))).all()


def test_repeats_are_the_same_bits(rows):
    repeats = rows[rows["corner"] == "repeat"]
    assert repeats["identical"].all()
    assert (repeats["max_abs_logit"].dropna() == 0).all()


def test_each_cause_makes_its_own_kind_of_divergence(rows):
    of = {name: part.set_index("intervention") for name, part in rows.groupby("corner")}
    # noise changes no text of the pristine model, and no logits of it
    assert of["noise"].loc["q/test/00", "identical"].all()
    assert (of["noise"].loc["q/test/00", "max_abs_logit"].dropna() == 0).all()
    assert of["noise"].loc["q/test/04", "max_abs_logit"].max() > 0.01
    # token draws change texts alone
    draws = of["token draws"]
    assert not draws["identical"].any()
    assert (draws["max_abs_logit"].dropna() == 0).all()
    # arithmetic changes logits a little, also of the pristine model
    assert 0 < of["arithmetic"].loc["q/test/00", "max_abs_logit"].max() < 0.1


def test_distinct_texts_have_one_number(rows):
    part = rows[rows["corner"] == "noise"]
    for _, of_prompt in part.groupby(["prompt", "sample_seed"]):
        numbers = of_prompt["distinct_text"].tolist()
        assert numbers[0] == 0
        assert set(numbers) == set(range(max(numbers) + 1))
    assert part["distinct_text"].max() > 0
