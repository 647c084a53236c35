"""Documents of texts: by blank lines or lines, packed or not. See test_tokens for the rest."""

import bz2

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from needq.backup.documents import read_documents, read_ngram_documents
from needq.common.errors import UserError

LINES = st.text("ab é", min_size=1).filter(str.strip)


@pytest.mark.parametrize("name", ["text.txt", "text.bz2"])
@pytest.mark.parametrize(
    ("text", "documents"),
    [
        ("one\ntwo\nthree\n", ["one", "two", "three"]),
        ("one\ntwo\n\nthree", ["one\ntwo", "three"]),
        ("one\r\ntwo\r\n \r\nthree\r\n", ["one\ntwo", "three"]),
        ("\ufeffone\n", ["one"]),
    ],
)
def test_documents_are_between_blank_lines_or_lines(tmp_path, name, text, documents):
    file = tmp_path / name
    content = text.encode()
    file.write_bytes(bz2.compress(content) if name.endswith("bz2") else content)
    assert read_ngram_documents(str(file)) == documents


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(LINES, min_size=2, max_size=6))
def test_the_evaluation_text_is_found_among_the_lines(tmp_path, lines):
    """So that its documents can be left out of what n-grams are trained on."""
    evaluation, corpus = tmp_path / "evaluation.txt", tmp_path / "corpus.txt"
    evaluation.write_text("\n\n".join(lines))
    corpus.write_text("\n".join(lines))
    assert read_documents(str(evaluation)) == read_ngram_documents(str(corpus)) == lines


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.bz2", b"no bz2", "cannot be read as bz2"),
        ("a.bz2", bz2.compress(b"cut")[:-3], "cannot be read as bz2"),
        ("a.bz2", bz2.compress(b"\xff\xfe"), "is not UTF-8"),
        ("a.bz2", bz2.compress(b" \n\n"), "holds no document"),
        ("a.txt", b"\n \n", "holds no document"),
        ("a.txt", b"\xff\xfe", "is not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path, name, content, message):
    file = tmp_path / name
    file.write_bytes(content)
    with pytest.raises(UserError, match=f"evaluation.ngram_text: .*{name}: {message}") as error:
        read_ngram_documents(str(file))
    assert "\n" not in str(error.value)


def test_a_file_that_is_missing_is_refused(tmp_path):
    with pytest.raises(UserError, match=r"none.bz2: cannot be read as bz2 \(.*No such file"):
        read_ngram_documents(str(tmp_path / "none.bz2"))
