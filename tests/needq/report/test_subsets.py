"""The page of block subsets: its first sentences say the finding."""

from pathlib import Path

from needq.report.subsets import SubsetPages, describe_subsets
from page_reader import Reader
from subset_data import made_tables

TEMPLATES = sorted((Path(__file__).parents[3] / "report/templates").iterdir())


def page(tables):
    pages = SubsetPages(TEMPLATES, "test", ["cpu"], cuda=False)
    return Reader(pages.subsets(*tables.values()))


def test_the_page_says_the_finding_and_shows_the_tables():
    made = made_tables()
    text = page(made).text
    row = made["sizes"].iloc[1]
    assert f"Replacing 2 of 4 blocks raises nll by {row['mean']:.2f} nats per token" in text
    assert "times as much. Blocks that back each other up do so, but not only these." in text
    for heading in ("What each block adds", "The pairs that interact most", "Damage, and how"):
        assert heading in text
    assert "effective number of blocks" in text
    assert "its blocks" in text
    assert "Shapley interaction index" in text


def test_without_the_least_and_the_most_the_first_sentence_is_shorter():
    made = made_tables()
    made["sizes"][["least", "most"]] = float("nan")
    words = describe_subsets(made["shapley"], made["sizes"])
    assert "mean over sampled subsets" in words
    assert "damaging" not in words
    made["interactions"] = made["interactions"].iloc[:0]
    assert "interact most" not in page(made).text


def test_blocks_that_only_add_do_not_back_each_other_up():
    made = made_tables()
    made["shapley"]["alone"] = made["shapley"]["shapley"]
    assert "back each other up" not in describe_subsets(made["shapley"], made["sizes"])
