"""Every page in a real browser: quiet, complete, leaving nothing, executing nothing."""

import json
import os
import shutil
from html import escape
from pathlib import Path

import pytest
from browser import Browser, reason_against
from project import ONE_BACKEND, ROOT

IMAGES = "[...document.images].map((image) => image.naturalWidth)"
# what a model could write to be executed by a page that trusts it
HOSTILE = {
    " ": "<script>window.hacked=1</script>",
    "l": '"><img src=x onerror="window.hacked=1">',
}


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Chromium. In CI it has to be there; elsewhere it may be missing."""
    reason = reason_against()
    if reason and os.environ.get("CI"):
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)
    browser = Browser(tmp_path_factory.mktemp("browser"))
    yield browser
    browser.close()


@pytest.fixture(scope="module")
def report(baseline, tmp_path_factory):
    """Snakemake's report of the baseline."""
    return reported(baseline, tmp_path_factory.mktemp("report"))


def reported(project, folder):
    code, said = project.run("--report", str(folder / "report.html"))
    assert code == 0, said
    return folder / "report.html"


def pages(project):
    return [project.results / "index.html", *sorted((project.results / "pages").glob("*.html"))]


def assert_quiet(browser):
    """No error was reported, nothing asked of the network, and every image is there."""
    browser.settle()
    assert (browser.errors, browser.refused) == ([], [])
    assert all(width > 0 for width in browser.value(IMAGES))


def show_all(browser, report):
    """Open every item of every category; yield each category and item, and what frames hold."""
    browser.open(report)
    browser.wait("typeof app === 'object' && document.querySelectorAll('#app a').length > 3")
    categories = browser.value("Object.keys(categories)")
    for category in sorted(categories):
        browser.value("app.setView({navbarMode: 'menu'})")
        named = f"(link) => link.textContent.trim() === {json.dumps(category)}"
        link = f"[...document.querySelectorAll('#app a')].find({named})"
        browser.wait(f"!!({link})")
        browser.value(f"{link}.click()")
        browser.wait(
            "app.state.navbarMode === 'subcategory' && !!document.querySelector('tbody a')"
        )
        for row in range(browser.value("document.querySelectorAll('tbody tr').length")):
            browser.value(
                f"document.querySelectorAll('tbody tr')[{row}].querySelector('a').click()"
            )
            browser.wait(
                f"app.state.category === {json.dumps(category)} && !!app.state.contentPath"
            )
            name = browser.value("app.state.resultPath.split('/').pop()")
            yield category, name, browser.frames("document.body.innerText")[1:]


def test_pages_are_quiet_and_fit_any_width(browser, baseline):
    for page in pages(baseline):
        for width, dark in ((360, False), (1600, True)):
            browser.open(page, width, dark)
            assert_quiet(browser)
            assert browser.value("document.documentElement.scrollWidth - innerWidth") <= 0, page


def test_links_of_the_first_page_lead_somewhere(browser, baseline):
    browser.open(baseline.results / "index.html")
    found = browser.value(
        "[...document.links].map((link) => decodeURI(link.href).replace('file://', ''))"
    )
    places = [name.partition("#") for name in found]
    assert {os.path.basename(name) for name, _, _ in places} >= {
        *("degradation.html", "gallery.html", "divergence.html", "parted.html"),
        *("ledger.html", "flips.html", "provenance.html", "labels.html"),
        *("notebook_walk.html", "notebook_headline.html"),
    }
    assert any(place for _, _, place in places)
    for name, _, place in places:
        assert not place or f'id="{place}"' in Path(name).read_text(encoding="utf-8"), name
        assert os.path.exists(name)


def test_dark_pages_are_dark_and_their_figures_on_white(browser, baseline):
    colour = "getComputedStyle(document.{}).backgroundColor"
    page = baseline.results / "index.html"
    browser.open(page, dark=True)
    assert browser.value(colour.format("body")) == "rgb(21, 24, 28)"
    assert browser.value(colour.format("querySelector('.figure')")) == "rgb(255, 255, 255)"
    browser.open(page)
    assert browser.value(colour.format("body")) == "rgb(255, 255, 255)"


def test_report_shows_the_first_page_first_and_opens_everything(browser, report):
    shown = []
    for category, name, frames in show_all(browser, report):
        shown.append((category, name))
        assert_quiet(browser)
        assert name.endswith(".svg") or (len(frames) == 1 and len(frames[0]) > 100), name
    assert shown[0] == ("0 Start here", "index.html")
    assert {"gallery.html", "parted.html", "degradation.svg"} <= {name for _, name in shown}


def test_in_the_report_the_first_page_has_no_dead_links(browser, report):
    category, name, frames = next(show_all(browser, report))
    assert "Do we really need Q?" in frames[0] and "in this report: 1 Degradation" in frames[0]
    links = "document.querySelectorAll('a[href]').length"
    assert browser.frames(links)[1:] == [0]


def test_gallery_is_searched_without_a_server(browser, baseline):
    browser.open(baseline.results / "pages/gallery.html")
    shown = "document.querySelectorAll('.text-card:not([hidden])').length"
    everything = browser.value(shown)
    words = browser.value("document.querySelector('.text-card blockquote').textContent")
    typed = "form.elements.words.value = {}; form.dispatchEvent(new Event('input'))"
    browser.value(typed.format(json.dumps(words.upper())))
    assert 0 < browser.value(shown) < everything
    assert browser.value("form.elements.count.value").endswith(f" of {everything} texts")
    browser.value(typed.format("'no text has this'"))
    assert browser.value(shown) == 0
    browser.value(typed.format("''"))
    assert browser.value(shown) == everything
    assert_quiet(browser)


@pytest.fixture(scope="module")
def hostile(source, tmp_path_factory):
    """A project whose model writes markup: its tokenizer spells two letters as markup."""
    project = source.copy(tmp_path_factory.mktemp("hostile") / "project")
    folder = project.folder / "hostile"
    shutil.copytree(ROOT / "resources/pocket-gpt2", folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text(encoding="utf-8"))
    spell = [
        {"type": "Replace", "pattern": {"String": letter}, "content": markup}
        for letter, markup in HOSTILE.items()
    ]
    tokenizer["decoder"] = {"type": "Sequence", "decoders": [tokenizer["decoder"], *spell]}
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer), encoding="utf-8")
    little = {
        "compare": {"positions": [0], "pairs": [["cpu", "keyed32"]]},
        "generation": {
            "prompts": ["Once <b>upon</b> a time", HOSTILE["l"]],
            "sample_seeds": [0],
            "max_new_tokens": 12,
        },
        "scored_sweeps": [],
        "noise_seeds": [0],
        "labels": {"texts_per_prompt": 2},
    }
    project.configure(**ONE_BACKEND | little, model={"location": "hostile"})
    project.finish()
    return project


def test_generated_text_is_shown_and_never_executed(browser, hostile, tmp_path):
    markup = HOSTILE[" "]
    for page in pages(hostile):
        browser.open(page)
        assert_quiet(browser)
        assert browser.value("window.hacked") is None
        if page.name in ("index.html", "gallery.html", "parted.html"):
            assert escape(markup) in page.read_text(encoding="utf-8")
            assert markup in browser.value("document.body.textContent"), page
            assert not browser.value("document.querySelectorAll('img[src=x]').length")
    for _, name, _ in show_all(browser, reported(hostile, tmp_path)):
        assert_quiet(browser)
        assert not any(browser.frames("window.hacked")), name
