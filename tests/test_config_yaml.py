"""config.yaml, as whoever opens it first reads it."""

import yaml
from default_config import DEFAULT, ROOT

TEXT = (ROOT / "config.yaml").read_text(encoding="utf-8")
LINES = TEXT.splitlines()
NAMED = ("sweeps", "backends")  # groups of entries that the user names


def test_the_first_forty_lines_are_all_that_a_newcomer_touches():
    keys = [line.partition(":")[0] for line in LINES[:40] if line[:1].isalpha()]
    assert keys == ["run", "model", "sweeps", "noise_seeds"]
    # all of them: the next line says that the rest is for others
    assert LINES[LINES.index("noise_seeds: [0, 1, 2, 3, 4]") + 2].startswith(
        "# --- Most runs leave"
    )


def test_the_order_of_its_groups():
    order = "run model sweeps noise_seeds generation evaluation tasks labels subsets probes"
    order += " healing cuda verify_device divergence jobs"
    assert list(DEFAULT) == order.split()


def test_nothing_is_said_by_anchors():
    assert not any(token in TEXT for token in ("&", "*", "<<"))


def keys_of(node, named=False):
    """The keys of a YAML text that stand on a line of their own, and whether they are names."""
    for key, value in node.value:
        yield key, named
        if isinstance(value, yaml.MappingNode) and not value.flow_style:
            yield from keys_of(value, key.value in NAMED)


def is_explained(line):
    """Whether a comment stands on a line, or right above it."""
    return "  # " in LINES[line] or LINES[line - 1].lstrip().startswith("# ")


def test_every_key_has_a_comment_or_is_an_entry_of_a_group_with_one():
    keys = list(keys_of(yaml.compose(TEXT)))
    assert len(keys) > 60
    silent = [
        key.value for key, named in keys if not named and not is_explained(key.start_mark.line)
    ]
    assert silent == []


def test_comments_are_short_lines():
    assert max(map(len, LINES)) <= 100
    assert len(LINES) < 130
