"""What a run uses of its config, by the devices there are: backends, pairs, chunks and noise.

The Snakefile asks, so nothing but plain Python is imported.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

from needq.common.backends import Backend
from needq.common.settings import Config, Generation
from needq.plan.choices import Choice, as_choice, choose, chunks_with
from needq.plan.comparisons import find_comparisons
from needq.plan.corners import Corner, side_corners
from needq.plan.interventions import (
    SCORES,
    TASKS,
    TEXTS,
    TEXTS_OF_REFERENCE,
    Chunks,
    Intervention,
    cut_into_chunks,
    interventions,
    sweeps_run,
)


class Selection:
    """What one run uses; `cuda` says whether backends on CUDA are run."""

    def __init__(self, config: Config, cuda: bool) -> None:
        self.config, self.cuda = config, cuda
        self.backends = config.divergence.backends
        self.reference = config.divergence.reference

    @cached_property
    def scored(self) -> list[str]:
        """The backends that score: the reference, and those of `divergence.pairs`.

        A backend that draws a GPU's random numbers would score as if it drew its own, so it does
        not. Portable ones come first, since their rows head every table; then the config's order.
        """
        named = {self.reference}.union(*self.config.divergence.pairs)
        predicting = {name for name in named if self.backends[name].rng == "cuda"}
        names = self._there(named - (predicting - {self.reference}))
        portable = self.portable(names)
        return portable + [name for name in names if name not in portable]

    @cached_property
    def compared(self) -> list[str]:
        """The scored backends, and others that are in a pair or in `divergence.precisions`."""
        pairs = self._pairs_there(self.config.divergence.pairs)
        return self._there({*self.scored}.union(*pairs, *self.precision_pairs))

    @cached_property
    def used(self) -> list[str]:
        """Every backend that is run: those that are compared, and those of the ledger."""
        return self._there({*self.compared}.union(*self.ledger_pairs))

    @cached_property
    def backends_used(self) -> dict[str, Backend]:
        """The settings of every backend that is run."""
        return {name: self.backends[name] for name in self.used}

    @cached_property
    def answering(self) -> list[str]:
        """The backends that answer the tasks."""
        return [self.reference, *self.config.tasks.backends]

    @cached_property
    def baselines(self) -> bool:
        """Whether n-gram models are trained and scored."""
        return self.config.evaluation.ngram_text is not None

    def documents_of(self, backend: str) -> int | None:
        """How many documents a backend scores, from the first one on; None for all."""
        if backend == self.reference:
            return None
        return self.config.evaluation.documents_of_other_backends

    @cached_property
    def pairs(self) -> list[tuple[str, str]]:
        """The pairs to compare: every backend with itself, the config's pairs, the precisions'."""
        pairs = self._pairs_there(self.config.divergence.pairs) + self.precision_pairs
        return [(name, name) for name in self.compared] + list(dict.fromkeys(pairs))

    @cached_property
    def precision_pairs(self) -> list[tuple[str, str]]:
        """The pairs of `divergence.precisions`, as far as there are devices."""
        precisions = self.config.divergence.precisions
        return self._pairs_there((precisions.reference, name) for name in precisions.backends)

    @cached_property
    def ledger_pairs(self) -> list[tuple[str, str]]:
        """The pairs of `divergence.causes`, as far as there are devices."""
        return self._pairs_there(self.config.divergence.causes.pairs)

    @cached_property
    def ledger_backends(self) -> list[str]:
        """The backends that the ledger's pairs start from."""
        return list(dict.fromkeys(name for pair in self.ledger_pairs for name in pair))

    @cached_property
    def on_cuda(self) -> bool:
        """Whether any backend that is run computes on CUDA: figures and pages say so if not."""
        return any(self.backends[name].device == "cuda" for name in self.used)

    @cached_property
    def digested(self) -> list[str]:
        """The backends whose digests are collected, those on a CPU first: all have to be equal."""
        return sorted(
            self.portable(self.scored), key=lambda name: self.backends[name].device == "cuda"
        )

    @cached_property
    def verifying(self) -> Backend | None:
        """The backend that `verify` computes with, if one is exact, on the config's device."""
        names = (self.portable(self.scored) + self.portable(self.backends))[:1]
        device = self.config.verify_device
        return self.backends[names[0]].changed(device=device) if names else None

    @cached_property
    def comparisons(self) -> dict[str, str]:
        """The sweeps that the claims compare, of those that the reference backend runs."""
        exact = self.backends[self.reference].arithmetic == "exact"
        sweeps = {
            name: sweep for name, sweep in self.config.sweeps.items() if sweep.exact or not exact
        }
        return find_comparisons(sweeps, self.config.model.n_blocks)

    @cached_property
    def headline(self) -> str:
        """The sweep that the first page and the walk are about."""
        return self.comparisons.get("q", sweeps_run(self.config.sweeps, TEXTS)[0])

    @cached_property
    def exact_chunks(self) -> Chunks:
        """The chunks of the sweeps that exact backends run."""
        return self._chunks(sweeps_run(self.config.sweeps, TEXTS, exact=True))

    @cached_property
    def text_chunks(self) -> Chunks:
        """The chunks of the sweeps under which every backend generates, the exact ones first."""
        exact = sweeps_run(self.config.sweeps, TEXTS, exact=True)
        others = [name for name in sweeps_run(self.config.sweeps, TEXTS) if name not in exact]
        return self.exact_chunks | self._chunks(others)

    @cached_property
    def reference_chunks(self) -> Chunks:
        """The chunks of the sweeps under which the reference backend alone generates texts."""
        return self._chunks(sweeps_run(self.config.sweeps, TEXTS_OF_REFERENCE))

    @cached_property
    def chunks(self) -> Chunks:
        """All chunks: those under which tasks are answered, then those that are scored alone."""
        return self.task_chunks | self._chunks(sweeps_run(self.config.sweeps, SCORES))

    @cached_property
    def task_chunks(self) -> Chunks:
        """The chunks of the sweeps under which tasks are answered, those with texts first."""
        tasks = self._chunks(sweeps_run(self.config.sweeps, TASKS))
        return self.text_chunks | self.reference_chunks | tasks

    def chunks_of(
        self, *backends: str, scored_alone: bool = False, answered: bool = False
    ) -> Chunks:
        """The chunks that all of these backends run: those with texts, with answers, or all."""
        if any(self.backends[name].arithmetic == "exact" for name in backends):
            return self.exact_chunks
        if scored_alone:
            return self.chunks
        if answered:
            return self.task_chunks
        alone = set(backends) == {self.reference}
        return self.text_chunks | (self.reference_chunks if alone else {})

    def repeated(self, interventions: Sequence[Intervention]) -> list[Intervention]:
        """Those that a repeat has: the pristine model, and the first noise seed's."""
        seeds = (None, self.config.noise_seeds[0])
        return [one for one in interventions if one.noise_seed in seeds]

    def compared_chunks(self, left: str, right: str) -> list[str]:
        """The chunks in which two backends are compared: those under which both generate texts.

        A repeat needs one noise seed only, and none of what the reference alone generates.
        """
        seeds = {None, self.config.noise_seeds[0]}
        return [
            name
            for name, chunk in self.chunks_of(left, right).items()
            if name not in self.reference_chunks
            and (left != right or seeds & {intervention.noise_seed for intervention in chunk})
        ]

    @cached_property
    def ledger_choice(self) -> Choice | None:
        """What is said of the ledger's interventions, if it is run."""
        return as_choice(self.ledger_interventions) if self.ledger_pairs else None

    @cached_property
    def ledger_interventions(self) -> list[Intervention]:
        """The interventions that the ledger generates texts under."""
        if not self.ledger_pairs:
            return []
        causes = self.config.divergence.causes
        return choose(self.config, causes.sweep, causes.blocks_replaced, causes.noise_seeds)

    @cached_property
    def ledger_generation(self) -> Generation:
        """How the ledger generates texts: as the run, but they may be shorter."""
        generation = self.config.generation
        most = self.config.divergence.causes.max_new_tokens
        return generation.changed(max_new_tokens=min(most, generation.max_new_tokens))

    @cached_property
    def ledger_chunks(self) -> list[str]:
        """The chunks that hold the ledger's interventions."""
        return chunks_with(self.text_chunks, self.ledger_interventions)

    @cached_property
    def shown_noise(self) -> list[str]:
        """The noise that the histogram shows: of each matrix and method that a text sweep has."""
        of_texts = sweeps_run(self.config.sweeps, TEXTS)
        return noise_names(self.repeated(interventions(self.config, of_texts)))

    @cached_property
    def deciding(self) -> dict[str, object]:
        """The keys that decide the exact backend's results, each with its value.

        Where the model lies decides nothing; its digests do. Keyed draws have no streams to seed.
        """
        config = self.config
        values: dict[str, object] = {
            f"model.{key}": value
            for key, value in config.model.model_dump(include={"digests", "n_blocks"}).items()
        }
        for name in sweeps_run(config.sweeps, TEXTS, exact=True):
            # without defaults, so that a new key of sweeps changes no published digest
            said = config.sweeps[name].model_dump(exclude={"run", "exact"}, exclude_defaults=True)
            values[f"sweeps.{name}"] = said
        values["noise_seeds"] = config.noise_seeds
        for group in ("generation", "evaluation"):
            settings = getattr(config, group).model_dump(exclude={"seeding", "ngram_text"})
            values |= {f"{group}.{key}": value for key, value in settings.items()}
        return values

    def side_corners(self, side: str, left: str, right: str) -> list[Corner]:
        """The corners that one side ("left" or "right") of a pair of the ledger computes."""
        return side_corners(side, self.backends[left], self.backends[right])

    def corner_noise(self, side: str, left: str, right: str) -> set[str]:
        """The sides ("left" or "right") from which the corners of one side take their noise."""
        return {corner.noise for corner in self.side_corners(side, left, right)}

    def portable(self, names: Iterable[str]) -> list[str]:
        """Those of the named backends whose texts are the same on every machine."""
        return [
            name
            for name in names
            if self.backends[name].arithmetic == "exact"
            and self.backends[name].rng == self.backends[name].noise == "keyed"
        ]

    def _there(self, named: Iterable[str]) -> list[str]:
        """The named backends in the config's order, without those on CUDA if it is not run."""
        named = set(named)
        return [
            name
            for name, backend in self.backends.items()
            if name in named and (self.cuda or backend.device != "cuda")
        ]

    def _pairs_there(self, pairs: Iterable[Sequence[str]]) -> list[tuple[str, str]]:
        """The pairs of which both backends can be run."""
        return [(left, right) for left, right in pairs if len(self._there((left, right))) == 2]

    def _chunks(self, names: Sequence[str]) -> Chunks:
        size = self.config.jobs.interventions_per_job
        return cut_into_chunks(interventions(self.config, names), size)


def noise_names(interventions: Iterable[Intervention]) -> list[str]:
    """The names of the stored noise that interventions draw on."""
    return sorted({name for one in interventions for name in one.noises.values()})
