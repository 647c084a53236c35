"""The page of attention: a table per method, averaged over heads, in all blocks."""

from pathlib import Path

from attention_data import attention
from needq.report.attention import AttentionPages
from page_reader import Reader

TEMPLATES = sorted((Path(__file__).parents[3] / "report/templates").iterdir())


def test_each_method_has_a_table_of_blocks():
    page = AttentionPages(TEMPLATES, "test", ["cpu"], cuda=False).attention(attention())
    text = Reader(page).text
    for heading in (
        "Pristine model",
        "All blocks replaced: Gaussian noise",
        "All blocks replaced: zeros",
    ):
        assert heading in text
    assert "2.05" in text  # the mean over heads of block 0
    assert "102" not in text  # one block replaced alone
    assert "tables/attention.tsv" in text
