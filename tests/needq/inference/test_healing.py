"""Healing: resumed to the same bytes, measured as scores are, and complete where it can be."""

import numpy as np
import pytest
import torch
from needq.backup.architectures import find_architecture
from needq.backup.model import back_up
from needq.common import schemas
from needq.common.backends import Backend
from needq.common.files import read_json
from needq.common.healing import Healing
from needq.common.tensors import read_tensors
from needq.inference import healing
from needq.inference.healing import (
    Checkpoint,
    document_nlls,
    heal,
    healing_rows,
    meaning,
    measured_after,
    save_model,
)
from needq.inference.native import NativeModel, load_transformers
from needq.inference.patcher import Patcher
from needq.inference.refit import refit
from needq.inference.score import score_documents
from needq.metrics.healing import recovered, recovered_absolute
from saved import save_small, small_gpt2
from small import config_of
from transformers import AutoModelForCausalLM, AutoTokenizer


def rows(model, count, tokens, seed):
    """Rows of token ids that a model itself has drawn, so that no other model predicts better."""
    generator = torch.Generator().manual_seed(seed)
    ids, past = torch.full((count, 1), 256), None
    with torch.no_grad():
        for _ in range(tokens - 1):
            output = model.model(input_ids=ids[:, -1:], past_key_values=past, use_cache=True)
            past, logits = output.past_key_values, output.logits[:, -1]
            drawn = torch.multinomial(logits.softmax(-1), 1, generator=generator)
            ids = torch.cat([ids, drawn], 1)
    return ids.tolist()


def in_batches(drawn, size):
    return [drawn[first : first + size] for first in range(0, len(drawn), size)]


def test_the_loss_is_measured_at_powers_of_two_and_at_the_end():
    assert measured_after(1) == [0, 1]
    assert measured_after(8) == [0, 1, 2, 4, 8]
    assert measured_after(100) == [0, 1, 2, 4, 8, 16, 32, 64, 100]


def test_documents_are_measured_as_scores_are(small, corrupted, restored):
    model = NativeModel(small.load())
    patches, noise = corrupted(small)
    patcher = Patcher(model, small.backup / "model.safetensors", noise)
    documents = rows(model, 3, 20, 0) + rows(model, 2, 9, 1)
    sizes = [len(document) for document in documents]
    expected = score_documents(model, patcher, patches[:2], documents, sizes, 8)
    training = refit(model, small.architecture, "keys", Healing(steps=1))  # changes no value
    np.testing.assert_allclose(
        document_nlls(training.model, documents),
        [score["nll"] for score in expected[0]],
        rtol=1e-6,
    )
    with patcher.applied(patches[1].slices):
        damaged = document_nlls(training.model, documents)
    np.testing.assert_allclose(damaged, [score["nll"] for score in expected[1]], rtol=1e-6)
    assert damaged != document_nlls(training.model, documents)


class Stopped(Exception):
    pass


@pytest.mark.parametrize("parameters", ["keys", "all_but_queries"])
@pytest.mark.parametrize("stop", [0, 4, 7, 10])
def test_a_stopped_job_goes_on_to_the_same_bytes(
    parameters, stop, gpt2, tmp_path, monkeypatch, restored
):
    monkeypatch.setattr(healing, "EVERY", 3)
    source = NativeModel(gpt2.load())
    batches, documents = in_batches(rows(source, 22, 16, 0), 2), rows(source, 3, 16, 1)

    def run(path, fails=None):
        model = NativeModel(gpt2.load())
        training = refit(model, gpt2.architecture, parameters, Healing(steps=len(batches)))
        step, steps = training.step, []

        def counted(number, chosen):
            if number == fails:
                raise Stopped
            steps.append(number)
            return step(number, chosen)

        training.step = counted
        found = list(heal(training, batches, documents, Checkpoint(path, "this")))
        values = [p.detach().numpy().tobytes() for p in model.model.parameters()]
        return found, values, steps

    whole = run(tmp_path / "one")
    assert whole[2] == list(range(11))
    with pytest.raises(Stopped):
        run(tmp_path / "two", fails=stop)
    again = run(tmp_path / "two")
    assert again[2] == list(range(stop // 3 * 3, 11))
    assert again[:2] == whole[:2]
    assert [step for step, _ in whole[0]] == [0, 1, 2, 4, 8, 11]


def test_what_another_training_left_is_not_used(gpt2, tmp_path, restored):
    model = NativeModel(gpt2.load())
    batch, path = rows(model, 2, 16, 0), tmp_path / "kept"
    training = refit(model, gpt2.architecture, "keys", Healing(steps=2))
    training.step(0, batch)
    Checkpoint(path, "another").save(training, 1, [[1.0]])
    fresh = refit(NativeModel(gpt2.load()), gpt2.architecture, "keys", Healing(steps=2))
    assert Checkpoint(path, "this").load(fresh) == (0, [])
    assert fresh.optimizer.state == {}
    assert Checkpoint(path, "another").load(fresh) == (1, [[1.0]])
    Checkpoint(path, "another").remove()
    assert Checkpoint(path, "another").load(fresh) == (0, [])
    Checkpoint(path, "another").remove()


def test_all_that_decides_a_result_is_in_its_meaning(gpt2, corrupted):
    patches, _ = corrupted(gpt2)
    settings = Healing()
    base = meaning(settings, patches[1], "sha", "keys", [[[1]]], [[2]])
    assert base == meaning(
        settings.changed(run=True, save=True), patches[1], "sha", "keys", [[[1]]], [[2]]
    )
    others = {
        meaning(settings.changed(learning_rate=0.1), patches[1], "sha", "keys", [[[1]]], [[2]]),
        meaning(settings, patches[2], "sha", "keys", [[[1]]], [[2]]),
        meaning(settings, patches[1], "shb", "keys", [[[1]]], [[2]]),
        meaning(settings, patches[1], "sha", "norms", [[[1]]], [[2]]),
        meaning(settings, patches[1], "sha", "keys", [[[3]]], [[2]]),
        meaning(settings, patches[1], "sha", "keys", [[[1]]], [[3]]),
    }
    assert len(others | {base}) == 7


def test_the_control_is_itself_bit_for_bit(small, corrupted, tmp_path, restored):
    """The pristine model, healed of no damage, is what the same training makes of it."""
    patches, noise = corrupted(small)
    source = NativeModel(small.load())
    batches, documents = in_batches(rows(source, 8, 16, 0), 2), rows(source, 3, 16, 1)
    found = []
    for patch in (None, patches[0]):
        model = NativeModel(small.load())
        patcher = Patcher(model, small.backup / "model.safetensors", noise)
        with patcher.applied(patch.slices if patch else []):
            training = refit(model, small.architecture, "keys_values_outputs", Healing(steps=4))
            kept = healing_rows(
                "keys_values_outputs",
                patches[0],
                training,
                batches,
                documents,
                Checkpoint(tmp_path / "none", "this"),
            )
        values = [p.detach().numpy().tobytes() for p in model.model.parameters()]
        found.append((kept, values))
    assert found[0] == found[1]
    first = found[0][0][0]
    assert set(first) == set(schemas.HEALING.names)
    assert (first["step"], first["document"], first["blocks_replaced"]) == (0, 0, 0)


def test_noise_stays_bit_for_bit(small, corrupted, tmp_path, restored):
    patches, noise = corrupted(small)
    model = NativeModel(small.load())
    source = small.backup / "model.safetensors"
    batches, documents = in_batches(rows(model, 12, 16, 0), 2), rows(model, 3, 16, 1)
    with Patcher(model, source, noise).applied(patches[-1].slices):
        before = {name: p.detach().numpy().copy() for name, p in model.model.named_parameters()}
        training = refit(model, small.architecture, "all_but_queries", Healing(steps=6))
        list(heal(training, batches, documents, Checkpoint(tmp_path / "none", "this")))
        after = {name: p.detach().numpy().copy() for name, p in model.model.named_parameters()}
    for part in patches[-1].slices:
        index = tuple(slice(*axis) for axis in part["ranges"])
        np.testing.assert_array_equal(after[part["tensor"]][index], before[part["tensor"]][index])
        assert (before[part["tensor"]][index] != small.tensors[part["tensor"]][index]).any()


def teacher(folder):
    """A GPT-2 of one block whose attention chooses, and passes on what matters."""
    save_small(small_gpt2(1), folder)
    model = NativeModel(AutoModelForCausalLM.from_pretrained(folder).eval())
    attention = model.model.transformer.h[0].attn.c_attn
    with torch.no_grad():
        attention.weight[:, :24] *= 2
        attention.weight[:, 48:] *= 4
    return model


def rotate_queries(model, seed):
    """Rotate W_Q and b_Q of each head: W_K, rotated alike, would undo it."""
    generator = torch.Generator().manual_seed(seed)
    attention = model.model.transformer.h[0].attn.c_attn
    with torch.no_grad():
        for head in range(3):
            turn, _ = torch.linalg.qr(torch.randn(8, 8, generator=generator))
            own = slice(8 * head, 8 * head + 8)
            attention.weight[:, own] = attention.weight[:, own] @ turn
            attention.bias[own] = attention.bias[own] @ turn


def test_a_rotation_that_w_k_can_absorb_is_healed_wholly(tmp_path, restored):
    """W_K, rotated alike, undoes it: training finds that, beside the control trained as long."""
    model, steps = teacher(tmp_path / "model"), 600
    architecture = find_architecture(read_json(tmp_path / "model/config.json"))
    pristine = {name: p.detach().clone() for name, p in model.model.named_parameters()}
    batches, documents = in_batches(6 * rows(model, 12800, 16, 0), 128), rows(model, 300, 16, 1)

    def nlls(rotation):
        model.model.load_state_dict(pristine, strict=False)
        if rotation is not None:
            rotate_queries(model, rotation)
        training = refit(model, architecture, "keys", Healing(steps=steps, learning_rate=0.04))
        checkpoint = Checkpoint(tmp_path / "none", str(rotation))
        found = dict(heal(training, batches, documents, checkpoint))
        return np.mean(found[0]), np.mean(found[steps])

    (before, control), (damaged, healed) = nlls(None), nlls(2)
    damage = damaged - before
    assert damage > 0.1
    assert recovered(np.array([before, damaged, healed, control])) > 0.99
    # no model predicts the rows better than the one that drew them, and training costs little here
    assert recovered_absolute(np.array([before, damaged, healed, control])) > 0.98
    assert 0 < control - before < 0.02 * damage


def test_a_healed_model_is_a_folder_that_others_load(small, tmp_path, restored):
    model = NativeModel(small.load())
    documents = rows(model, 3, 16, 1)
    training = refit(model, small.architecture, "all_but_queries", Healing(steps=2))
    list(
        heal(
            training,
            in_batches(rows(model, 4, 16, 0), 2),
            documents,
            Checkpoint(tmp_path / "none", "this"),
        )
    )
    healed = document_nlls(model, documents)
    save_model(model, small.backup / "model.safetensors", tmp_path / "healed")
    files = {file.name for file in (tmp_path / "healed").iterdir()}
    assert files == {"config.json", "model.safetensors", "tokenizer.json"}
    assert set(read_tensors(tmp_path / "healed/model.safetensors")) == set(small.tensors)
    own = AutoModelForCausalLM.from_pretrained(tmp_path / "healed").eval()
    with torch.no_grad():
        row = torch.tensor(documents[:1])
        loss = own(input_ids=row, labels=row).loss
    assert float(loss) == pytest.approx(healed[0], rel=1e-5)
    tokens = [
        AutoTokenizer.from_pretrained(f).encode("A cat")
        for f in (small.source, tmp_path / "healed")
    ]
    assert tokens[0] == tokens[1]
    back_up(config_of(tmp_path / "healed"), tmp_path / "backup")
    again = NativeModel(load_transformers(tmp_path / "backup", Backend()))
    assert document_nlls(again, documents) == healed
