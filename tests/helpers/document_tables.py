"""Tables of documents as lists of cells: those of Markdown, and those of HTML pages."""

from html.parser import HTMLParser


def markdown_tables(text):
    """Each table of a Markdown text: its rows as lists of cells, the headings first."""
    found, inside = [], False
    for line in text.splitlines():
        if line.startswith("|"):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            if not inside:
                found.append([])
            if not all(set(cell) <= set("-: ") and cell for cell in cells):
                found[-1].append(cells)
        inside = line.startswith("|")
    return found


class PageTables(HTMLParser):
    """Each table of a page: its rows as lists of cells, the headings first; and the whole text."""

    def __init__(self, page):
        super().__init__()
        self.tables, self.text, self.cell, self.hidden = [], "", None, False
        self.feed(page)
        self.text = " ".join(self.text.split())

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self.tables.append([])
        if tag == "tr":
            self.tables[-1].append([])
        if tag in ("td", "th"):
            self.cell = ""
        self.hidden = tag in ("style", "script")
        if tag not in ("b", "span", "i", "code", "a", "em", "strong"):  # a new word begins
            self.handle_data(" ")

    def handle_data(self, data):
        if self.hidden:
            return
        self.text += data
        if self.cell is not None:
            self.cell += data

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[-1][-1].append(" ".join(self.cell.split()))
            self.cell = None
        if tag in ("style", "script"):
            self.hidden = False


def find_table(tables, *headings):
    """The rows of the first table with these headings, as dictionaries."""
    for heads, *rows in tables:
        if set(headings) <= set(heads):
            return [dict(zip(heads, row, strict=True)) for row in rows]
    raise AssertionError(f"no table has the columns {headings}")
