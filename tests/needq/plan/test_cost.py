"""What a job costs: amounts by counting, constants by what was measured."""

import pytest
from needq.common.backends import Backend
from needq.common.settings import Sweep
from needq.inference.stack import STACK_BYTES
from needq.plan import cost
from needq.plan.cost import Shape, Texts, passed_blocks, shape_of
from needq.plan.interventions import interventions, sweep_interventions
from needq.plan.sizes import Sizes, read_sizes
from planning import read

GPT2 = Shape(12, 768, 3072, 2, 768, 50_257)
EXACT = Backend(arithmetic="exact", precision="float64", rng="keyed")
PROMPTS = Texts(6, 9, 32, 50)


def cumulative(seeds=5, n_blocks=12):
    return sweep_interventions("cumulative", Sweep(run="texts"), n_blocks, range(seeds))


def test_the_shape_of_a_model():
    pocket = shape_of(read_sizes("resources/pocket-gpt2"))
    assert pocket == Shape(12, 128, 512, 2, 128, 4000, 256)
    # by torch: W_Q, W_K, W_V, W_O, two matrices of the MLP; and the embedding
    assert GPT2.weights == 12 * (4 * 768 * 768 + 2 * 768 * 3072) + 768 * 50_257
    llama = shape_of(Sizes(2, 48, 6, 2, 64, 96, 99, 3))
    assert llama.key_value_width == 16
    assert llama.block_weights == 2 * 48 * 48 + 2 * 48 * 16 + 3 * 48 * 96


@pytest.mark.parametrize("name", ["n_blocks", "width", "heads", "inner", "vocabulary"])
def test_no_shape_without_a_size_that_it_needs(name):
    sizes = Sizes(2, 48, 6, 2, 64, 96, 99, 3)
    assert shape_of(sizes)
    assert shape_of(sizes._replace(**{name: None})) is None
    assert shape_of(None) is None


def test_shared_blocks_are_counted_once():
    # of each seed, step k passes through k new blocks with noise before and 12 - k pristine ones
    # after; the pristine model's 12 come once: needq.inference.prefix_tree counts the same
    steps = cumulative()
    assert len(steps) * 12 == 732
    assert passed_blocks(steps, 12) == 402
    assert passed_blocks(steps[:1], 12) == 12
    assert passed_blocks([*steps, *steps], 12) == 402


def test_every_sweep_of_the_default_config_shares_with_itself_alone():
    config = read()
    names = [name for name, sweep in config.sweeps.items() if sweep.matrix in "kvo"]
    alone = [passed_blocks(interventions(config, [name]), 12) for name in names]
    together = passed_blocks(interventions(config, names), 12)
    assert together == sum(alone) - 12 * (len(names) - 1)  # the pristine model is in each


def test_stacks_are_those_of_the_engine():
    steps, native = cumulative(), Backend()
    sizes = [len(stack) for stack in cost.stacks(GPT2, steps, native, PROMPTS)]
    assert sizes == [1, 12, 12, 12, 12, 12]
    alone = cost.stacks(GPT2, steps, native.changed(stack=False), PROMPTS)
    assert [len(stack) for stack in alone] == [1] * 61
    pocket = Shape(12, 128, 512, 2, 128, 4000)
    assert [len(stack) for stack in cost.stacks(pocket, steps, EXACT, PROMPTS)] == [61]
    assert cost.STACK_BYTES == STACK_BYTES
    long = Texts(6, 9, 1000, 50)
    for stack in cost.stacks(GPT2, steps, EXACT, long):
        assert 2 * 12 * 768 * 8 * 1009 * 6 * len(stack) <= STACK_BYTES


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, "float32"),
        ({"precision": "tf32", "device": "cuda"}, "float32"),
        ({"precision": "bfloat16"}, "bfloat16"),
        ({"precision": "bfloat16", "instruction_set": "baseline"}, "baseline"),
        ({"precision": "float64", "arithmetic": "exact"}, "exact"),
    ],
)
def test_the_kind_of_arithmetic(settings, kind):
    assert cost.kind(Backend(**settings)) == kind
    assert kind in cost.RATES
    assert kind in cost.WEIGHT_BYTES


def test_every_precision_and_rng_has_its_constants():
    for precision in ("float64", "float32", "tf32", "bfloat16", "float16"):
        assert cost.RATES[cost.kind(Backend(precision=precision))]
    assert set(cost.DRAWS) == {"native", "keyed", "cuda"}


def test_one_by_one_costs_more_than_a_stack():
    steps, native = cumulative(), Backend()
    stacked = cost.generate_seconds(GPT2, native, steps, PROMPTS)
    alone = cost.generate_seconds(GPT2, native.changed(stack=False), steps, PROMPTS)
    assert stacked < alone


# benchmarks/engine.py at GPT-2's shape, 2026-11-26: seconds of one core, and MB
@pytest.mark.parametrize(
    ("backend", "seeds", "tokens", "seconds", "memory"),
    [
        (Backend(), 1, 16, 7.2, 1277),
        (Backend(), 5, 32, 58.5, 1477),
        (EXACT, 1, 16, 18.4, 2684),
    ],
)
def test_generation_at_gpt2_s_shape(backend, seeds, tokens, seconds, memory):
    steps, texts = cumulative(seeds), PROMPTS._replace(new=tokens)
    found = cost.generate_seconds(GPT2, backend, steps, texts)
    assert seconds / 2 <= found <= 2 * seconds
    found = cost.generate_memory(GPT2, backend, steps, seeds, texts)
    assert memory / 2 <= found <= 2 * memory


@pytest.mark.parametrize(
    ("backend", "seconds", "memory"), [(Backend(), 7.9, 1508), (EXACT, 85.4, 3107)]
)
def test_scoring_at_gpt2_s_shape(backend, seconds, memory):
    blocks = passed_blocks(cumulative(1), 12)
    found = cost.score_seconds(GPT2, backend, blocks, 13, 4, 128)
    assert seconds / 2 <= found <= 2 * seconds
    assert memory / 2 <= cost.score_memory(GPT2, backend, 1, 4, 129) <= 2 * memory
