"""Links to the glossary: once per page and term, in prose alone, with every byte else as it was."""

import re
from pathlib import Path

import pytest
from needq.report import glossary
from needq.report.glossary import EVERYDAY, Entry, link_terms, read_glossary
from page_reader import Reader

ROOT = Path(__file__).parents[3]
ENTRIES = [
    Entry(("token",), "token", ""),
    Entry(("token draw",), "token-draw", ""),
    Entry(("KL",), "kl", ""),
    Entry(("W_Q", "W_K"), "w_q-w_k", ""),
    Entry(("run",), "run", ""),
]


def main(body):
    return f"<title>A token</title><nav>token</nav><main>{body}</main><p>token</p>"


def link(anchor, words, folder=""):
    return f'<a class="term" href="{folder}glossary.html#{anchor}">{words}</a>'


def test_the_first_mention_in_prose_is_a_link_and_no_other():
    page = main("<p>Two tokens, a\ntoken.</p>\n<p>Token draws of a run: W_K, W_Q.</p>")
    wanted = main(
        f"<p>Two {link('token', 'tokens')}, a\ntoken.</p>\n"
        f"<p>{link('token-draw', 'Token draws')} of a run: {link('w_q-w_k', 'W_K')}, W_Q.</p>"
    )
    assert link_terms(page, ENTRIES) == wanted
    assert link_terms(page, []) == page
    assert link("token", "tokens", "pages/") in link_terms(page, ENTRIES, "pages/")


@pytest.mark.parametrize(
    "body",
    [
        "<blockquote>a token</blockquote>",
        "<p>“<span class='quote text'>a <b>token</b></span>”</p>",
        "<pre>token</pre><p><code>token</code></p>",
        "<p><a href='#x'>a <b>token</b></a></p>",
        "<h2>The token</h2><table><tr><td>token</td></tr></table>",
        "<script>let token = '<p>token</p>';</script><style>.token{}</style>",
        '<p title="a token">kl, tokenizer, sub-token, token-wise, a/token, token.tsv</p>',
        "<form><label>token</label></form><details><p>token</p></details>",
    ],
)
def test_text_of_a_model_code_links_and_cells_stay_as_they_are(body):
    assert link_terms(main(body), ENTRIES) == main(body)


def test_what_is_escaped_stays_escaped():
    body = "<p>1 &lt; 2 &amp; a &#39;token&#39;<br>&lt;script&gt;KL</p><p>x</p>"
    written = link_terms(main(body), ENTRIES)
    assert link("token", "token") in written
    assert link("kl", "KL") in written
    assert re.sub(r"</?a\b[^>]*>", "", written) == main(body)


def test_the_glossary_of_the_project():
    entries = read_glossary((ROOT / "docs/glossary.md").read_text(encoding="utf-8"))
    terms = {term for entry in entries for term in entry.terms}
    assert {"W_Q", "Block", "nll", "top_k", "Spread of scores"} <= terms
    anchors = [entry.anchor for entry in entries]
    assert len(set(anchors)) == len(anchors) > 80
    assert all(re.fullmatch(r"[\w-]+", one) for one in anchors)
    assert EVERYDAY - {"run", "step"} <= {term.lower() for term in terms}
    by_anchor = {entry.anchor: entry.html for entry in entries}
    assert by_anchor["shapley-value"].startswith("<b>Shapley value</b> of a block: the damage")
    assert by_anchor["backend"].endswith("<code>exact</code> are backends.")
    assert "(docs/tasks.md)" in by_anchor["cloze"]
    assert "the kind <em>" not in by_anchor["block"]
    for html in by_anchor.values():
        assert set(Reader(html).tags) <= {"b", "em", "code"}
        assert not re.search(r"[*`\]]", Reader(html).text.replace("[", ""))


def test_markup_in_a_glossary_is_text():
    (entry,) = read_glossary("# x\n\n**a<b**: 1 < 2 & `<i>` *x*.")
    assert entry.html == "<b>a&lt;b</b>: 1 &lt; 2 &amp; <code>&lt;i&gt;</code> <em>x</em>."
    assert glossary.NAME == "glossary"
