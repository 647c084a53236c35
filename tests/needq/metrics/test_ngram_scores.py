"""N-gram models of a text: what they are trained on, and their scores."""

import logging

import numpy as np
import pytest
from needq.backup.encoder import Encoder
from needq.common import schemas
from needq.common.errors import UserError
from needq.common.settings import Evaluation
from needq.metrics import ngram_scores
from needq.metrics.kneser_ney import KneserNey

END = 256  # of the byte-level tokenizer, and its begin token
STORIES = ["a cat sat", "a dog sat", "the cat ran", "a cat ran on"]


@pytest.fixture
def evaluation(tmp_path):
    (tmp_path / "corpus.txt").write_text("\n".join(STORIES) + "\n")
    (tmp_path / "text.txt").write_text("the cat ran\n\na bird flew\n")
    files = {"text": str(tmp_path / "text.txt"), "ngram_text": str(tmp_path / "corpus.txt")}
    return Evaluation(**files, begin="<|endoftext|>")


def marked(gpt2, text, end):
    ids = Encoder(gpt2.backup / "tokenizer.json", 257).ids(text, "test")
    return np.array([END, *ids, end])


@pytest.mark.parametrize("end", [None, 10])
def test_documents_of_the_evaluation_text_are_left_out(gpt2, evaluation, end, caplog):
    with caplog.at_level(logging.INFO):
        model = ngram_scores.train(gpt2.backup / "tokenizer.json", 257, evaluation, end)
    assert "3 documents of 36 tokens; 1 more are left out" in caplog.text
    # without an end token, the begin token ends a document too
    closing = END if end is None else end
    used = [marked(gpt2, text, closing) for text in STORIES if text != "the cat ran"]
    wanted, scored = KneserNey(used, 5, 257), marked(gpt2, "the cat ran", closing)
    np.testing.assert_array_equal(model.nats(scored), wanted.nats(scored))


def test_rows_are_of_every_order_and_document():
    model = KneserNey([np.array([0, 1, 2, 0])], 5, 4)
    long = [0, *[1, 2, 3] * 50]
    tokens = {"prompts": [], "end": 0, "documents": [[0, 1, 3], long], "bytes": [5, 300]}
    rows = ngram_scores.ngram_rows(model, tokens)
    assert [(row["document"], row["order"]) for row in rows] == [
        (document, order) for document in (0, 1) for order in range(1, 6)
    ]
    assert {*rows[0]} == {*schemas.NGRAMS.names}
    short, last = model.nats([0, 1, 3]), model.nats(long)
    assert rows[2]["nll"] == rows[2]["nll_0_39"] == pytest.approx(short[2].mean())
    assert rows[2]["nll_40_99"] is None
    assert rows[9]["nll_from_100"] == pytest.approx(last[4, 100:].mean())
    assert (rows[9]["tokens"], rows[9]["bytes"]) == (150, 300)


def test_a_text_that_is_all_evaluation_text_is_refused(gpt2, evaluation):
    same = evaluation.changed(ngram_text=evaluation.text)
    with pytest.raises(UserError, match="every document of it is in the evaluation text"):
        ngram_scores.train(gpt2.backup / "tokenizer.json", 257, same, None)
