"""Every page in a real browser: quiet, complete, leaving nothing, executing nothing."""

import json
import os
import re
import shutil
from html import escape
from importlib import resources
from itertools import product
from pathlib import Path

import pytest
from browser import Browser, reason_against
from needq.common.label_colours import LABEL_COLOURS
from project import HOSTILE_PROMPT, MARKUP

AXE = resources.files("axe_core_python").joinpath("axe.min.js")
# what axe-core reports of a page: how bad, the rule, and the first element that breaks it
LOOK = """window.found = null; axe.run(document, {resultTypes: ['violations']}).then(
  (all) => { window.found = all.violations.map((one) => [one.impact, one.id, one.nodes[0].html]); }
)"""
IMAGES = "[...document.images].map((image) => image.naturalWidth)"


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
def reports(rich, tmp_path_factory):
    """Snakemake's reports of the rich run, from a config that leaves a key to its default.

    One file, another after a job ran again, and one that was taken out of a zip.
    """
    folder = tmp_path_factory.mktemp("report")
    project = rich.copy(folder / "project")
    config = (project.folder / "config.yaml").read_text(encoding="utf-8")
    without = re.sub("\n  reference: cpu .*", "", config)
    assert without != config
    (project.folder / "config.yaml").write_text(without, encoding="utf-8")
    job = ("--force", "--cores", "1", project.file("answer.txt"))
    for arguments in (
        ("--report", str(folder / "report.html")),
        ("--report", str(folder / "packed.zip")),
        job,
        ("--report", str(folder / "again.html")),
    ):
        code, said = project.run(*arguments)
        assert code == 0, said
        assert "RuntimeWarning" not in said
    shutil.unpack_archive(folder / "packed.zip", folder)
    return {
        "html": folder / "report.html",
        "again": folder / "again.html",
        "zip": folder / "packed/report.html",
    }


@pytest.fixture(scope="module")
def report(reports):
    return reports["html"]


def pages(project):
    return [project.results / "index.html", *sorted((project.results / "pages").glob("*.html"))]


def assert_quiet(browser):
    """No error was reported, nothing asked of the network, and every image is there."""
    browser.fix_layout()
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
            "app.state.navbarMode === 'subcategory' && !!document.querySelector('nav tbody a')"
        )
        for row in range(browser.value("document.querySelectorAll('nav tbody tr').length")):
            browser.value(
                f"document.querySelectorAll('nav tbody tr')[{row}].querySelector('a').click()"
            )
            browser.wait(
                f"app.state.category === {json.dumps(category)} && !!app.state.contentPath"
            )
            name = browser.value("app.state.resultPath.split('/').pop()")
            yield category, name, browser.frames("document.body.innerText")[1:]


def test_pages_are_quiet_and_fit_any_width(browser, rich):
    for page in pages(rich):
        for width, dark in ((360, False), (1600, True)):
            browser.open(page, width, dark)
            assert_quiet(browser)
            assert browser.value("document.documentElement.scrollWidth - innerWidth") <= 0, page


def test_no_page_shuts_a_reader_out(browser, rich):
    """Nothing that axe-core calls serious or critical, in both themes and at two widths."""
    axe = AXE.read_text(encoding="utf-8")
    for page in pages(rich):
        for width, dark in product((400, 1280), (False, True)):
            browser.open(page, width, dark)
            browser.value(f"{axe};0")
            browser.value(f"{LOOK};0")
            browser.wait("window.found !== null")
            found = browser.value("window.found")
            assert [one for one in found if one[0] in ("serious", "critical")] == [], page


def test_links_of_the_first_page_lead_somewhere(browser, rich):
    browser.open(rich.results / "index.html")
    found = browser.value(
        "[...document.links].map((link) => decodeURI(link.href).replace('file://', ''))"
    )
    places = [name.partition("#") for name in found]
    assert {os.path.basename(name) for name, _, _ in places} >= {
        *("degradation.html", "gallery.html", "divergence.html", "side_by_side.html"),
        *("ledger.html", "flips.html", "provenance.html", "labels.html", "claims.html"),
        "attention.html",
        "glossary.html",
        *("notebook_walk.html", "notebook_headline.html"),
    }
    assert any(place for _, _, place in places)
    for name, _, place in places:
        assert not place or f'id="{place}"' in Path(name).read_text(encoding="utf-8"), name
        assert os.path.exists(name)


def test_dark_pages_are_dark_and_their_figures_on_white(browser, rich):
    colour = "getComputedStyle(document.{}).backgroundColor"
    page = rich.results / "index.html"
    browser.open(page, dark=True)
    assert browser.value(colour.format("body")) == "rgb(21, 24, 28)"
    assert browser.value(colour.format("querySelector('.figure')")) == "rgb(255, 255, 255)"
    browser.open(page)
    assert browser.value(colour.format("body")) == "rgb(255, 255, 255)"


def wait_for(browser, page):
    """Wait until the report shows this page, and the page has heard which of its links work."""
    browser.wait(f"app.state.content === 'html' && app.state.resultPath.endsWith('/{page.name}')")
    title = re.search("<title>(.*)</title>", page.read_text(encoding="utf-8"))[1]
    heard = "document.readyState === 'complete' && !document.querySelector('.embedded')"
    for _ in range(200):  # each look waits 0.15 s or longer
        if browser.frames(f"{heard} && document.title")[1:] == [title]:
            return
    pytest.fail(f"the report does not show {page.name}")


def click(browser, link):
    """Click a link on the page that the report shows."""
    found = f"document.querySelector({json.dumps(link)})"
    assert browser.frames(f"{found} && ({found}.click(), true)")[1:] == [True]


def heading(browser):
    return browser.frames("document.querySelector('h1').innerText")[1:]


ANSWER = "document.querySelector('.needq .short')"


@pytest.mark.parametrize("form", ["html", "zip"])
def test_the_report_opens_on_the_answer_and_leads_from_page_to_page(browser, rich, reports, form):
    browser.open(reports[form])
    browser.wait(f"!!{ANSWER}")
    said = (rich.results / "answer.txt").read_text(encoding="utf-8")
    assert said == f"Do we really need Q? {browser.value(f'{ANSWER}.innerText')}\n"
    box = f"{ANSWER}.getBoundingClientRect()"
    assert 0 < browser.value(f"{box}.top") < browser.value(f"{box}.bottom") < 900
    assert browser.value("document.querySelector('.needq table').innerText").count("cannot be") == 6
    browser.value("document.querySelector('.needq a').click()")
    wait_for(browser, rich.results / "index.html")
    click(browser, "#more ~ ul a[href$='claims.html']")
    wait_for(browser, rich.results / "pages/claims.html")
    assert heading(browser) == ["Claims"]
    click(browser, "a[rel=next]")
    wait_for(browser, rich.results / "pages/gallery.html")
    assert heading(browser) == ["All texts"]
    click(browser, "a[href='../index.html']")
    wait_for(browser, rich.results / "index.html")
    # and back to what a report opens on, past both pages
    browser.value("history.go(-2)")
    wait_for(browser, rich.results / "pages/claims.html")
    browser.value("history.go(-2)")
    browser.wait(f"!!{ANSWER}")
    assert_quiet(browser)


def test_every_link_between_pages_leads_somewhere_in_the_report(browser, rich, report):
    browser.open(report)
    browser.wait(f"!!{ANSWER}")
    names = browser.value("Object.keys(results).map((path) => path.split('/').pop())")
    for page in pages(rich):
        browser.value(f"location.hash = '{page.name}'")
        wait_for(browser, page)
        assert browser.frames("document.querySelectorAll('a:not([href])').length")[1:] == [0], page
        links = "[...document.querySelectorAll('a[href]')].map((link) => link.getAttribute('href'))"
        (found,) = browser.frames(links)[1:]
        assert found, page
        for link in found:
            address, _, place = link.partition("#")
            file = page.parent / address if address else page
            assert not address or file.name in names, (page, link)
            assert not place or f'id="{place}"' in file.read_text(encoding="utf-8"), (page, link)


def test_a_link_to_a_place_on_another_page_leads_to_the_place(browser, rich, report):
    browser.open(report)
    browser.wait(f"!!{ANSWER}")
    browser.value("location.hash = 'index.html'")
    wait_for(browser, rich.results / "index.html")
    click(browser, "a[href*='degradation.html#']")
    wait_for(browser, rich.results / "pages/degradation.html")
    place = browser.value("location.hash.split('#')[2]")
    top = f"document.getElementById('{place}').getBoundingClientRect().top"
    assert browser.frames(f"scrollY > 0 && Math.abs({top}) < 2")[1:] == [True]


def test_without_an_answer_from_the_report_links_are_words(browser, report, tmp_path):
    """As in the report of a workflow that has this one as a module, and a text of its own."""
    text = report.read_text(encoding="utf-8")
    bare = tmp_path / "bare.html"
    bare.write_text(text.replace("if (!window.needq)", "if (false)"), encoding="utf-8")
    assert bare.read_text(encoding="utf-8") != text
    _category, _name, frames = next(show_all(browser, bare))
    assert "in this report: 1 Degradation" in frames[0]
    links = """document.querySelectorAll("a[href]:not([href^='#'])").length"""
    assert browser.frames(links)[1:] == [0]


def test_reports_of_two_runs_differ_only_in_when_jobs_ran(reports):
    times = re.compile(r'<script id="(?:runtimes|timeline)">.*?</script>', re.DOTALL)
    one, again = (reports[name].read_text(encoding="utf-8") for name in ("html", "again"))
    assert len(times.findall(one)) == 2
    # an arrow of the graph of rules; Snakemake draws those of any one job of a rule
    arrow = re.compile(r'\{[^{}]*"sourcerule": "(\w+)", "targetrule": "(\w+)"[^{}]*\}(?:, )?')
    assert {*arrow.findall(one)} ^ {*arrow.findall(again)} <= {("select_items", "score")}
    assert arrow.sub("", times.sub("", one)) == arrow.sub("", times.sub("", again))
    assert one != again


def test_the_slider_of_the_first_page_shows_other_texts(browser, rich):
    """By keyboard; what it shows is what the run's files hold."""
    browser.open(rich.results / "index.html")
    stories = json.loads((rich.results / "stories.json").read_text(encoding="utf-8"))
    shown = "document.querySelector('.written').textContent"
    last = len(stories["steps"]) - 1
    browser.value("document.getElementById('step').focus()")
    for _ in range(last + 1):
        for kind in ("keyDown", "keyUp"):
            key = {"key": "ArrowRight", "code": "ArrowRight", "windowsVirtualKeyCode": 39}
            browser.say("Input.dispatchKeyEvent", type=kind, **key)
    own = [one for one in stories["stories"] if one["step"] == last and not one["prompt"]]
    wanted = next(one for one in own if one["noise_seed"] in (None, stories["noise_seeds"][0]))
    browser.wait(f"{shown} === {json.dumps(''.join(wanted['words']))}")
    name = stories["steps"][last]["name"]
    assert browser.value("document.querySelector('.controls output').value") == name
    assert browser.value("document.getElementById('step').getAttribute('aria-valuetext')") == name
    assert browser.value("document.querySelectorAll('.strip .noise').length") == len(
        wanted["replaced"]
    )
    other = "document.querySelector('.stories .right').textContent"
    assert browser.value(other) == "".join(wanted["other"])
    # the colours that are seen, not the attributes that ask for them
    still = "getComputedStyle(document.querySelector('.still')).display"
    assert browser.value(still) == "none"
    assert_quiet(browser)


def test_gallery_is_searched_without_a_server(browser, rich):
    browser.open(rich.results / "pages/gallery.html")
    browser.value("for (const part of document.querySelectorAll('details')) part.open = true")
    # what is seen, not the attribute that asks for it
    shown = (
        "[...document.querySelectorAll('.text-card')].filter((one) => one.checkVisibility()).length"
    )
    everything = browser.value(shown)
    words = browser.value("document.querySelector('.text-card blockquote').textContent")
    typed = "form.elements.words.value = {}; form.dispatchEvent(new Event('input'))"
    browser.value(typed.format(json.dumps(words.upper())))
    assert 0 < browser.value(shown) < everything
    assert browser.value("form.elements.count.value").endswith(f" of {everything} texts")
    browser.value(typed.format("'no text has this'"))
    assert browser.value(shown) == 0
    rows = "[...document.querySelectorAll('.blocks, .prompt')]"
    assert browser.value(f"{rows}.every((one) => getComputedStyle(one).display === 'none')")
    browser.value(typed.format("''"))
    browser.value("for (const part of document.querySelectorAll('details')) part.open = true")
    assert browser.value(shown) == everything
    assert_quiet(browser)


def test_generated_text_is_shown_and_never_executed(browser, rich):
    markup = MARKUP[" "]
    for page in pages(rich):
        browser.open(page)
        assert_quiet(browser)
        assert browser.value("window.hacked") is None
        assert not browser.value("document.querySelectorAll('img[src=x]').length")
        if page.name in ("index.html", "gallery.html", "side_by_side.html"):
            assert escape(markup) in page.read_text(encoding="utf-8")
            assert markup in browser.value("document.body.textContent"), page


def test_report_shows_the_first_page_first_and_executes_no_text(browser, report):
    shown = []
    for category, name, frames in show_all(browser, report):
        shown.append((category, name))
        assert_quiet(browser)
        assert name.endswith(".svg") or (len(frames) == 1 and len(frames[0]) > 100), name
        assert not any(browser.frames("window.hacked")), name
    assert shown[0] == ("0 Start here", "index.html")
    assert {"gallery.html", "side_by_side.html", "degradation.svg"} <= {name for _, name in shown}


def test_no_text_of_the_config_is_markup_in_the_report(browser, report):
    text = report.read_text(encoding="utf-8")
    assert "<script>window" not in text
    assert HOSTILE_PROMPT not in text
    assert "\\\\u003c/script\\\\u003e" in text  # it is there, as a param
    browser.open(report)
    assert_quiet(browser)
    assert browser.value("document.title") == "Snakemake Report"
    assert browser.value("window.hacked") is None


def test_captions_name_a_value_that_is_a_default(report):
    (caption,) = re.findall(r"The backend is.{0,60}>([^<]*)</tt>", report.read_text("utf-8"))
    assert caption == "cpu"


def test_report_is_one_file_with_figures_and_pages(report):
    text = report.read_text(encoding="utf-8")
    for name in ("degradation.svg", "divergence.svg", "q_histogram.svg"):
        assert name in text
    for name in ("gallery.html", "index.html"):
        assert name in text


def test_no_reader_sees_an_id_of_an_intervention(browser, rich):
    for page in pages(rich):
        if page.name not in ("provenance.html", "glossary.html"):  # digests have them as names
            browser.open(page)
            browser.value(
                "for (const part of document.querySelectorAll('details')) part.open = true"
            )
            assert not re.findall(
                r"\b[qkvo]{1,3}/\w+/\w+", browser.value("document.body.innerText")
            )


def test_links_to_the_glossary_lead_to_its_entries(browser, rich):
    browser.open(rich.results / "pages/glossary.html")
    entries = browser.value("[...document.querySelectorAll('.entry')].map((one) => one.id)")
    for page in pages(rich):
        browser.open(page)
        links = browser.value("[...document.querySelectorAll('a.term')].map((one) => one.href)")
        found = [link.partition("/glossary.html#") for link in links]
        assert {place for _, _, place in found} <= set(entries)
        assert len(links) == len(set(links))
        assert links or page.name == "glossary.html", page
        # a script hides what a reader without one sees: no link may be there
        hidden = (
            "[...document.querySelectorAll('a.term')].filter((one) => !one.offsetParent).length"
        )
        assert browser.value(hidden) == 0, page


def test_labels_have_one_colour_everywhere(browser, rich):
    """On the first page, in the gallery and in the tables, in both themes."""
    seen = {}
    for page, dark in product(("index", "pages/gallery", "pages/labels"), (False, True)):
        browser.open(rich.results / f"{page}.html", dark=dark)
        chips = browser.value(
            "[...document.querySelectorAll('.chip')].filter((one) => one.checkVisibility())"
            ".map((one) => [one.textContent, getComputedStyle(one).backgroundColor, "
            "getComputedStyle(one).color])"
        )
        assert chips, page
        for label, paper, ink in chips:
            assert seen.setdefault(label, (paper, ink)) == (paper, ink), (page, label)
            wanted = [tuple(bytes.fromhex(colour[1:])) for colour in LABEL_COLOURS[label]]
            assert [paper, ink] == [f"rgb{colour}" for colour in wanted]


def test_figures_are_as_wide_as_their_card_and_say_what_they_show(browser, rich):
    card = "document.querySelectorAll('.figure')[{}]"
    for width in (400, 1280):
        browser.open(rich.results / "index.html", width)
        for place in range(browser.value("document.querySelectorAll('.figure').length")):
            box = f"{card.format(place)}.getBoundingClientRect().width"
            image = f"{card.format(place)}.firstChild.getBoundingClientRect().width"
            assert 0 <= browser.value(f"{box} - {image}") < 20
    alts = browser.value("[...document.images].map((image) => image.alt)")
    said = browser.value(
        "[document.querySelector('.short'), document.querySelector('#divergence + p')]"
        ".map((one) => one.textContent)"
    )
    assert len(alts) == len(said)
    for alt, finding in zip(alts, said, strict=True):
        assert alt.startswith(f"{finding} The figure shows")


def test_no_share_on_the_first_page_is_far_from_its_interval(browser, rich):
    browser.open(rich.results / "index.html")
    bold = browser.value(
        "[...document.querySelectorAll('p b')].map((one) => one.parentNode.textContent)"
    )
    shares = [text for text in bold if re.search(r"\d%", text)]
    assert shares
    for text in shares:
        assert re.search(r"95% interval|too small", text), text


FIRST_CELLS = """
[...document.querySelectorAll('.scroll > table:not(.claim, .first) td:first-child')]
  .map((cell) => [cell.offsetWidth, cell.closest('.scroll')])
  .filter(([, region]) => region.scrollWidth > region.clientWidth)
  .map(([width, region]) => width / region.clientWidth)"""


def test_first_columns_leave_room_for_numbers_on_a_phone(browser, rich):
    """They stay at the edge while a table is scrolled, and would hide what is scrolled."""
    shares = []
    for page in pages(rich):
        browser.open(page, 400)
        shares += [(share, page.name) for share in browser.value(FIRST_CELLS)]
    assert shares
    assert max(shares)[0] < 0.5, max(shares)


def test_tests_of_claims_are_readable_on_a_phone(browser, rich):
    """Each value is beside its name, and no row is much taller than its words."""
    for page in ("index.html", "pages/claims.html"):
        browser.open(rich.results / page, 400)
        browser.value("for (const part of document.querySelectorAll('details')) part.open = true")
        rows = browser.value(
            "[...document.querySelectorAll('.claim tbody tr')].map((row) => ["
            "row.textContent.length, row.getBoundingClientRect().height, "
            "row.getBoundingClientRect().right, "
            "getComputedStyle(row.cells[2], '::before').content])"
        )
        assert rows
        for letters, height, right, name in rows:
            assert height < 60 + 24 * (letters / 30 + 5), page
            assert right <= 400
            assert name == '"estimate: "'
