"""Words of the pages: their titles and order."""

from needq.report.content import PAGES, TITLES, neighbours


def test_every_page_has_a_title_and_a_place_in_the_report():
    assert set(TITLES) == set(PAGES)


def test_the_pages_before_and_after():
    there = ["provenance", "gallery", "labels"]
    assert neighbours(there, "All texts") == [None, ("labels", "Labels")]
    assert neighbours(there, "Labels") == [
        ("gallery", "All texts"),
        ("provenance", "Config and provenance"),
    ]
    assert neighbours(there, "Config and provenance") == [("labels", "Labels"), None]
    assert neighbours(there, "Do we really need Q?") == [None, None]
    assert neighbours([], "Labels") == [None, None]
