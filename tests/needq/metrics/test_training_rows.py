"""The rows of a training: which documents, in which order, cut where."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from needq.backup.encoder import Encoder
from needq.common.errors import UserError
from needq.common.healing import Healing
from needq.common.settings import Evaluation
from needq.metrics.training_rows import batches_text, drawn, training_batches

END = 256  # of the byte-level tokenizer, and its begin token
STORIES = ["a cat sat", "a dog sat", "the cat ran", "a cat ran on"]


@pytest.fixture
def evaluation(tmp_path):
    (tmp_path / "corpus.txt").write_text("\n".join(STORIES) + "\n")
    (tmp_path / "text.txt").write_text("the cat ran\n\na bird flew\n")
    files = {"text": str(tmp_path / "text.txt"), "ngram_text": str(tmp_path / "corpus.txt")}
    return Evaluation(**files, begin="<|endoftext|>")


def ids(gpt2, text):
    return Encoder(gpt2.backup / "tokenizer.json", 257).ids(text, "test")


def batches(gpt2, evaluation, end=None, **changes):
    healing = Healing(steps=3, batch=2, **changes)
    return training_batches(gpt2.backup / "tokenizer.json", gpt2.manifest, evaluation, healing, end)


@given(st.integers(1, 60), st.integers(1, 20))
def test_each_document_comes_once_before_any_comes_again(count, documents):
    order = drawn(count, documents)
    assert len(order) == count
    for start in range(0, count, documents):
        epoch = order[start : start + documents]
        assert len(set(epoch)) == len(epoch)
        assert set(epoch) <= set(range(documents))
    longer = drawn(count + 7, documents)
    assert longer[:count] == order


def test_epochs_have_other_orders():
    order = drawn(200, 100)
    assert order[:100] != order[100:]
    assert order[:100] != sorted(order[:100])


@pytest.mark.parametrize("end", [None, 10])
def test_rows_are_documents_that_are_not_held_out(gpt2, evaluation, end):
    found = batches(gpt2, evaluation, end)
    assert [len(rows) for rows in found] == [2, 2, 2]
    rows = [row for batch in found for row in batch]
    closing = END if end is None else end
    known = {(END, *ids(gpt2, text), closing) for text in STORIES if text != "the cat ran"}
    assert {tuple(row) for row in rows} == known
    assert {tuple(row) for row in rows[:3]} == known
    assert found == batches(gpt2, evaluation, end)
    assert json.loads(batches_text(found)) == found


def test_rows_are_cut(gpt2, evaluation):
    rows = [row for batch in batches(gpt2, evaluation, tokens=5) for row in batch]
    assert {len(row) for row in rows} == {5}
    assert all(row[0] == END for row in rows)


def test_another_text(gpt2, evaluation, tmp_path):
    (tmp_path / "more.txt").write_text("a bird flew\nan owl\n")
    found = batches(gpt2, evaluation, text=str(tmp_path / "more.txt"))
    owl = [END, *ids(gpt2, "an owl"), END]
    assert [row for batch in found for row in batch] == [owl] * 6
    with pytest.raises(UserError, match=r"config: healing\.text: .* is in the evaluation text"):
        batches(gpt2, evaluation, text=evaluation.text)
