"""The glossary as a page, and links to it where a page first mentions one of its terms."""

import re
from collections.abc import Sequence
from html import escape
from html.parser import HTMLParser
from typing import NamedTuple

from needq.report.cells import anchor

NAME = "glossary"  # of its page
# terms that pages use in their everyday meaning too
EVERYDAY = {"chance", "comparison", "factor", "method", "native", "run", "step"}
# where nothing becomes a link: code, what is a link or a control itself, headings and cells
SKIPPED = set(
    "a blockquote button code details dt form h1 h2 h3 mark nav option pre q script select style "
    "summary svg table textarea title".split()
)
# classes of elements whose text is a model's or the config's, or which a script hides or rewrites
TEXTS = {"text", "story", "prompt", "value", "chip", "still", "agree", "place"}
# elements without an end tag
VOID = set("area base br col embed hr img input link meta source track wbr".split())
BOLD, EMPHASIS = re.compile(r"\*\*(.+?)\*\*"), re.compile(r"\*(.+?)\*")
LINK = re.compile(r"\[[^\]]+\]\(([^)#]+)[^)]*\)")


class Entry(NamedTuple):
    """A paragraph of the glossary: the terms that it explains, its id in the page, and its HTML."""

    terms: tuple[str, ...]
    anchor: str
    html: str


def read_glossary(text: str) -> list[Entry]:
    """The entries of a Markdown file: the paragraphs that begin with a term in bold."""
    entries = []
    for paragraph in re.split(r"\n\s*\n", text):
        words = " ".join(paragraph.split())
        if words.startswith("**"):
            bold = BOLD.findall(words)
            terms = tuple(term for names in bold for term in names.split(", "))
            entries.append(Entry(terms, anchor(bold[0]), _html(words)))
    return entries


def _html(markdown: str) -> str:
    """A paragraph of Markdown as HTML. A link to another document becomes that document's path."""
    parts = escape(markdown, quote=False).split("`")
    for place in range(0, len(parts), 2):  # the others are code
        words = LINK.sub(r"docs/\1", parts[place])
        words = BOLD.sub(r"<b>\1</b>", words)
        parts[place] = EMPHASIS.sub(r"<em>\1</em>", words)
    for place in range(1, len(parts), 2):
        parts[place] = f"<code>{parts[place]}</code>"
    return "".join(parts)


class _Prose(HTMLParser):
    """Finds where the prose of a page is: text of its <main> that may become a link."""

    def __init__(self, page: str):
        super().__init__(convert_charrefs=False)
        self.open: list[tuple[str, bool]] = []  # open elements, and whether each is skipped
        self.spans: list[tuple[int, int]] = []
        # where each line begins, as the parser counts lines
        self.lines = [0, *(found.end() for found in re.finditer("\n", page))]
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in VOID:
            classes = set((dict(attrs).get("class") or "").split())
            self.open.append((tag, tag in SKIPPED or bool(classes & TEXTS)))

    def handle_endtag(self, tag: str) -> None:
        if tag in (name for name, _ in self.open):
            while self.open.pop()[0] != tag:
                pass

    def handle_data(self, data: str) -> None:
        if ("main", False) in self.open and not any(skipped for _, skipped in self.open):
            line, column = self.getpos()
            start = self.lines[line - 1] + column
            self.spans.append((start, start + len(data)))


def link_terms(page: str, entries: Sequence[Entry], folder: str = "") -> str:
    """A page in which the first mention of each entry's terms is a link to the glossary.

    `page` is HTML, and stays as it is but for these links; text that is escaped stays escaped.
    `folder` is where the page of the glossary is, seen from this page.
    """
    known = {
        term.lower(): (term, entry)
        for entry in entries
        for term in entry.terms
        if term.lower() not in EVERYDAY
    }
    if not known:
        return page
    longest_first = "|".join(map(re.escape, sorted(known, key=len, reverse=True)))
    # not a part of a longer word, nor of the path of a file
    pattern = re.compile(rf"(?<![\w./-])({longest_first})s?(?![\w/-]|\.\w)", re.IGNORECASE)
    parts, end, linked = list[str](), 0, set[str]()
    for start, stop in _Prose(page).spans:
        for found in pattern.finditer(page, start, stop):
            term, entry = known[found[1].lower()]
            abbreviation = term[1:] != term[1:].lower()  # KL, W_Q: these letters alone
            if entry.anchor in linked or (abbreviation and found[1] != term):
                continue
            linked.add(entry.anchor)
            link = f'<a class="term" href="{folder}{NAME}.html#{entry.anchor}">{found[0]}</a>'
            parts += [page[end : found.start()], link]
            end = found.end()
    return "".join([*parts, page[end:]])
