"""Native arithmetic: transformers' own models in a floating-point format, on their own kernels."""

from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch
import transformers
from torch import Tensor
from torch.nn import Module, ModuleList
from torch.nn.functional import linear
from torch.utils.hooks import RemovableHandle

from needq.backup.architectures import find_architecture
from needq.backup.compiler import without_compiler
from needq.backup.kernels import check_kernels
from needq.backup.model_classes import (
    AutoModelForCausalLM,
    Conv1D,
    DynamicCache,
    PreTrainedModel,
    no_init_weights,
)
from needq.common.backends import Backend
from needq.common.files import read_made
from needq.inference.float64 import Float64, compute_in_float64
from needq.inference.stand_ins import Given, Hidden
from needq.inference.tabulated import tabulate_gelu

# TF32 is float32 whose products CUDA rounds to fewer bits
FORMATS = {"tf32": torch.float32} | {
    name: getattr(torch, name) for name in ("float64", "float32", "bfloat16", "float16")
}


class NativeCache(NamedTuple):
    """What earlier tokens leave for later ones."""

    past: DynamicCache
    real: Tensor  # [batch, tokens] bool: False for padding


class NativeStream(NamedTuple):
    """The state of a forward pass between two blocks."""

    x: Tensor | None  # [batch, tokens, width], the residual stream; None before the first block
    ids: Tensor  # [batch, tokens] int64
    real: Tensor  # [batch, tokens] bool: False for padding
    kept: tuple[Any, ...] | None  # keys and values of the blocks so far; None if they are not kept
    told: dict[int, Any]  # how the model calls each block under these ids, as far as it has

    def rows(self, index: Tensor) -> "NativeStream":
        """The batch rows that `index` names, in its order; a row may come more than once.

        The keys and values of blocks so far stay as they are.
        """
        x = None if self.x is None else self.x[index]
        return NativeStream(x, self.ids[index], self.real[index], self.kept, {})


class NativeModel:
    """A model of transformers, with the interface of needq.exact.model.ExactModel."""

    exact = False

    def __init__(self, model: PreTrainedModel) -> None:
        self.model = model
        self.device = model.device
        # the blocks are the outermost list of every family: h, layers, or decoder.layers
        lists = [n for n, m in model.base_model.named_modules() if isinstance(m, ModuleList)]
        owner, _, self._list = lists[0].rpartition(".")
        self._owner: Any = model.base_model.get_submodule(owner)
        self._blocks = getattr(self._owner, self._list)
        self.first_block: Module = self._blocks[0]
        self._in_tuples = False  # whether a block returns its stream in a tuple; `block` finds out
        self.n_blocks = len(self._blocks)
        self._parameters = {name: p.detach() for name, p in model.named_parameters()}
        self._pristine: dict[str, Tensor] = {}
        self._hooks: list[RemovableHandle] = []
        self._rows = 1  # of the batch that passes through

    @torch.inference_mode()
    def logits(
        self,
        ids: Tensor,
        cache: NativeCache | None = None,
        mask: Tensor | None = None,
        last: bool = False,
    ) -> tuple[Tensor, NativeCache]:
        """Logits of the next token after each of ids (or the `last` alone), and the new cache.

        ids: [batch, new] int64. mask: [batch, new] bool, False for padding, on whichever side;
        all True if None. Returns [batch, new or 1, vocabulary]. `cache` cannot be used again.
        """
        ids = ids.to(self.device)
        self._rows = len(ids)
        real = torch.ones_like(ids, dtype=torch.bool) if mask is None else mask.to(self.device)
        if cache is None:
            past = DynamicCache(config=self.model.config)
        else:
            past, real = cache.past, torch.cat((cache.real, real), 1)
        positions = (real.cumsum(1) - 1).clamp_min(0)[:, -ids.shape[1] :]
        output = self.model(
            input_ids=ids,
            attention_mask=real.long(),
            position_ids=positions,
            past_key_values=past,
            use_cache=True,
            logits_to_keep=int(last),
        )
        return output.logits, NativeCache(past, real)

    def begin(self, ids: Tensor, mask: Tensor, keep: bool = False) -> NativeStream:
        """The stream before the first block; ids and mask as in `logits`.

        `keep` keeps the keys and values of each block, for `cache`.
        """
        kept = () if keep else None
        return NativeStream(None, ids.to(self.device), mask.to(self.device), kept, {})

    def block(self, index: int, stream: NativeStream) -> NativeStream:
        """The stream after one more block.

        The model's own pass calls it the first time. From then on, this calls it in the same way.
        """
        block: Module = self._blocks[index]
        if index in stream.told:
            return stream._replace(x=self._called(block, index, stream))
        calls: list[Any] = []
        hook = block.register_forward_hook(lambda _, *call: calls.append(call), with_kwargs=True)
        # of this block alone: transformers counts the tokens so far in the first block's
        cache = None if stream.kept is None else DynamicCache(config=self.model.config)
        try:
            # a block is told its mask by its place in the list, so it keeps its place
            self._pass([self._given(stream)] * index + [block], stream, cache)
        finally:
            hook.remove()
        [(inputs, settings, output)] = calls
        self._in_tuples = isinstance(output, tuple)
        x = output[0] if self._in_tuples else output
        if stream.kept is None or cache is None:
            # not in float64, which is a matter of the model's own pass
            if inputs and inputs[0].dtype != torch.float64 and (not index or inputs[0] is stream.x):
                stream.told[index] = inputs, settings
            return stream._replace(x=x)
        return stream._replace(x=x, kept=(*stream.kept, cache.layers[index]))

    @torch.inference_mode()
    def _called(self, block: Module, index: int, stream: NativeStream) -> Tensor:
        """What a block gives when it is called as the model's own pass called it."""
        self._rows = len(stream.ids)
        inputs, settings = stream.told[index]
        output = block(stream.x if index else inputs[0], *inputs[1:], **settings)
        return output[0] if self._in_tuples else output

    def hidden(self, stream: NativeStream) -> Tensor:
        """What `head` takes, after the last block: [batch, tokens, width]."""
        return self._pass([self._given(stream)], stream)

    @torch.inference_mode()
    def head(self, hidden: Tensor) -> Tensor:
        """The logits [..., vocabulary] of what `hidden` gave, or of some of its tokens.

        They are the model's own, since some families cap or scale what their last layer gives.
        """
        own = vars(self._owner).get("forward")  # Float64 may have put one there
        self._owner.forward = lambda *inputs, **settings: Hidden(hidden)
        try:
            return self.model().logits
        finally:
            del self._owner.forward
            if own is not None:
                self._owner.forward = own

    def _given(self, stream: NativeStream) -> Module:
        """What stands in for the blocks that are computed already."""
        return Given((stream.x, None) if self._in_tuples else stream.x)

    def cache(self, stream: NativeStream, rows: Sequence[Tensor]) -> NativeCache:
        """The cache after the last block, of the rows of the stream.

        `rows` says for each block which of its rows in the batch they were. The stream's own keys
        and values are used up.
        """
        assert stream.kept is not None
        past = DynamicCache(config=self.model.config)
        for layer, index in zip(stream.kept, rows, strict=True):
            layer.batch_select_indices(index)
        past.layers = list(stream.kept)
        return NativeCache(past, stream.real)

    @torch.inference_mode()
    def _pass(
        self, blocks: Sequence[Module], stream: NativeStream, cache: DynamicCache | None = None
    ) -> Tensor:
        """transformers' own pass through the model without its head, with other blocks."""
        self._rows = len(stream.ids)
        setattr(self._owner, self._list, ModuleList(blocks))
        try:
            output = self.model.base_model(
                input_ids=stream.ids,
                attention_mask=stream.real.long(),
                position_ids=(stream.real.long().cumsum(1) - 1).clamp_min(0),
                past_key_values=cache,
                use_cache=cache is not None,
            )
        finally:
            setattr(self._owner, self._list, self._blocks)
        return output.last_hidden_state

    def replace(self, name: str, tensor: Tensor) -> None:
        """Use `tensor` in place of the weight of that name, until `restore`."""
        parameter = self._parameters[name]
        self._pristine.setdefault(name, parameter.clone())
        parameter.copy_(tensor)

    def bytes_per_token(self) -> int:
        """The memory that the keys and values of one token of one row take."""
        ids = torch.zeros((1, 1), dtype=torch.int64)
        stream = self.block(0, self.begin(ids, torch.ones_like(ids, dtype=torch.bool), keep=True))
        assert stream.kept is not None
        return self.n_blocks * sum(
            part.nbytes for part in (stream.kept[0].keys, stream.kept[0].values)
        )

    def output_axis(self, module: str) -> int:
        """The axis of a module's weight, as model.safetensors has it, that its outputs are on."""
        return int(isinstance(self.model.get_submodule(module), Conv1D))

    def replace_rows(
        self, module: str, rows: range, outputs: range, weight: Tensor, bias: Tensor | None
    ) -> None:
        """Let some rows of every batch have another weight and bias for some outputs of a module.

        `weight` and `bias` are those of these outputs, in the orientation of model.safetensors.
        This holds until `restore`.
        """
        changed = self.model.get_submodule(module)
        pristine: Any = changed.weight
        weight = weight.to(pristine.device, pristine.dtype)
        bias = None if bias is None else bias.to(pristine.device, pristine.dtype)
        weight = (
            weight.T if isinstance(changed, Conv1D) else weight
        )  # that of a Conv1D is [in, out]

        def overwrite(_: Module, inputs: tuple[Tensor], output: Tensor) -> None:
            # the MLP of OPT gets the tokens of all rows one below the other
            each = len(inputs[0]) // self._rows if inputs[0].ndim == 2 else 1
            own = slice(each * rows.start, each * rows.stop)
            output[own, ..., outputs.start : outputs.stop] = linear(inputs[0][own], weight, bias)

        self._hooks.append(changed.register_forward_hook(overwrite))

    def restore(self) -> None:
        """Undo every `replace` and `replace_rows`, bit for bit."""
        for hook in self._hooks:
            hook.remove()
        self._hooks.clear()
        for name, pristine in self._pristine.items():
            self._parameters[name].copy_(pristine)
        self._pristine.clear()


def load_transformers(backup: Path, backend: Backend) -> PreTrainedModel:
    """The backed-up model in the backend's precision, on its device, for inference."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    architecture = find_architecture(read_made(backup / "config.json", dict))
    check_kernels(architecture, {"NAME": backend})
    wide = backend.precision == "float64"
    with (
        Float64() if wide else nullcontext(),  # Llama makes its rotary frequencies here
        no_init_weights(),  # all of them are in the backup
        without_compiler(),
    ):
        model: Any = AutoModelForCausalLM.from_pretrained(
            backup,
            dtype=FORMATS[backend.precision],
            attn_implementation=backend.kernels,
            experts_implementation="eager",  # the other one has no float64
            local_files_only=True,
            use_safetensors=True,
            trust_remote_code=False,
        )
    if wide:
        compute_in_float64(model)
    model = model.to(backend.device).eval().requires_grad_(False)
    tabulate_gelu(model)
    return model
