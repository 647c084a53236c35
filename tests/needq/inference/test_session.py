"""Sessions: the instruction set before torch, the patches that a job asks for, a model to work on.

Exact backends where any will do: they need no transformers, which takes seconds to import.
"""

import ast
import gc
import os
import subprocess
import sys

import pytest
import torch
from needq.common.backends import Backend
from needq.common.errors import PREFIX, UserError
from needq.corrupt.patches import write_patches
from needq.inference import session as session_module
from needq.inference.backend import load, record
from needq.inference.patcher import Patcher
from needq.inference.session import session
from safetensors.numpy import save_file
from small import ROOT

SCRIPTS = ROOT / "scripts"
EXACT = Backend(arithmetic="exact", precision="float64")
IDS = torch.tensor([[3, 1, 4, 1, 5, 9]])

pytestmark = pytest.mark.usefixtures("restored")


@pytest.fixture
def noise(gpt2, corrupted):
    """The stored noise of two noise seeds."""
    return corrupted(gpt2, noise_seeds=(0, 1))[1]


@pytest.fixture
def files(gpt2, corrupted, noise, tmp_path):
    """What a job is given: the weights, its log, stored noise and patches."""
    patches, _ = corrupted(gpt2, noise_seeds=(0, 1))
    write_patches(tmp_path / "patches.json", patches)
    for name, tensors in noise.items():
        save_file(tensors, tmp_path / f"{name}.safetensors")
    stored = [str(tmp_path / f"{name}.safetensors") for name in noise]
    weights = gpt2.backup / "model.safetensors"
    return weights, str(tmp_path / "logs/job.log"), stored, [str(tmp_path / "patches.json")]


def test_a_session_serves_the_patches_that_its_job_asks_for(gpt2, noise, files):
    with session(EXACT, *files, noise_seeds=[None, 1]) as work:
        assert [(patch.intervention, patch.noise_seed) for patch in work.patches] == [
            ("q/test/00", None),
            *((f"q/test/{count:02d}", 1) for count in range(1, 5)),
        ]
        model = load(gpt2.backup, EXACT)
        patcher = Patcher(model, gpt2.backup / "model.safetensors", noise)
        pristine = model.logits(IDS)[0]
        for patch in work.patches:
            with work.patcher.applied(patch.slices), patcher.applied(patch.slices):
                logits = work.model.logits(IDS)[0]
                assert torch.equal(logits, model.logits(IDS)[0])
                assert torch.equal(logits, pristine) == (not patch.slices)
        assert work.record() == record(EXACT)
        assert work.record()["deterministic_algorithms"]
    with open(files[1], encoding="utf-8") as log:
        assert "done in" in log.read().splitlines()[-1]


def test_without_a_choice_a_session_serves_all_patches(files):
    with session(EXACT, *files) as work:
        assert [patch.blocks_replaced for patch in work.patches] == [0, 1, 2, 3, 4, 1, 2, 3, 4]


def test_nothing_is_collected_until_the_model_is_there(files, monkeypatch):
    collecting = []
    monkeypatch.setattr(session_module, "read_patches", lambda _: collecting.append(gc.isenabled()))
    with session(EXACT, *files[:2]):
        assert gc.isenabled()
    assert collecting == [False]

    def fail(_):
        raise UserError("no")

    monkeypatch.setattr(session_module, "read_patches", fail)
    with pytest.raises(SystemExit), session(EXACT, *files[:2]):
        pass
    assert gc.isenabled()


def test_a_session_needs_neither_noise_nor_patches(gpt2, files):
    with session(EXACT, *files[:2]) as work:
        assert work.patches == []
        pristine = load(gpt2.backup, EXACT).logits(IDS)[0]
        assert torch.equal(work.model.logits(IDS)[0], pristine)


def test_native_models_are_fused_unless_their_backend_computes_one_by_one(gpt2, files):
    logits, kernels = {}, {}
    for stack in (True, False):
        with session(Backend(stack=stack), *files[:2]) as work:
            work.fuse()
            logits[stack] = work.model.logits(IDS)[0]
            kernels[stack] = {type(module).__name__ for module in work.model.model.modules()}
    assert "NewGELUActivation" not in kernels[True]
    assert "NewGELUActivation" in kernels[False]
    assert torch.equal(logits[False], load(gpt2.backup, Backend()).logits(IDS)[0])
    torch.testing.assert_close(logits[True], logits[False], rtol=1e-4, atol=1e-4)


def test_exact_arithmetic_is_not_fused(gpt2, files):
    with session(EXACT, *files[:2]) as work:
        work.fuse()
        assert torch.equal(work.model.logits(IDS)[0], load(gpt2.backup, EXACT).logits(IDS)[0])


def test_a_missing_device_ends_the_job_in_one_line(files, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit) as stopped, session(Backend(device="cuda"), *files):
        pass
    assert stopped.value.code.startswith(f"{PREFIX}this job's backend needs a CUDA device")
    with open(files[1], encoding="utf-8") as log:
        assert log.read().splitlines()[-1].endswith(stopped.value.code)


PROGRAM = """
import sys
from needq.inference.session import session
from needq.common.backends import Backend
backend = Backend(arithmetic="exact", precision="float64", instruction_set=sys.argv[1])
assert "torch" not in sys.modules
with session(backend, *sys.argv[2:]) as work:
    print(work.record()["cpu_capability"])
# they take seconds to import, and exact arithmetic needs neither
assert not {"torch._dynamo", "transformers"} & sys.modules.keys()
"""


@pytest.fixture
def capability(files):
    """A function: what torch's kernels use in a job, in a process of its own."""

    def run(instruction_set, **variables):
        environment = {k: v for k, v in os.environ.items() if k != "ATEN_CPU_CAPABILITY"}
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, instruction_set, str(files[0]), files[1]],
            env=environment | variables | {"PYTHONPATH": str(SCRIPTS)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()

    return run


def test_torch_uses_the_instruction_set_of_the_backend(capability):
    assert capability("baseline") == "DEFAULT"
    best = capability("native")
    if best == "DEFAULT":
        pytest.skip("this processor has the baseline instruction set only")
    assert capability("native", ATEN_CPU_CAPABILITY="default") == best  # overruled


def test_scripts_import_torch_in_their_session_alone():
    """torch reads the instruction set when it is imported, and nothing may import it earlier."""
    early = []
    for script in sorted(SCRIPTS.glob("*.py")):
        body = ast.parse(script.read_text(encoding="utf-8")).body
        imports = [node for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
        if any("needq.inference.session" in ast.unparse(node) for node in imports):
            early += imports
    code = "\n".join([*map(ast.unparse, early), "import sys; print('torch' in sys.modules)"])
    environment = os.environ | {"PYTHONPATH": str(SCRIPTS)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert code.count("import session") == 13
    assert done.stdout == "False\n"
