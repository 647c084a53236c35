"""Under what noise attention is measured, and what that costs."""

import pytest
from needq.plan.attention import attention_job, attention_noise, match_job, matched
from needq.plan.cost import Shape
from planning import read

POCKET = Shape(12, 128, 512, 2, 128, 4000)


def test_every_method_of_w_q_is_measured_under_every_seed():
    names = attention_noise(read())
    methods = ["gaussian", "matched_scores", "rotated_heads", "permuted"]
    drawn = [f"q-{method}-{seed}" for method in methods for seed in range(5)]
    assert names == [*drawn, "q-zero-0", "q-identity-0"]
    other = read(("sweeps.cumulative.matrix", "k"))
    assert not any(name.startswith("k-") for name in attention_noise(other))


def test_without_a_sweep_of_w_q_its_gaussian_noise_is_measured():
    sweeps = read().sweeps
    others = [(f"sweeps.{name}.run", "off") for name in sweeps if name != "cumulative"]
    config = read(*others, ("sweeps.cumulative.matrix", "mlp"))
    assert attention_noise(config) == [f"q-gaussian-{seed}" for seed in range(5)]


def test_matrices_whose_scores_are_matched():
    assert matched(read()) == ["q"]
    assert matched(read(("sweeps.keys.method", "matched_scores"))) == ["k", "q"]
    assert matched(read(("sweeps.matched_scores.run", "off"))) == []


@pytest.mark.parametrize("job", [attention_job, match_job])
def test_more_seeds_and_larger_models_cost_more(job):
    base = job(read(), POCKET)
    assert job(read(("noise_seeds", list(range(9)))), POCKET).seconds > base.seconds
    wider = job(read(), POCKET._replace(width=512, inner=2048))
    assert wider.seconds > base.seconds
    assert wider.memory > base.memory
