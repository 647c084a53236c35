"""torch's compiler is kept out of a process, and comes when it is needed."""

import os
import subprocess
import sys

import pytest
from project import ROOT

SMALL = """
import sys
import torch
from needq.backup.compiler import COMPILER, IN_MASKS, without_compiler
import needq.backup.model_classes
assert COMPILER not in sys.modules
"""
LOADED = """
from pathlib import Path
from needq.common.backends import Backend
from needq.inference.native import load_transformers
model = load_transformers(Path(sys.argv[1]), Backend())
model(torch.tensor([[3, 1, 4]]), attention_mask=torch.tensor([[0, 1, 1]]))
assert not {COMPILER, IN_MASKS, "sympy", "torch.distributed.tensor"} & sys.modules.keys()
"""
CHECKED = """
from pathlib import Path
from needq.backup.originals import load_transformers
assert load_transformers(Path(sys.argv[1]))(torch.tensor([[3, 1]])).logits.shape[1] == 2
assert not {COMPILER, IN_MASKS} & sys.modules.keys()
"""
# the compiler is asked for, by its own name or by that of a part
COMPILED = """
import torch._dynamo.config
assert not torch._dynamo.is_compiling()
assert torch.compile(lambda x: x + 1, backend="eager")(torch.ones(2)).tolist() == [2, 2]
"""
INSIDE = """
with without_compiler():
    before = torch._dynamo
    assert sys.modules[COMPILER] is before and not hasattr(before, "__file__")
    assert before.disable(len) is len and before.disable(recursive=False)(len) is len
    ASKED
assert torch._dynamo is not before and torch._dynamo.__file__
"""
MASKS = """
from transformers.masking_utils import causal_mask_function, padding_mask_function, sdpa_mask
mask = torch.tensor([[False, True, True, True, True], [True, True, True, True, True]])
settings = dict(batch_size=2, q_length=5, kv_length=5, mask_function=causal_mask_function)
settings |= dict(attention_mask=mask, allow_is_causal_skip=False)
assert torch.equal(sdpa_mask(**settings), sdpa_mask(use_vmap=True, **settings))
assert COMPILER in sys.modules
"""


def run(code, *arguments):
    """A process of its own that runs some code."""
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts")}
    command = [sys.executable, "-c", SMALL + code, *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert not done.returncode, done.stderr


@pytest.mark.parametrize("code", [LOADED, CHECKED], ids=["backend", "self-check"])
def test_a_model_loads_and_computes_without_the_compiler(gpt2, code):
    run(code, gpt2.backup)


@pytest.mark.parametrize(
    "code",
    [
        COMPILED,
        INSIDE.replace("ASKED", "import torch._dynamo.config"),
        INSIDE.replace("ASKED", "assert torch._dynamo.reset() is None"),
        # as it is if the compiler was there before
        COMPILED + "with without_compiler():\n    assert torch._dynamo.__file__\n",
        MASKS,
    ],
    ids=["after", "a part", "a function", "before", "masks"],
)
def test_the_compiler_comes_when_it_is_needed(code):
    run(code)
