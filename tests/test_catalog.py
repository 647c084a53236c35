"""What archives and catalogs read: CITATION.cff, config/README.md and the catalog's own file."""

import datetime
import re

import needq
import pytest
import yaml
from default_config import DEFAULT, ROOT

CITATION = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
CATALOG = yaml.safe_load((ROOT / ".snakemake-workflow-catalog.yml").read_text(encoding="utf-8"))
CONFIG_README = (ROOT / "config/README.md").read_text(encoding="utf-8")
# of the Citation File Format's schema 1.2.0: every key, and the forms of some values
KEYS = set(
    """abstract authors cff-version commit contact date-released doi identifiers keywords license
    license-url message preferred-citation references repository repository-artifact
    repository-code title type url version""".split()
)
PERSON = set(
    """address affiliation alias city country email family-names fax given-names name-particle
    name-suffix orcid post-code region tel website""".split()
)
ENTITY = set(
    """address alias city country date-end date-start email fax location name orcid post-code
    region tel website""".split()
)
DOI = r"10\.\d{4,9}(\.\d+)?/[A-Za-z0-9:/_;\-.()\[\]\\]+"


def test_the_citation_has_what_the_format_demands():
    assert {"authors", "cff-version", "message", "title"} <= set(CITATION) <= KEYS
    assert CITATION["cff-version"] == "1.2.0"
    assert CITATION["type"] in ("software", "dataset")
    assert CITATION["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    assert len(set(CITATION["keywords"])) == len(CITATION["keywords"])
    for key in ("date-released",):
        if key in CITATION:
            assert isinstance(CITATION[key], datetime.date)


def test_the_citation_and_the_changelog_are_of_this_version():
    assert CITATION["version"] == needq.__version__
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    released = re.findall(r"^## \[(\d\S+)\] - (\S+)$", changelog, re.M)
    assert released[0] == (needq.__version__, str(CITATION["date-released"]))


@pytest.mark.parametrize("work", [CITATION, *CITATION["references"]], ids=lambda w: w["title"])
def test_authors_and_addresses_of_a_cited_work(work):
    assert work["authors"]
    for author in work["authors"]:
        assert set(author) <= (ENTITY if "name" in author else PERSON)
        assert author.get("name") or author["family-names"]
    assert re.fullmatch(DOI, work.get("doi", "10.1234/x"))
    assert re.match(r"(https?|ftp)://", work.get("url", "https://"))
    assert {"authors", "title", "type"} <= set(work)


def test_the_catalog_file_has_the_keys_of_the_catalog():
    usage = CATALOG["usage"]
    assert set(usage) == {"mandatory-flags", "software-stack-deployment", "report"}
    assert set(usage["mandatory-flags"]) == {"desc", "flags"}
    deployment = usage["software-stack-deployment"]
    assert set(deployment) == {"conda", "apptainer", "apptainer+conda"}
    assert deployment["conda"] is usage["report"] is True


def test_the_readme_of_the_config_names_every_group():
    named = re.findall(r"^\| (`.+`) \|", CONFIG_README, re.M)
    assert {key for cell in named for key in re.findall(r"`(\w+)`", cell)} == set(DEFAULT)
