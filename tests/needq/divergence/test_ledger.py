"""The ledger: causes removed one at a time, in both orders, down to identical bits."""

import numpy as np
import process_state
import pytest
from needq.common.settings import Backend, Generation
from needq.corrupt.methods import noise_tensors
from needq.corrupt.patches import make_patches
from needq.divergence import summary
from needq.divergence.ledger import Trace, compare_steps
from needq.inference.generate import generate_all
from needq.inference.session import Session
from needq.inference.trace import trace_backends
from needq.plan.interventions import sweep_interventions
from needq.plan.ledger_steps import backends_of
from pandas import DataFrame
from safetensors.numpy import save_file
from sweeps import SWEEP

LEFT = Backend(precision="bfloat16", noise="native", batch=8)
RIGHT = LEFT.changed(kernels="eager", batch=1, cache=False)  # one thread: two take longer here
PROMPTS = ["Once upon", "The cat", "x"]
IDS = {"prompts": [list(text.encode()) for text in PROMPTS], "end": None}
IDS |= {"documents": [], "bytes": []}
SETTINGS = Generation(prompts=PROMPTS, sample_seeds=[0, 1], max_new_tokens=8, top_k=0)


@pytest.fixture(scope="module")
def rows(gpt2, tmp_path_factory):
    """The rows of the ledger of two backends of a small model."""
    folder, weights = tmp_path_factory.mktemp("noise"), gpt2.backup / "model.safetensors"
    noise = {
        f"q-gaussian-{seed}": noise_tensors(gpt2.tensors, gpt2.architecture, "q", "gaussian", seed)
        for seed in (0, 1)
    }
    for name, tensors in noise.items():
        save_file(tensors, folder / f"{name}.safetensors")
    files = [str(folder / f"{name}.safetensors") for name in noise]
    interventions = sweep_interventions("test", SWEEP, 4, (0, 1))[1:]
    patches = make_patches(interventions, gpt2.architecture, gpt2.tensors, noise)

    def trace(backends, reference):
        """What one process leaves."""
        work = Session(backends[0], weights, files, patches)
        parts = list(trace_backends(work, backends, IDS, SETTINGS, reference, [0, 3]))
        return Trace(
            [text for part in parts for text in part.texts],
            {key: values for part in parts for key, values in part.logits.items()},
        )

    with process_state.restored():
        work = Session(LEFT, weights, files, patches)
        reference = generate_all(work.model, work.patcher, patches, IDS, SETTINGS, LEFT)
        traces = {}
        for side in ("left", "right"):
            backends = backends_of(side, LEFT, RIGHT)
            traces[side, "first"] = trace(backends, reference)
            traces[side, "second"] = trace(backends[:1], reference)
        return DataFrame(compare_steps(("cpu_a", "cpu_b"), (LEFT, RIGHT), traces))


def test_a_trace_keeps_what_each_backend_left_apart():
    texts = [{"backend_number": number, "prompt": prompt} for number in (0, 1) for prompt in (3, 4)]
    logits = {f"{number} q/s/01@0": np.array([number]) for number in (0, 1, 10)}
    trace = Trace(texts, logits)
    under_1, logits_under_1 = trace.under(1)
    assert under_1 == texts[2:]
    assert logits_under_1 == {"q/s/01@0": np.array([1])}


def test_rows_are_every_step_of_every_text(rows):
    texts = 4 * 2 * 3 * 2  # interventions, noise seeds, prompts, sample seeds
    assert len(rows) == texts * (2 * 6 + 2)
    counts = rows.groupby(["left", "right", "order", "step"]).size()
    assert set(counts) == {texts}
    assert set(rows["order"]) == {"repeat", "forwards", "backwards"}


def test_repeats_and_exact_ends_are_the_same_bits(rows):
    repeats = rows[rows["order"] == "repeat"]
    assert {tuple(pair) for pair in repeats[["left", "right"]].to_numpy()} == {
        ("cpu_a", "cpu_a"),
        ("cpu_b", "cpu_b"),
    }
    ends = rows[(rows["step"] == 5) & (rows["order"] != "repeat")]
    for part in (repeats, ends):
        assert part["identical"].all()
        assert (part["max_abs_logit"].dropna() == 0).all()
        assert part["kl"].notna().any()


def test_rounding_is_left_until_exact(rows):
    largest = rows[rows["order"] == "forwards"].groupby("step")["max_abs_logit"].max()
    assert 1e-3 < largest[2] < 10  # same noise, same draws: kernels, batch and cache differ
    assert largest[4] < 1e-9  # float64
    assert largest[5] == 0


def test_the_table_is_a_few_lines_from_the_rows(rows):
    assert 0 < rows["identical"].mean() < 1
    table = summary.ledger_table(rows).set_index(["left", "right", "order", "step"])
    for key, part in rows.groupby(["left", "right", "order", "step"]):
        row = table.loc[key]
        assert row["identical_share"] == pytest.approx(part["identical"].mean())
        shared = [
            1 if place is None or np.isnan(place) else place / tokens
            for place, tokens in zip(part["first_divergent_token"], part["tokens"], strict=True)
        ]
        assert row["common_prefix_share"] == pytest.approx(np.mean(shared))
        assert row["kl"] == pytest.approx(part["kl"].mean())
        assert row["max_ulp"] == part["max_ulp"].max()
        assert row["texts"] == len(part)
