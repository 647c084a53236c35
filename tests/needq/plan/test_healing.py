"""Which models are healed, what a config may not ask for, and what it costs."""

import pytest
from needq.plan import cost
from needq.plan.choices import chunks_with
from needq.plan.cost import Shape
from needq.plan.estimate import Run
from needq.plan.healing import healed, healed_name, healing_job, healing_jobs
from needq.plan.selection import Selection
from planning import read, refusal, with_changes

POCKET = Shape(12, 128, 512, 2, 128, 4000, 256)
ON = ("healing.run", True)
DOCUMENTS = [170.0] * 100


def names(*changes):
    return [healed_name(one) for one in healed(read(*changes))]


def test_nothing_is_healed_by_default():
    assert names() == []
    assert list(healing_jobs(read(), POCKET, DOCUMENTS)) == []


def test_the_pristine_model_is_healed_first():
    assert names(ON) == ["00-none", *(f"12-{seed}" for seed in range(5))]
    some = [ON, ("healing.blocks_replaced", [6, "all"]), ("healing.noise_seeds", 2)]
    assert names(*some) == ["00-none", "06-0", "12-0", "06-1", "12-1"]
    assert len(names(ON, ("healing.noise_seeds", 99))) == 6
    zero = [ON, ("healing.sweep", "zero")]
    assert names(*zero) == ["00-none", "12-none"]


def test_a_healed_model_is_in_one_chunk():
    config = read(ON, ("jobs.interventions_per_job", 1))
    chunks = Selection(config, False).chunks
    found = [chunks_with(chunks, [one]) for one in healed(config)]
    assert [len(names) for names in found] == [1] * 6
    assert len({name for own in found for name in own}) == 6


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (("healing.sweep", "keys"), "healing.sweep: keys is no sweep that is run and replaces W_Q"),
        (("healing.sweep", "single"), "healing.sweep: single is no sweep"),
        (("healing.sweep", "nothing"), "healing.sweep: nothing is no sweep"),
        (("healing.blocks_replaced", [0]), "healing.blocks_replaced: 0 is not a number of blocks"),
        (
            ("healing.blocks_replaced", [13]),
            "13 is not a number of blocks that cumulative replaces",
        ),
        (("healing.text", "none.txt"), "healing.text: there is no file none.txt"),
        (("evaluation.ngram_text", None), "healing.text: is null, and so is evaluation.ngram_text"),
        (("healing.parameters", []), "healing.parameters: is empty"),
        (("healing.parameters", ["keys", "keys"]), "'keys' is given twice"),
        (("healing.steps", 0), "healing.steps"),
        (("healing.batches", 3), "healing.batches: no such key; did you mean batch?"),
    ],
)
def test_what_cannot_be_healed_is_refused(change, line):
    assert line in refusal(with_changes(ON, change))


def test_what_is_not_healed_is_not_checked():
    assert read(("healing.sweep", "nothing"), ("healing.blocks_replaced", [13]))


def test_more_work_costs_more():
    base = healing_job(read(ON), POCKET, DOCUMENTS)
    more = healing_job(read(ON, ("healing.steps", 256)), POCKET, DOCUMENTS)
    training = more.seconds - base.seconds
    assert training > 10
    larger = healing_job(read(ON, ("healing.batch", 4)), POCKET, DOCUMENTS)
    assert larger.seconds - base.seconds == pytest.approx(training, rel=0.2)
    assert larger.memory > base.memory
    fewer = healing_job(read(ON, ("healing.documents", 10)), POCKET, DOCUMENTS)
    assert fewer.seconds < base.seconds
    wide = healing_job(read(ON), cost.Shape(12, 768, 3072, 2, 768, 50_257), DOCUMENTS)
    assert wide.seconds > 10 * base.seconds


def test_the_estimate_has_a_job_per_model():
    off, on = (len(list(Run(read(*own), False, POCKET).jobs())) for own in ((), (ON,)))
    assert on - off == 5 * 6
