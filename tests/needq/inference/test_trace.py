"""Traces: the texts and logits of a session's patches at one corner after the other."""

from functools import partial

import numpy as np
import pytest
import torch
from needq.common import schemas
from needq.common.backends import Backend
from needq.common.keys import corner_key
from needq.common.settings import Generation
from needq.inference import trace as trace_module
from needq.inference.backend import load
from needq.inference.generate import generate_all
from needq.inference.native_noise import native_noise
from needq.inference.patcher import Patcher, make_patcher
from needq.inference.score import reference_logits
from needq.inference.session import Session
from needq.inference.trace import trace_corners, with_documents
from needq.plan.corners import corners
from safetensors.numpy import save_file

LEFT = Backend(precision="bfloat16")
RIGHT = LEFT.changed(rng="cuda", noise="cuda", gpu="T4")
IDS = {"prompts": [list(b"Once"), list(b"x")], "end": None, "documents": [], "bytes": []}
SETTINGS = Generation(prompts=["Once", "x"], sample_seeds=[3, 4], max_new_tokens=5)

pytestmark = pytest.mark.usefixtures("restored")


def test_each_corner_leaves_what_a_backend_with_its_settings_computes(
    gpt2, corrupted, tmp_path, monkeypatch
):
    patches, noise = corrupted(gpt2)
    patches, weights = patches[::4], gpt2.backup / "model.safetensors"
    files = {side: tmp_path / side / "q-gaussian-0.safetensors" for side in ("left", "right")}
    for file in files.values():
        file.parent.mkdir()
    save_file(noise["q-gaussian-0"], files["left"])
    save_file(native_noise(weights, RIGHT, torch.device("cpu"))["q-gaussian-0"], files["right"])
    model = load(gpt2.backup, LEFT)
    pristine = Patcher(model, weights, noise)
    reference = generate_all(model, pristine, patches, IDS, SETTINGS, LEFT)
    some = corners(LEFT, RIGHT)
    calls = {"generate_all": [], "reference_logits": []}
    for name, computed in calls.items():
        own = getattr(trace_module, name)

        def counted(model, patcher, patches, *rest, own=own, computed=computed):
            computed.append([patch.blocks_replaced for patch in patches])
            return own(model, patcher, patches, *rest)

        monkeypatch.setattr(trace_module, name, counted)
    assert [corner.name for corner in some] == ["", "noise", "token draws", "noise + token draws"]
    trace = trace_corners(
        Session(LEFT, weights, [], patches),
        some,
        {side: [str(file)] for side, file in files.items()},
        IDS,
        SETTINGS,
        0,
        reference,
        [0, 2],
    )
    # the pristine model once per draws, and once
    assert calls["generate_all"].count([0]) == 2
    assert calls["reference_logits"].count([0]) == 1
    assert sum(map(len, calls["generate_all"])) == 2 + 4 * (len(patches) - 1)
    for corner in some:
        # the backend draws its noise by itself
        make = partial(make_patcher, model, weights, corner.backend)
        alone = (model, make([files["left"]]), patches)
        texts = generate_all(*alone, IDS, SETTINGS, corner.backend)
        found = [text for text in trace.texts if text["corner"] == corner.name]
        assert found == [{"corner": corner.name} | text for text in texts]
        logits = reference_logits(*alone, reference, IDS["prompts"], [0, 2], corner.backend)
        for key, values in logits.items():
            assert values.shape == (2, 2, 257)
            np.testing.assert_array_equal(trace.logits[corner_key(corner.name, key)], values)
    assert {*trace.texts[0]} == {*schemas.TRACE.names}
    assert len(trace.logits) == 4 * len(patches)
    assert trace.texts[:4] != trace.texts[8:12]


def test_documents_are_begun_like_prompts():
    tokens = IDS | {"documents": [list(range(30)), [7, 8], list(range(9))]}
    more, settings = with_documents(tokens, SETTINGS, 2)
    assert more["prompts"] == [*IDS["prompts"], [0, 1, 2, 3], [7, 8]]
    assert settings.prompts == ["Once", "x", "document 0", "document 1"]
    assert settings.changed(prompts=SETTINGS.prompts) == SETTINGS
    assert with_documents(tokens, SETTINGS, 0) == (tokens, SETTINGS)
    # there are no more than three
    assert with_documents(tokens, SETTINGS, 9)[0]["prompts"][-1] == [0, 1, 2, 3]
