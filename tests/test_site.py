"""The documents as a site: what can be said without mkdocs, which `make docs` installs."""

import re
import subprocess
import sys

import pytest
import yaml
from default_config import ROOT

sys.path.insert(0, str(ROOT / "docs"))

import stage


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml, of which one value is a call of Python."""


Loader.add_multi_constructor("tag:yaml.org,2002:python/", lambda loader, tag, node: tag)
SITE = yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)
LISTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()
LINK = re.compile(r"\]\(([^)\s]+)\)|(?:src|srcset|href)=\"([^\"]+)\"")


def pages(entries):
    """The files that a nav names, in its order."""
    for entry in entries:
        for _, value in entry.items():
            yield from [value] if isinstance(value, str) else pages(value)


def test_every_document_is_in_the_navigation():
    named = list(pages(SITE["nav"]))
    assert len(set(named)) == len(named)
    assert set(named) <= set(LISTED)
    documents = {name for name in LISTED if re.fullmatch(r"(docs/)?[^/]+\.md", name)}
    assert documents - set(named) == set()


def test_a_broken_link_fails_and_no_page_asks_for_anything():
    assert SITE["strict"] is True
    assert SITE["validation"]["links"]["not_found"] == "warn"
    assert SITE["theme"]["font"] is False
    assert not {"extra_css", "extra_javascript", "extra"} & set(SITE)


@pytest.mark.parametrize("name", LISTED)
def test_links_lead_to_files(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    text = re.sub(r"^(```.*?^```|    .*?$)", "", text, flags=re.M | re.S)
    for found in LINK.findall(text):
        link = found[0] or found[1]
        if not re.match(r"\w+:|#", link):
            assert (ROOT / name).parent.joinpath(link.partition("#")[0]).exists(), link


def test_the_site_is_made_of_the_files_of_the_repository(tmp_path):
    (tmp_path / "site").mkdir()
    (tmp_path / "site/old.md").write_text("old")
    stage.stage(tmp_path / "site")
    staged = {str(f.relative_to(tmp_path / "site")) for f in tmp_path.rglob("*") if f.is_file()}
    assert set(pages(SITE["nav"])) <= staged
    assert "docs/screens/index-1280-light.webp" in staged
    assert not [name for name in staged if name.startswith("tests/") or name == "old.md"]
    assert sum((ROOT / name).stat().st_size for name in staged) < 30_000_000


def test_every_picture_of_a_page_is_shown():
    shown = set(re.findall(r"screens/([\w-]+\.webp)", (ROOT / "docs/screens.md").read_text()))
    pictures = {file.name: file.stat().st_size for file in (ROOT / "docs/screens").iterdir()}
    assert shown == set(pictures)
    assert len(shown) % 4 == 0
    assert sum(pictures.values()) < 4_000_000
