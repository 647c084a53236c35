"""What a run costs, against what runs took, and how it grows."""

import pytest
import yaml
from default_config import OVERLAYS, overlaid
from hypothesis import given, settings
from hypothesis import strategies as st
from needq.plan import cost, estimate
from needq.plan.config import read_config
from needq.plan.estimate import Run
from planning import of_blocks, read

POCKET = cost.Shape(12, 128, 512, 2, 128, 4000)
GPT2 = cost.Shape(12, 768, 3072, 2, 768, 50_257)

# The default run of 2026-11-27 on two cores of an AMD EPYC with AVX-512 that did nothing else:
# seconds of all jobs of a kind, one core each, and the MB of the one that took most. (Snakemake
# samples processor time every half minute, so the wall time of a core of one's own says more.)
MEASURED = {
    "generate": (77.8, 3018),
    "compute_logits": (29.8, 865),
    "repeat": (26.4, 962),
    "score": (214.5, 644),
    "score_ngrams": (5.7, 490),
    "make_reference_texts": (19.1, 679),
    "draw_native_noise": (6.7, 249),
    "trace_corners": (83.1, 716),
}
ALL_JOBS = 540.0  # seconds of every job together
SNAKEMAKE = 10.0  # the rest of twice the 275 s that the command took
LONGEST = 84.0  # seconds: score, of the reference backend
DISK = 69.0  # MB in results/pocket-gpt2 at the end


def of(config=None, shape=POCKET, cuda=False):
    return Run(config or read(), cuda, shape).estimate()


def by_kind(run):
    """The estimated seconds and MB of each kind of job that computes with the model."""
    used, backends, found = run.used, run.config.divergence.backends, {}

    def add(name, job):
        seconds, memory = found.get(name, (0, 0))
        found[name] = (seconds + job.seconds, max(memory, job.memory))

    [(name, chunk)] = used.text_chunks.items()
    for backend in used.compared:
        add("generate", run.generate(backends[backend], chunk))
        add("compute_logits", run.logits(backends[backend], chunk))
        add("repeat", run.repeat(backends[backend], chunk))
    for backend in used.scored:
        for name, own in used.chunks_of(backend, scored_alone=True).items():
            add("score", run.score(backend, name, own))
    add("score_ngrams", run.ngrams())
    add("make_reference_texts", run.reference_texts(backends[used.reference]))
    for left, right in used.ledger_pairs:
        for side, backend in (("left", left), ("right", right)):
            add("draw_native_noise", run.native_noise(backends[backend]))
            for process in ("first", "second"):
                add("trace_corners", run.corners(side, left, right, process))
    return found


def near(found, measured):
    """Within a factor of two, as is promised."""
    return measured / 2 <= found <= measured * 2


@pytest.mark.parametrize("rule", MEASURED)
def test_each_kind_of_job_takes_what_is_estimated(rule):
    seconds, memory = by_kind(Run(read(), False, POCKET))[rule]
    assert near(seconds, MEASURED[rule][0])
    assert near(memory, MEASURED[rule][1])


def test_the_default_run_takes_what_is_estimated():
    found = of()
    assert near(found.seconds, ALL_JOBS)
    assert near(found.seconds, ALL_JOBS + SNAKEMAKE)
    assert near(found.longest, LONGEST)
    assert near(found.memory, max(memory for _, memory in MEASURED.values()))
    assert near(found.disk, DISK)
    assert found.wall_seconds(1) == found.seconds
    assert found.wall_seconds(2) == found.seconds / 2
    assert found.wall_seconds(1000) == found.longest + estimate.ALONE


COUNT = st.integers(1, 40)


@settings(deadline=None, max_examples=40)
@given(COUNT, COUNT, st.sampled_from(["tokens", "seeds", "documents", "prompts", "pairs"]))
def test_more_of_anything_costs_more(first, second, what):
    few, many = sorted((first, second))
    assert few == many or amounts(what, few) < amounts(what, many)
    assert amounts(what, few) <= amounts(what, many)


def amounts(what, number):
    changes = {
        "tokens": ("generation.max_new_tokens", 99 + number),
        "seeds": ("noise_seeds", list(range(4, 4 + number))),
        "documents": ("evaluation.tokens_per_document", number),
        "prompts": ("generation.prompts", [f"Once upon a time {n}" for n in range(number)]),
        "pairs": ("tasks.pairs", number),
    }
    config = read(changes[what], ("divergence.causes.noise_seeds", 1))
    return of(config).seconds


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 30), st.integers(1, 30))
def test_more_blocks_cost_more(first, second):
    few, many = sorted((first, second))
    found = [of(read(of_blocks(n)), POCKET._replace(n_blocks=n)) for n in (few, many)]
    for name in ("seconds", "disk"):
        assert few == many or getattr(found[0], name) < getattr(found[1], name)


@settings(deadline=None, max_examples=20)
@given(st.integers(1, 8), st.integers(1, 8), st.sampled_from(["width", "inner", "vocabulary"]))
def test_a_larger_model_costs_more(first, second, size):
    few, many = sorted((first, second))
    found = [of(shape=POCKET._replace(**{size: 512 * n})) for n in (few, many)]
    for name in ("seconds", "longest", "memory", "disk"):
        assert few == many or getattr(found[0], name) < getattr(found[1], name)


@pytest.mark.parametrize("overlay", OVERLAYS, ids=lambda file: file.stem)
@pytest.mark.parametrize("cuda", [False, True])
def test_every_config_has_an_estimate(overlay, cuda):
    values = yaml.safe_load(overlay.read_text(encoding="utf-8"))
    hub = {"source": "hub", "location": "owner/name", "revision": "0" * 40, "digests": []}
    config = read_config(overlaid(values, {"model": hub}))
    shape = GPT2._replace(n_blocks=config.model.n_blocks)
    found = of(config, shape, cuda)
    assert min(found) > 0


def test_a_scheduler_is_asked_for_more_than_is_promised():
    job = estimate.Job(600, 1500)
    assert job.minutes_asked == 10 + 50
    assert job.memory_asked == 4000


def test_texts_of_the_reference_alone_are_one_more_job():
    tasks, alone, every = (
        Run(read(("sweeps.single.run", kind)), False, POCKET)
        for kind in ("tasks", "texts_of_reference", "texts")
    )
    jobs = [len(list(run.jobs())) for run in (tasks, alone, every)]
    assert jobs[1] - jobs[0] == 1
    assert jobs[2] - jobs[0] > 10  # of other backends, repeats, logits and comparisons
    seconds = [run.estimate().seconds for run in (tasks, alone, every)]
    assert 10 < seconds[1] - seconds[0] < 25
    assert seconds[2] - seconds[0] > 2 * (seconds[1] - seconds[0])
    disk = [run.estimate() for run in (tasks, alone, every)]
    assert disk[0].disk < disk[1].disk < disk[2].disk
    assert disk[0].meanwhile == disk[1].meanwhile < disk[2].meanwhile
