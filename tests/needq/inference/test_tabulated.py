"""GELU in 16 bits, looked up: the bits of transformers' own kernels, on every instruction set."""

import os
import subprocess
import sys

import pytest
import torch
from needq.inference.tabulated import Tabulated, table, tabulate_gelu
from project import ROOT
from torch import nn
from transformers.activations import NewGELUActivation

FORMATS = [torch.bfloat16, torch.float16]
BITS = 1 << 16


def same_bits(left, right):
    """Whether values are the same, all nan being one."""
    assert left.dtype == right.dtype
    equal = left.view(torch.int16) == right.view(torch.int16)
    return bool((equal | left.isnan() & right.isnan()).all())


@pytest.mark.parametrize("dtype", FORMATS)
def test_a_table_has_what_the_kernels_give_wherever_a_value_stands(dtype):
    gelu = NewGELUActivation()
    looked_up = Tabulated(gelu, table(gelu, dtype))
    values = torch.arange(BITS).to(torch.uint16).view(dtype)
    assert same_bits(looked_up(values), gelu(values))
    order = torch.randperm(BITS, generator=torch.Generator().manual_seed(0))
    shuffled = values[order][: 5 * 7 * 31].view(5, 7, 31)
    for x in (shuffled, shuffled[:, 1:, 3:], shuffled.transpose(0, 2), shuffled[:1, :1, :1]):
        assert looked_up(x).shape == x.shape
        assert same_bits(looked_up(x).contiguous(), gelu(x).contiguous())


ALONE = """
import torch
from needq.inference.tabulated import table
from transformers.activations import NewGELUActivation
gelu = NewGELUActivation()
for dtype in (torch.bfloat16, torch.float16):
    values = torch.arange(1 << 16).to(torch.uint16).view(dtype)
    alone = torch.cat([gelu(values[at : at + 1]) for at in range(0, 1 << 16, 9)])
    made = table(gelu, dtype)[::9]
    equal = made.view(torch.int16) == alone.view(torch.int16)
    assert (equal | made.isnan() & alone.isnan()).all()
"""


@pytest.mark.parametrize("instructions", ["default", "avx2", "avx512"])
def test_a_value_alone_has_the_bits_of_a_value_among_all(instructions):
    environment = os.environ | {"PYTHONPATH": str(ROOT / "scripts"), "OMP_NUM_THREADS": "1"}
    environment |= {"ATEN_CPU_CAPABILITY": instructions}
    subprocess.run([sys.executable, "-c", ALONE], env=environment, check=True)


class Wandering(nn.Module):
    """A function that depends on whether values lie side by side."""

    def forward(self, x):
        return x + 1 if x.is_contiguous() else x


def test_a_function_that_depends_on_where_a_value_stands_has_no_table():
    assert table(Wandering(), torch.bfloat16) is None
    assert table(nn.Identity(), torch.bfloat16) is not None


@pytest.mark.parametrize(
    ("dtype", "kind"),
    [(torch.bfloat16, Tabulated), (torch.float16, Tabulated), (torch.float32, NewGELUActivation)],
)
def test_models_in_16_bits_look_gelu_up(dtype, kind):
    model = nn.ModuleList([nn.Linear(2, 2), nn.ModuleDict({"act": NewGELUActivation()})]).to(dtype)
    tabulate_gelu(model)
    assert isinstance(model[1]["act"], kind)


def test_a_gradient_is_that_of_the_function_itself():
    gelu = NewGELUActivation()
    looked_up = Tabulated(gelu, table(gelu, torch.bfloat16))
    gradients = []
    for function in (gelu, looked_up):
        x = torch.tensor([-1.0, 0.5, 2.0], dtype=torch.bfloat16, requires_grad=True)
        function(x).sum().backward()
        gradients.append(x.grad)
    assert gradients[0].abs().min() > 0
    assert torch.equal(*gradients)
