"""Where a model may come from: names that are safe to hand to pip and to a model hub.

The config is checked by these functions before the first job, and the backup asks them again.
"""

import re

LONGEST = 200
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl")  # how the names of files that are not opened end
# PEP 508's name; then PEP 440's version, without a local part, as the index's file names have it
_NAME = r"[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?"
_VERSION = (
    r"(?:[0-9]+!)?[0-9]+(?:\.[0-9]+)*(?:[._-]?(?:alpha|beta|preview|pre|rc|a|b|c)[._-]?[0-9]*)?"
    r"(?:-[0-9]+|[._-]?(?:post|rev|r)[._-]?[0-9]*)?(?:[._-]?dev[._-]?[0-9]*)?"
)
_WHEEL = re.compile(f"({_NAME})==({_VERSION})", re.ASCII)
# a part of a hub's id: letters, digits, and single . _ - inside
_PART = r"[A-Za-z0-9_](?:[A-Za-z0-9._-]{0,94}[A-Za-z0-9_])?"
_HUB_ID = re.compile(f"({_PART})/({_PART})", re.ASCII)


def wheel_name_and_version(location: str) -> tuple[str, str]:
    """The name and the version of NAME==VERSION.

    Raises ValueError for anything else that pip would take: an option, a path, an address, a
    marker, extras, a wildcard, or another comparison.
    """
    match = _WHEEL.fullmatch(location) if len(location) <= LONGEST else None
    if match is None:
        raise ValueError(
            f"{_short(location)} is not name==version; write both, and nothing else that pip takes"
        )
    return match[1], match[2]


def hub_owner_and_name(location: str) -> tuple[str, str]:
    """The two parts of a hub's id, owner/name. Raises ValueError for anything else."""
    match = _HUB_ID.fullmatch(location) if len(location) <= LONGEST else None
    if match is None or ".." in location or "--" in location or location.endswith(".git"):
        raise ValueError(
            f"{_short(location)} is not an id of the hub; write owner/name, each of at most 96 "
            "letters, digits, ., _ and -"
        )
    return match[1], match[2]


def _short(text: str) -> str:
    return repr(text if len(text) <= LONGEST else f"{text[:80]}…")
