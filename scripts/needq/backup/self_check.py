"""The self-check of a backup: transformers computes the same with it as with the original files.

The original is loaded by transformers' own loader, from its own values of config.json, so that
whatever the backup changed on the way shows.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from needq.backup.originals import Original, load_transformers
from needq.backup.tokenizer import load_tokenizer
from needq.common.errors import UserError
from needq.common.rows import SelfCheck

if TYPE_CHECKING:
    from torch import Tensor

SENTENCE = "The quick brown fox jumps over the lazy dog, and the dog sleeps on."
# of the largest logit: both sides compute in float32 with the same kernels, so 0 is expected
BOUND = 1e-5
LONGEST = 300  # characters of an error of transformers


def self_check(backup: Path, original: Original, scratch: Path) -> SelfCheck:
    """Compare the logits of a backup with those of the original, on SENTENCE.

    `scratch` is an empty folder. Raises UserError if they differ by more than BOUND.
    """
    architecture = original.architecture
    ids = load_tokenizer(backup / "tokenizer.json").encode(SENTENCE, add_special_tokens=False).ids
    ids = [number for number in ids if number < architecture.vocabulary] or [0]
    ids = ids[: architecture.context]
    wanted = _logits(lambda: original.load(scratch), ids)
    found = _logits(lambda: load_transformers(backup), ids)
    largest = float(wanted.abs().max())
    if not largest < float("inf"):
        raise UserError("model: its logits are not finite numbers in float32")
    error = float((found - wanted).abs().max()) / (largest or 1.0)
    if not error <= BOUND:
        raise UserError(
            f"model: the backup computes other logits than the original (relative error "
            f"{error:.1e}, allowed {BOUND:.0e}); please report this model as a bug"
        )
    return {"sentence": SENTENCE, "tokens": len(ids), "relative_error": error, "bound": BOUND}


def _logits(load_model: Callable[[], Any], ids: Sequence[int]) -> "Tensor":
    """The logits of a model [tokens, vocabulary], which is let go afterwards."""
    import torch

    try:
        model = load_model().eval()
        with torch.inference_mode():
            return model(torch.tensor([ids]), use_cache=False).logits[0]
    except Exception as error:  # whatever transformers thinks of files that others made
        reason = str(error)[:LONGEST] or type(error).__name__
        raise UserError(f"model: transformers cannot load it ({reason})") from None
