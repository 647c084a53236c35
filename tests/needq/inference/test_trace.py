"""Traces: the texts and logits of a session's patches under one backend after the other."""

import weakref

import numpy as np
import pytest
from needq.common import schemas
from needq.common.settings import Backend, Generation
from needq.corrupt.patches import Patch
from needq.inference.backend import load
from needq.inference.generate import generate_all
from needq.inference.patcher import Patcher
from needq.inference.score import reference_logits
from needq.inference.session import Session
from needq.inference.trace import trace_backends
from safetensors.numpy import save_file

EXACT = Backend(arithmetic="exact", precision="float64", rng="keyed")
BACKENDS = [Backend(), Backend(precision="bfloat16", kernels="eager"), EXACT]
IDS = {"prompts": [list(b"Once"), list(b"x")], "end": None, "documents": [], "bytes": []}
SETTINGS = Generation(prompts=["Once", "x"], sample_seeds=[3, 4], max_new_tokens=5)

pytestmark = pytest.mark.usefixtures("restored")


def test_each_backend_leaves_its_texts_logits_and_record(gpt2, corrupted, tmp_path):
    patches, noise = corrupted(gpt2)
    patches, weights = patches[::4], gpt2.backup / "model.safetensors"
    file = tmp_path / "q-gaussian-0.safetensors"
    save_file(noise["q-gaussian-0"], file)
    model = load(gpt2.backup, EXACT)
    reference = generate_all(
        model, Patcher(model, weights, noise), patches, IDS, SETTINGS, BACKENDS[0]
    )
    work = Session(BACKENDS[0], weights, [str(file)], patches)
    traces = list(trace_backends(work, BACKENDS, IDS, SETTINGS, reference, [0, 2]))
    assert [trace.record["backend"] for trace in traces] == [b.model_dump() for b in BACKENDS]
    for number, (backend, trace) in enumerate(zip(BACKENDS, traces, strict=True)):
        model = load(gpt2.backup, backend)
        alone = (model, Patcher(model, weights, noise), patches)
        texts = generate_all(*alone, IDS, SETTINGS, backend)
        assert trace.texts == [{"backend_number": number} | text for text in texts]
        assert {*trace.texts[0]} == {*schemas.TRACE.names}
        logits = reference_logits(*alone, reference, IDS["prompts"], [0, 2], backend.batch)
        assert {*trace.logits} == {f"{number} q/test/00@none", f"{number} q/test/04@0"}
        for key, values in logits.items():
            assert values.shape == (2, 2, 257)
            np.testing.assert_array_equal(trace.logits[f"{number} {key}"], values)


def test_no_more_than_two_models_are_in_memory(gpt2, monkeypatch):
    """The session's own, which its job holds, and the one of the backend that is traced."""
    alive, most, under = weakref.WeakSet(), [], Session.under

    def counted(self, backend):
        later = under(self, backend)
        alive.update({self.model, later.model})
        most.append(len(alive))
        return later

    monkeypatch.setattr(Session, "under", counted)
    patches, weights = [Patch("s", "q/s/00", None, 0, None, [])], gpt2.backup / "model.safetensors"
    work = Session(EXACT, weights, [], patches)
    reference = generate_all(work.model, work.patcher, patches, IDS, SETTINGS, EXACT)
    traces = list(trace_backends(work, [EXACT] * 4, IDS, SETTINGS, reference, [0]))
    assert most == [2, 2, 2]
    assert [trace.texts[0]["backend_number"] for trace in traces] == [0, 1, 2, 3]
    assert all(
        text | {"backend_number": 0} == own
        for trace in traces
        for text, own in zip(trace.texts, traces[0].texts, strict=True)
    )
