"""What a run uses: backends, pairs, chunks and noise, with CUDA and without."""

import pytest
from needq.plan.selection import Selection, noise_names
from planning import of_blocks, read


def select(*changes, cuda=False):
    """What the default config with changes uses."""
    return Selection(read(*changes), cuda)


NO_PRECISIONS = ("divergence.precisions.backends", [])
NO_PAIRS = ("divergence.pairs", [])
NO_CAUSES = ("divergence.causes.pairs", [])


# -- backends and pairs


def test_backends_and_pairs_with_and_without_cuda():
    for cuda in (False, True):
        alone = select(NO_PAIRS, NO_PRECISIONS, cuda=cuda)
        assert alone.scored == alone.compared == ["cpu"]
        assert alone.pairs == [("cpu", "cpu")]
    pairs = ("divergence.pairs", [["cpu", "cuda"], ["cpu", "exact"]])
    with_cuda, without = select(pairs, NO_PRECISIONS, cuda=True), select(pairs, NO_PRECISIONS)
    assert with_cuda.scored == ["exact", "cpu", "cuda"]  # what is portable heads every table
    assert without.scored == ["exact", "cpu"]
    assert without.pairs == [("cpu", "cpu"), ("exact", "exact"), ("cpu", "exact")]
    assert with_cuda.pairs == [
        *(("cpu", "cpu"), ("cuda", "cuda"), ("exact", "exact")),
        *(("cpu", "cuda"), ("cpu", "exact")),
    ]


def test_the_backends_of_the_precisions_are_compared_and_do_not_score():
    precisions = {"reference": "cpu_float64", "backends": ["cpu_keyed_bf16", "cuda", "cpu_keyed"]}
    keyed = [(f"divergence.backends.{name}.rng", "keyed") for name in ("cpu_float64", "cuda")]
    changes = [("divergence.precisions", precisions), *keyed]
    selection = select(*changes)
    assert selection.scored == ["exact", "cpu"]
    compared = ["cpu", "predicted_cuda", "exact", "cpu_float64", "cpu_keyed", "cpu_keyed_bf16"]
    assert selection.compared == compared
    pairs = [("cpu_float64", "cpu_keyed_bf16"), ("cpu_float64", "cpu_keyed")]
    assert selection.precision_pairs == pairs
    assert selection.pairs == [
        *((name, name) for name in compared),
        ("cpu", "predicted_cuda"),
        ("cpu", "exact"),
        *pairs,
    ]
    with_cuda = select(*changes, cuda=True)
    assert with_cuda.precision_pairs == [pairs[0], ("cpu_float64", "cuda"), pairs[1]]


def test_precisions_without_their_reference_are_not_run():
    on_cuda = [(f"divergence.backends.{name}.device", "cuda") for name in ("exact", "cpu_float64")]
    assert select(*on_cuda, NO_PAIRS).precision_pairs == []
    assert select(*on_cuda, NO_PAIRS).compared == ["cpu"]


def test_a_pair_that_is_named_twice_is_compared_once():
    selection = select(("divergence.pairs", [["exact", "cpu_keyed_bf16"]]))
    assert selection.pairs.count(("exact", "cpu_keyed_bf16")) == 1


def test_the_ledger_runs_on_the_devices_that_there_are():
    pairs = [("cpu_a_bf16", "cpu_b_bf16"), ("cpu_a", "predicted_cuda_a")]
    assert select().ledger_pairs == pairs
    assert select(cuda=True).ledger_pairs == [*pairs, ("cpu_a", "cuda_a")]
    assert select(NO_CAUSES, cuda=True).ledger_pairs == []


def test_every_backend_that_is_run_is_used():
    named = {"cpu", "predicted_cuda", "exact", "cpu_keyed_bf16", "cpu_a_bf16", "cpu_b_bf16"}
    named |= {"cpu_a", "predicted_cuda_a"}
    assert set(select().used) == named
    assert set(select(cuda=True).used) == named | {"cuda", "exact_cuda", "cuda_a"}


def test_what_a_gpu_would_write_is_compared_and_not_scored():
    assert "predicted_cuda" not in select(cuda=True).scored
    pairs = [("cpu", "predicted_cuda"), ("predicted_cuda", "cuda")]
    assert set(pairs) <= set(select(cuda=True).pairs)
    assert [pair for pair in pairs if pair in select().pairs] == pairs[:1]
    reference = select(("divergence.reference", "predicted_cuda"))
    assert "predicted_cuda" in reference.scored


def test_cpu_and_gpu_are_compared_first_or_else_cpu_and_predicted_gpu():
    for cuda, first in ((True, ("cpu", "cuda")), (False, ("cpu", "predicted_cuda"))):
        assert next(pair for pair in select(cuda=cuda).pairs if pair[0] != pair[1]) == first


def test_whether_anything_computes_on_cuda():
    assert not select().on_cuda
    assert select(cuda=True).on_cuda
    assert not select(NO_PAIRS, NO_CAUSES, cuda=True).on_cuda
    assert select(NO_PAIRS, cuda=True).on_cuda  # the ledger alone


def test_digests_are_those_of_every_exact_backend_that_scores():
    assert select().digested == ["exact"]
    assert select(cuda=True).digested == ["exact", "exact_cuda"]
    assert select(NO_PAIRS, cuda=True).digested == []
    swapped = [("divergence.backends.exact.device", "cuda")]
    swapped.append(("divergence.backends.exact_cuda.device", "cpu"))
    assert select(*swapped, cuda=True).digested == ["exact_cuda", "exact"]


def test_portable_backends_are_exact_and_keyed():
    selection = select(("divergence.backends.cpu.rng", "keyed"))
    assert selection.portable(selection.backends) == ["exact", "exact_cuda"]
    assert selection.portable(["cpu", "cuda"]) == []
    for factor in ("rng", "noise"):
        selection = select(
            (f"divergence.backends.exact.{factor}", "native"), NO_PRECISIONS, *GAUSSIAN
        )
        assert selection.portable(selection.backends) == ["exact_cuda"]


GAUSSIAN = [(f"sweeps.{name}.run", "off") for name in ("permuted", "zero", "identity")]


def test_what_verifies_is_exact_whether_it_is_compared_or_not():
    exact = select().backends["exact"]
    assert select().verifying == exact
    assert select(NO_PAIRS, NO_PRECISIONS).verifying == exact
    another = ("divergence.backends.first", {"arithmetic": "exact", "rng": "keyed"})
    another[1]["precision"] = "float64"
    another[1]["batch"] = 7
    assert select(another, NO_PRECISIONS).verifying == exact  # the one that is compared
    for device in ("cpu", "cuda"):  # whether the run has a device or not
        for cuda in (False, True):
            selection = select(("verify_device", device), cuda=cuda)
            assert selection.verifying == exact.changed(device=device)
    none = ("divergence.backends", {"cpu": {}})
    tasks = ("tasks.backends", [])
    assert select(none, NO_PAIRS, NO_PRECISIONS, NO_CAUSES, tasks).verifying is None


def test_the_reference_answers_the_tasks_and_those_that_are_named():
    assert select().answering == ["cpu", "cuda"]
    assert select(("tasks.backends", [])).answering == ["cpu"]


# -- chunks


def sweeps_of(chunks):
    """The sweeps of chunks, in order."""
    return list(dict.fromkeys(one.sweep for chunk in chunks.values() for one in chunk))


def test_the_reference_alone_scores_every_document():
    used = select(("evaluation.documents_of_other_backends", 5), cuda=True)
    assert used.documents_of("cpu") is None
    assert {used.documents_of(name) for name in used.scored if name != "cpu"} == {5}


def test_n_gram_baselines_are_made_of_a_text():
    assert select().baselines
    without = select(("evaluation.ngram_text", None))
    assert not without.baselines
    # they decide no digest
    assert without.deciding == select().deciding


def test_no_chunk_mixes_kinds_of_sweep():
    runs = {"a": {"run": "texts"}, "b": {"run": "texts", "exact": True}, "c": {}}
    selection = select(
        ("sweeps", runs | {"d": {"run": "off"}}),
        of_blocks(4),
        ("noise_seeds", [0]),
        ("jobs.interventions_per_job", 3),
        NO_CAUSES,
    )
    kinds = [selection.exact_chunks, selection.text_chunks, selection.chunks]
    assert [sweeps_of(chunks) for chunks in kinds] == [["b"], ["b", "a"], ["b", "a", "c"]]
    assert kinds[0].items() <= kinds[1].items() <= kinds[2].items()
    assert [sum(map(len, chunks.values())) for chunks in kinds] == [5, 10, 15]
    assert len(kinds[2]) == 6  # a pristine model and its four steps stay apart


def test_exact_backends_run_the_exact_sweeps_alone():
    selection = select(("sweeps.keys.run", "texts"))
    assert sweeps_of(selection.chunks_of("cpu")) == ["cumulative", "keys", "single"]
    assert len(sweeps_of(selection.chunks_of("cpu", scored_alone=True))) == 13
    for backends in (["exact"], ["cpu", "exact"], ["exact", "cpu"]):
        assert sweeps_of(selection.chunks_of(*backends)) == ["cumulative"]
    assert sweeps_of(selection.chunks_of("exact", scored_alone=True)) == ["cumulative"]


def test_what_the_reference_alone_generates_is_compared_with_nothing():
    selection = select(
        ("sweeps.keys.run", "texts_of_reference"),
        ("sweeps.single.run", "tasks"),
        ("divergence.precisions", {"reference": "cpu_keyed", "backends": ["cpu_keyed_bf16"]}),
    )
    both = ["cumulative", "keys"]
    assert sweeps_of(selection.reference_chunks) == ["keys"]
    assert sweeps_of(selection.chunks_of("cpu")) == both
    assert sweeps_of(selection.task_chunks) == [*both, "single"]
    # others answer and score there, but generate no texts
    for name in ("predicted_cuda", "cpu_keyed", "cpu_keyed_bf16"):
        assert sweeps_of(selection.chunks_of(name)) == ["cumulative"]
    assert len(sweeps_of(selection.chunks_of("cuda", scored_alone=True))) == 13
    assert "keys" in sweeps_of(selection.chunks_of("cuda", answered=True))
    alone = set(selection.reference_chunks)
    for pair in selection.pairs:
        assert not alone & set(selection.compared_chunks(*pair))
    assert ("cpu", "cpu") in selection.pairs
    assert not alone & set(selection.ledger_chunks)
    assert selection.shown_noise == select().shown_noise
    # an exact reference runs no such sweep, since none can be exact
    exact = select(("divergence.reference", "exact"), ("sweeps.keys.run", "texts_of_reference"))
    assert sweeps_of(exact.chunks_of("exact")) == ["cumulative"]
    assert sweeps_of(exact.chunks_of("cpu")) == ["cumulative"]
    assert "keys" in sweeps_of(exact.chunks_of("cpu", answered=True))


def test_a_repeat_is_of_the_first_noise_seed_and_the_pristine_model():
    selection = select(("noise_seeds", [9, 4]), ("jobs.interventions_per_job", 4))
    chunks = selection.exact_chunks  # the pristine model, then 12 of each noise seed
    assert selection.compared_chunks("cpu", "exact") == list(chunks)
    assert selection.compared_chunks("exact", "exact") == list(chunks)[:2]
    assert [{one.noise_seed for one in chunk} for chunk in chunks.values()] == [{None}, {9}, {4}]


def test_the_ledgers_interventions():
    selection = select(("noise_seeds", [7, 5]))
    choice = {"sweep": "cumulative", "blocks_replaced": [0, 1, 3, 6, 12]}
    assert selection.ledger_choice == choice | {"noise_seeds": [None, 7, 5]}
    steps = [f"q/cumulative/{count:02d}" for count in (1, 3, 6, 12)]
    assert [(one.id, one.noise_seed) for one in selection.ledger_interventions] == [
        ("q/cumulative/00", None),
        *((step, seed) for seed in (7, 5) for step in steps),
    ]
    without = select(("divergence.causes.blocks_replaced", [3, "all"]))
    assert without.ledger_choice["noise_seeds"] == [0, 1, 2, 3, 4]
    assert {one.noise_seed for one in without.ledger_interventions} == {0, 1, 2, 3, 4}


@pytest.mark.parametrize(
    ("given", "seeds"), [(1, [7]), (2, [7, 5]), (9, [7, 5, 3]), ([3, 7], [3, 7]), ([5], [5])]
)
def test_the_ledgers_noise_seeds(given, seeds):
    selection = select(("noise_seeds", [7, 5, 3]), ("divergence.causes.noise_seeds", given))
    assert selection.ledger_choice["noise_seeds"] == [None, *seeds]
    assert {one.noise_seed for one in selection.ledger_interventions} == {None, *seeds}


def test_the_ledgers_chunks_hold_its_interventions():
    blocks = ("divergence.causes.blocks_replaced", [2, "all"])
    seeds = ("divergence.causes.noise_seeds", 2)
    selection = select(("jobs.interventions_per_job", 10), blocks, seeds)
    # the pristine model, then 12 for each noise seed: 2 and 12 of seeds 0 and 1
    assert selection.ledger_chunks == [list(selection.text_chunks)[index] for index in (1, 2)]
    for left in (NO_CAUSES, ("divergence.causes", {"pairs": [], "sweep": "none"})):
        without = select(left)
        assert (without.ledger_chunks, without.ledger_choice) == ([], None)


def test_the_corners_and_the_noise_of_each_side_of_the_ledger():
    selection = select()
    for side, name in (("left", "cpu_a_bf16"), ("right", "cpu_b_bf16")):
        pair = ("cpu_a_bf16", "cpu_b_bf16")
        assert selection.side_corners(side, *pair)[0].backend == selection.backends[name]
        assert selection.corner_noise(side, *pair) == {"left", "right"}
    # without a difference in noise, all corners have that of the left backend
    assert selection.corner_noise("right", "cpu", "cpu_keyed_bf16") == {"left"}


# -- noise, digests, pages


def test_the_noise_that_is_drawn_and_shown():
    selection = select(("noise_seeds", [3, 1]), ("sweeps.zero.run", "texts"))
    assert selection.shown_noise == ["q-gaussian-3", "q-zero-0"]
    chunk = next(iter(selection.exact_chunks.values()))
    assert noise_names(chunk) == ["q-gaussian-1", "q-gaussian-3"]
    assert noise_names(chunk[:1]) == []  # the pristine model


def test_what_decides_the_exact_results():
    deciding = select().deciding
    assert list(deciding)[:3] == ["model.digests", "model.n_blocks", "sweeps.cumulative"]
    assert deciding["noise_seeds"] == [0, 1, 2, 3, 4]
    assert deciding["generation.top_k"] == 50
    assert {"run", "exact"} & set(deciding["sweeps.cumulative"]) == set()
    assert not any("keys" in key or "location" in key for key in deciding)
    for change in (
        ("run", "other"),
        ("sweeps.keys.counts", "all"),
        ("divergence.backends.exact.threads", 3),
        ("jobs.interventions_per_job", 3),
        NO_PRECISIONS,
    ):
        assert select(change).deciding == deciding
    for change in (("generation.top_k", 3), ("sweeps.cumulative.heads", [0]), ("noise_seeds", [1])):
        assert select(change).deciding != deciding


def test_the_headline_is_the_articles_sweep_or_else_the_first_with_texts():
    assert select().headline == "cumulative"
    change = ("sweeps", {"a": {"run": "texts", "heads": [0], "exact": True}, "b": {}})
    assert select(change, NO_CAUSES).headline == "a"
    article = (
        "sweeps",
        {"a": {"run": "texts", "heads": [0], "exact": True}, "b": {"run": "texts"}},
    )
    assert select(article, NO_CAUSES).headline == "b"
