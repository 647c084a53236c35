"""Columns: docs/metrics.md and the code say the same."""

from pathlib import Path

import pytest
from needq.common import columns

ROOT = Path(__file__).parents[3]


@pytest.mark.parametrize("table", columns.TABLES)
def test_docs_define_every_column(table):
    document = (ROOT / "docs/metrics.md").read_text(encoding="utf-8")
    section = document.split(f"## tables/{table}.tsv\n")[1].split("\n## ")[0]
    found = dict(
        line.removeprefix("| `").removesuffix(" |").split("` | ", 1)
        for line in section.splitlines()
        if line.startswith("| `")
    )
    expected = {name: text.replace("|", "\\|") for name, text in columns.TABLES[table].items()}
    assert found == expected
