"""What stages leave for each other, as types: rows of parquet files, and JSON files."""

from typing import Any, NotRequired

from typing_extensions import TypedDict  # that of Python 3.11 cannot be checked by pydantic

Row = dict[str, Any]  # a row of any of these files, as it is read or written


class InterventionKeys(TypedDict):
    """The columns by which every table knows an intervention and its noise."""

    sweep: str
    intervention: str
    block: int | None
    blocks_replaced: int
    noise_seed: int | None


class TextRow(InterventionKeys):
    """A generated text (schemas.TEXTS); the backend and the decoded text are added last."""

    prompt: int
    sample_seed: int
    tokens: list[int]
    margins: list[float]
    exits: list[float] | None  # of keyed draws alone
    entries: list[float] | None
    ended: bool
    backend: NotRequired[str]
    text: NotRequired[str]


class TraceRow(TextRow):
    """A text of one side of the ledger (schemas.TRACE), by the name of its corner."""

    corner: str


class DocumentDigest(InterventionKeys):
    """The digest of all logits of one document."""

    document: int
    logits_sha256: str


class Nlls(TypedDict):
    """How a model predicts one document: means per token, in nats; of all tokens, and by band.

    A band (`positions.BANDS`) without tokens is None.
    """

    document: int
    tokens: int
    bytes: int
    nll: float
    nll_0_39: NotRequired[float | None]
    nll_40_99: NotRequired[float | None]
    nll_from_100: NotRequired[float | None]


class NgramRow(Nlls):
    """How the n-gram model of an order predicts one document (schemas.NGRAMS)."""

    order: int


class DocumentScore(Nlls):
    """How a model predicts one document, and how far it is from the pristine one."""

    kl: float
    top1_agreement: float
    logits_sha256: str | None  # in exact arithmetic alone


class DocumentRow(InterventionKeys, DocumentScore):
    """A scored document (schemas.EVALUATION)."""

    backend: NotRequired[str]


class TextScore(TypedDict):
    """How the pristine model predicts one generated text, in nats."""

    tokens: int
    pristine_nll: float
    nlls: list[float]


class TextScoreRow(InterventionKeys, TextScore):
    """A scored text (schemas.TEXT_SCORES)."""

    prompt: int
    sample_seed: int
    backend: NotRequired[str]


class AnswerRow(InterventionKeys):
    """An answered item of a task (schemas.TASKS).

    `right` is 1, 0, or a share of a tie. `margin` is the log probability of the right candidate
    minus that of the best wrong one, in nats.
    """

    task: str
    item: int
    kind: str
    right: float
    margin: float
    backend: NotRequired[str]


class AttentionRow(TypedDict):
    """What one head does under one noise: means over queries (`inference.attention.Attention`)."""

    method: str
    replaced: str
    noise_seed: int | None
    block: int
    head: int
    score_spread: float
    entropy: float
    self: float
    previous: float
    first: float


class OutputChange(TypedDict):
    """How much the output of a block changes when its MLP is mixed with noise.

    Changes are relative (`inference.matched_outputs`).
    """

    matrix: str
    block: int
    noise_seed: int
    noise_fraction: float
    change: float
    change_w_q: float  # by noise in W_Q of the same seed
    change_all_noise: float  # by noise alone in place of the MLP


class ProbeItem(TypedDict):
    """A token that a probe is trained or tested on (schemas.PROBE_ITEMS).

    `target` is the number of the label's class, or the position; `control` is that of the control
    task.
    """

    property: str
    document: int
    token: int
    fold: int
    label: str
    target: float
    control: float


class ProbeScore(TypedDict):
    """How well one probe does on one document (`metrics.probes.probe`)."""

    property: str
    document: int
    items: int
    score: float
    score_of: float
    control: float
    control_of: float


class ProbeRow(InterventionKeys, ProbeScore):
    """The same under an intervention, after `layer` blocks (schemas.PROBES)."""

    layer: int


class HealingRow(InterventionKeys):
    """A document's nll, in nats per token, after some training steps (schemas.HEALING)."""

    parameters: str
    step: int
    document: int
    nll: float


class ReferenceTextRow(TypedDict):
    """A reference text (schemas.REFERENCE_TEXTS)."""

    kind: str
    source: int
    held_out: bool
    prompt: int
    share: float | None  # of damaged tokens, if it is known
    tokens: list[int]
    nlls: list[float]


class LogitsDifference(TypedDict):
    """How far the logits of two backends lie apart on the same tokens; None if not compared."""

    max_abs_logit: float | None
    max_ulp: float | None
    kl: float | None
    top1_flips: int | None
    logit_error: float | None


class DiffRow(InterventionKeys):
    """A text of a pair of backends (schemas.DIVERGENCE)."""

    left: str
    right: str
    prompt: int
    sample_seed: int
    text_hash: int
    identical: bool
    first_divergent_token: int | None
    tokens: int
    margin: float | None
    max_abs_logit: NotRequired[float | None]
    max_ulp: NotRequired[float | None]
    kl: NotRequired[float | None]
    top1_flips: NotRequired[int | None]
    logit_error: NotRequired[float | None]


class LedgerRow(DiffRow):
    """A text of the left backend of a pair and one at a corner of the ledger (schemas.LEDGER)."""

    corner: str
    distinct_text: int


class ProcessRecord(TypedDict, total=False):
    """What one process computed with (`inference.backend.record`)."""

    backend: dict[str, object]
    versions: dict[str, str]
    cpu: str
    cpu_capability: str
    threads: int
    deterministic_algorithms: bool
    tf32: bool
    cublas_workspace: str | None
    gpu: NotRequired[str]
    cuda: NotRequired[str]
    float64_integers: NotRequired[str]  # what exact arithmetic found of its device


class TensorRecord(TypedDict):
    """One tensor of the backup."""

    name: str
    shape: list[int]
    dtype: str
    stored: str  # its format in the model's own files: F32, BF16, Q4_1
    sha256: str


class SelfCheck(TypedDict):
    """How far the backup's logits are from those that transformers computes from the original."""

    sentence: str
    tokens: int
    relative_error: float  # of the largest logit
    bound: float  # a backup with a larger error is refused


class Tokens(TypedDict):
    """tokens.json: what every backend reads, as token ids."""

    prompts: list[list[int]]  # the begin token included
    end: int | None
    documents: list[list[int]]  # the begin token first
    bytes: list[int]  # how many UTF-8 bytes the scored ids of each document encode


class Manifest(TypedDict):
    """backup/manifest.json: what was backed up."""

    source: dict[str, object]
    architecture: str
    n_blocks: int
    heads: int
    key_value_heads: int
    head_width: int
    width: int
    context: int
    vocabulary: int
    files: dict[str, str]
    left_out_keys: list[str]  # of the model's config.json, since nothing is computed with them
    left_out_tensors: list[str]  # buffers that are computed again, and copies of tied tensors
    self_check: SelfCheck
    tensors: list[TensorRecord]
