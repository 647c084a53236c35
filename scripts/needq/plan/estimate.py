"""What a run costs before it starts: time, memory and disk.

A run from nothing is estimated, job by job, as the rules make jobs of a config. Texts are counted
in bytes, since only the backup can count their tokens. The promise is a factor of two.
"""

from collections.abc import Iterator, Sequence
from statistics import fmean
from typing import NamedTuple

from needq.common.backends import Backend
from needq.common.settings import Config
from needq.plan import cost, probes
from needq.plan.at_hand import document_bytes, line_bytes, line_count, unpacked_bytes
from needq.plan.attention import attention_job, match_job, matched
from needq.plan.cost import MB, Job, Shape, Texts
from needq.plan.healing import healing_jobs
from needq.plan.interventions import Intervention
from needq.plan.mlp import mix_job, mixed, mlp_jobs
from needq.plan.selection import Selection, noise_names
from needq.plan.subsets import subset_seeds, subsets_bytes, subsets_job
from needq.plan.units import table_jobs

BYTES_PER_TOKEN = 4  # of a text
# JSON has its keys too, and an item of grammar two sentences
BYTES_PER_TASK_TOKEN = 7
GRAMMAR_ROWS, PHENOMENA = 2, 26  # per pair, and in files of ours
REFERENCE_TEXTS = 13  # that are made of each text of the pristine model, about, and scored

# seconds of a core, by `python benchmarks/cost.py --run results/pocket-gpt2` (2026-11-26)
BACK_UP = 4.0
OTHERS, N_OTHERS = 30.0, 26  # the jobs of tables, figures and pages, all together
DIFF, WEIGHTS = 0.7, 0.3  # one job that compares backends; one that reads weights
SNAKEMAKE = 0.5  # per job, in Snakemake itself
ALONE = 25.0  # seconds of a run while just one job can run, at its start and at its end

# bytes on the disk: a text with its scores, in all files; a job's log and the like; pages, figures
TEXT_BYTES, JOB_BYTES, PAGE_BYTES = 1200, 6000, 5_000_000


class Estimate(NamedTuple):
    """What a run costs."""

    seconds: float  # of one core, all jobs together
    longest: float  # seconds of the longest job on one core
    memory: float  # MB of the job that takes most
    disk: float  # MB in results/RUN at the end
    meanwhile: float  # MB more, at most, while it runs

    def wall_seconds(self, cores: int) -> float:
        """How long the run takes on so many cores."""
        return max(self.seconds / cores, self.longest + ALONE)


class Run:
    """A run of a config, with a model of a known shape."""

    def __init__(self, config: Config, cuda: bool, shape: Shape) -> None:
        self.config, self.shape = config, shape
        self.used = Selection(config, cuda)
        generation = config.generation
        lengths = [1 + len(text.encode()) / BYTES_PER_TOKEN for text in generation.prompts]
        rows = len(lengths) * len(generation.sample_seeds)
        self.texts = Texts(rows, max(lengths), generation.max_new_tokens, generation.top_k)
        most = config.evaluation.tokens_per_document or shape.context - 1
        sizes = document_bytes(config.evaluation.text)
        self.documents = [1 + min(most, size / BYTES_PER_TOKEN) for size in sizes]

    def estimate(self) -> Estimate:
        """What all jobs together cost."""
        jobs = list(self.jobs())
        return Estimate(
            sum(job.seconds + SNAKEMAKE for job in jobs),
            max(job.seconds for job in jobs),
            max(job.memory for job in jobs),
            *self.disk(len(jobs)),
        )

    def jobs(self) -> Iterator[Job]:
        """Every job of the run; those of tables and pages are alike."""
        used, shape = self.used, self.shape
        weights = cost.LOAD * 4 * shape.weights / 1e9
        everything = [one for chunk in used.chunks.values() for one in chunk]
        array = 3 * 4 * shape.weights / MB
        yield Job(BACK_UP + 6 * weights, 350 + 2.5 * array)
        for _ in range(N_OTHERS + table_jobs(used) + mlp_jobs(used)):
            yield Job(OTHERS / N_OTHERS, 400)
        for _ in [*noise_names(everything), *used.chunks]:
            yield Job(WEIGHTS + weights, 60 + array)
        yield attention_job(self.config, shape)
        for _ in matched(self.config):
            yield match_job(self.config, shape)
        for _ in mixed(self.config):
            yield mix_job(self.config, shape)
        reference = self._backend(used.reference)
        if reference.device == "cpu":
            yield self.reference_texts(reference)
            yield self.select_items(reference)
        for name in self._on_cpu(used.compared):
            backend = self._backend(name)
            for key, chunk in used.chunks_of(name).items():
                yield self.generate(backend, chunk)
                if key in used.reference_chunks:  # compared with no other
                    continue
                yield self.logits(backend, chunk)
                if used.repeated(chunk):
                    yield self.repeat(backend, chunk)
        for name in self._on_cpu(used.scored):
            for key, chunk in used.chunks_of(name, scored_alone=True).items():
                yield self.score(name, key, chunk)
        if used.baselines:
            yield self.ngrams()
        yield from probes.all_jobs(self.config, shape, self.documents)
        if reference.device == "cpu":
            for _ in subset_seeds(self.config):
                yield subsets_job(self.config, shape, self.documents)
        yield from healing_jobs(self.config, shape, self.documents)
        for left, right in used.pairs:
            if self._on_cpu([left, right]) == [left, right]:
                for _ in used.compared_chunks(left, right):
                    yield Job(DIFF, 350)
        for left, right in used.ledger_pairs:
            for side in ("left", "right"):
                backend = self._backend({"left": left, "right": right}[side])
                if backend.device == "cpu":
                    yield self.corners(side, left, right, "first")
                    yield self.corners(side, left, right, "second")
                    if backend.noise != "keyed":
                        yield self.native_noise(backend)

    def generate(self, backend: Backend, interventions: Sequence[Intervention]) -> Job:
        """Generate the texts of a chunk."""
        noises = self._noises(interventions)
        return Job(
            cost.start_seconds(self.shape, backend)
            + cost.generate_seconds(self.shape, backend, interventions, self.texts),
            cost.generate_memory(self.shape, backend, interventions, noises, self.texts),
        )

    def logits(self, backend: Backend, interventions: Sequence[Intervention]) -> Job:
        """Compute the logits of the reference's tokens under a chunk."""
        noises, tokens = self._noises(interventions), self.texts.before + self.texts.new
        once = self.texts._replace(before=tokens, new=0)
        return Job(
            cost.start_seconds(self.shape, backend) + self._logits_seconds(backend, interventions),
            cost.generate_memory(self.shape, backend, interventions, noises, once),
        )

    def repeat(self, backend: Backend, chunk: Sequence[Intervention]) -> Job:
        """Generate texts and compute logits again, of what a repeat has of a chunk."""
        interventions = self.used.repeated(chunk)
        texts, logits = self.generate(backend, interventions), self.logits(backend, interventions)
        seconds = texts.seconds + logits.seconds - cost.start_seconds(self.shape, backend)
        return Job(seconds, max(texts.memory, logits.memory))

    def _logits_seconds(self, backend: Backend, interventions: Sequence[Intervention]) -> float:
        rows, tokens = len(self.config.generation.prompts), self.texts.before + self.texts.new
        texts = self.texts._replace(rows=rows)
        together = cost.stacks(self.shape, interventions, backend, texts)
        widened = backend.changed(batch=backend.batch * max(map(len, together), default=1))
        blocks, words = self.shape.n_blocks, len(self.config.divergence.positions)
        return sum(
            cost.score_seconds(self.shape, widened, blocks, 1, rows * len(stack), tokens, words)
            for stack in together
        )

    def documents_job(
        self, backend: Backend, chunk: Sequence[Intervention], count: int | None
    ) -> Job:
        """Score the first `count` documents, or all of them, under a chunk."""
        shape, documents = self.shape, sorted(self.documents[:count])
        blocks, noises = cost.passed_blocks(chunk, shape.n_blocks), self._noises(chunk)
        rows, together = len(documents), min(backend.batch, len(documents))
        longest = fmean(documents[-together:])
        return Job(
            cost.start_seconds(shape, backend)
            + cost.score_seconds(shape, backend, blocks, len(chunk), rows, fmean(documents)),
            cost.score_memory(shape, backend, noises, together, longest),
        )

    def ngrams(self) -> Job:
        """Train n-gram models, and score the documents with them."""
        return Job(*cost.ngram_cost(unpacked_bytes(self.config.evaluation.ngram_text or "")))

    def score(self, name: str, key: str, chunk: Sequence[Intervention]) -> Job:
        """Score documents, and texts and tasks if the chunk named `key` has them."""
        backend, shape = self._backend(name), self.shape
        seconds, memory = self.documents_job(backend, chunk, self.used.documents_of(name))
        if key in self.used.chunks_of(name):
            texts, new = self.texts.rows * len(chunk), self.texts.new
            length = self.texts.before + new
            seconds += cost.score_seconds(shape, backend, shape.n_blocks, 1, texts, length, new)
        if key in self.used.task_chunks and name in self.used.answering:
            blocks = cost.passed_blocks(chunk, shape.n_blocks)
            for rows, tokens in self.tasks():
                seconds += cost.score_seconds(shape, backend, blocks, len(chunk), rows, tokens, 4)
        return Job(seconds, memory)

    def select_items(self, backend: Backend) -> Job:
        """Answer every item of the tasks, from which some are selected."""
        shape = self.shape
        seconds, memory = cost.start_seconds(shape, backend), 0.0
        for rows, tokens in self.pool():
            seconds += cost.score_seconds(shape, backend, shape.n_blocks, 1, rows, tokens, 4)
            memory = max(memory, cost.score_memory(shape, backend, 0, backend.batch, tokens))
        return Job(seconds, memory)

    def reference_texts(self, backend: Backend) -> Job:
        """Generate and score the texts from which reference texts are made."""
        rows = self.config.labels.texts_per_prompt * len(self.config.generation.prompts)
        texts = self.texts._replace(rows=rows)
        length, shape = texts.before + texts.new, self.shape
        made = REFERENCE_TEXTS * rows
        pristine = next(iter(self.used.chunks.values()))[:1]
        return Job(
            cost.start_seconds(shape, backend)
            + cost.generate_seconds(shape, backend, pristine, texts)
            + cost.score_seconds(shape, backend, shape.n_blocks, 1, made, length, texts.new),
            cost.generate_memory(shape, backend, pristine, 0, texts),
        )

    def corners(self, side: str, left: str, right: str, process: str) -> Job:
        """Generate, and compute logits, at each corner of one side of the ledger."""
        shape, interventions = self.shape, self.used.ledger_interventions
        corners = self.used.side_corners(side, left, right)
        if process == "second":
            corners, interventions = corners[:1], self.used.repeated(interventions)
        seeds = len(self.config.generation.sample_seeds)
        documents = min(self.config.divergence.causes.documents, len(self.documents))
        rows = self.texts.rows + seeds * documents
        texts = self.texts._replace(rows=rows, new=self.used.ledger_generation.max_new_tokens)
        backend = corners[0].backend
        seconds = cost.start_seconds(shape, backend)
        for corner in corners:
            seconds += cost.generate_seconds(shape, corner.backend, interventions, texts)
            seconds += self._logits_seconds(corner.backend, interventions)
        noises = 2 * self._noises(interventions)
        return Job(seconds, cost.generate_memory(shape, backend, interventions, noises, texts))

    def native_noise(self, backend: Backend) -> Job:
        """Draw the noise of one side of the ledger."""
        noises = self._noises(self.used.ledger_interventions)
        start = cost.start_seconds(self.shape, backend) / 2  # without transformers
        return Job(start, cost.model_memory(self.shape, backend, noises))

    def verify(self) -> Job:
        """Compute weights, noise, texts and digests of the exact backend again."""
        backend = self.used.verifying
        chunk = [one for own in self.used.exact_chunks.values() for one in own]
        if backend is None or not chunk:
            return Job(0, 0)
        count = self.config.evaluation.documents_of_other_backends
        made, scored = self.generate(backend, chunk), self.documents_job(backend, chunk, count)
        return Job(made.seconds + scored.seconds, max(made.memory, scored.memory))

    def tasks(self) -> Iterator[tuple[int, float]]:
        """The rows of each task that are asked under each intervention, at most; their tokens."""
        (every_pair, pair_tokens), (every_passage, tokens) = self.pool()
        tasks = self.config.tasks
        yield min(every_pair, GRAMMAR_ROWS * PHENOMENA * tasks.pairs), pair_tokens
        yield min(every_passage, tasks.passages), tokens

    def pool(self) -> Iterator[tuple[int, float]]:
        """The rows of each task from which some are selected, and their tokens."""
        tasks = self.config.tasks
        tokens = line_bytes(tasks.grammar) / BYTES_PER_TASK_TOKEN / GRAMMAR_ROWS
        yield GRAMMAR_ROWS * line_count(tasks.grammar), tokens
        yield line_count(tasks.cloze), line_bytes(tasks.cloze) / BYTES_PER_TASK_TOKEN

    def disk(self, jobs: int) -> tuple[float, float]:
        """MB in results/RUN at the end, and of what is there until it has been compared."""
        used, shape = self.used, self.shape
        everything = [one for chunk in used.chunks.values() for one in chunk]
        noise = 4 * shape.n_blocks * shape.width * shape.width
        kept = 4 * shape.weights + noise * self._noises(everything)
        kept += jobs * JOB_BYTES + PAGE_BYTES + subsets_bytes(self.config, self.documents)
        logits = len(self.config.divergence.positions) * shape.vocabulary
        logits *= len(self.config.generation.prompts)
        meanwhile = 0
        for name in self._on_cpu(used.compared):
            size = 8 if self._backend(name).precision == "float64" else 4
            for key, chunk in used.chunks_of(name).items():
                kept += len(chunk) * self.texts.rows * TEXT_BYTES
                if key not in used.reference_chunks:
                    meanwhile += (len(chunk) + len(used.repeated(chunk))) * logits * size
        return kept / MB, meanwhile / MB

    def _noises(self, interventions: Sequence[Intervention]) -> float:
        return cost.stored_matrices(self.shape, noise_names(interventions))

    def _backend(self, name: str) -> Backend:
        return self.config.divergence.backends[name]

    def _on_cpu(self, names: Sequence[str]) -> list[str]:
        """Those of the named backends that compute on the CPU: CUDA was not measured."""
        return [name for name in names if self._backend(name).device == "cpu"]
