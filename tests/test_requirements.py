"""The lock: what is installed is pinned, hashed, complete, and names no machine or registry."""

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "requirements"
NAMES = ["build", "base", "cluster", "cuda", "test", "docs"]  # in the order of installation
PIN = re.compile(r"([a-z0-9][a-z0-9.-]*)==([0-9][^\s;]*)(?: ; [^\\]+)?")
HASH = re.compile(r"--hash=sha256:[0-9a-f]{64}")


def locked(name: str) -> dict[str, tuple[str, list[str]]]:
    """Version and hashes of every requirement of NAME.txt."""
    text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").replace("\\\n", " ")
    pins = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        requirement, *hashes = re.split(r"\s+(?=--hash)", line.strip())
        pin = PIN.fullmatch(requirement)
        assert pin, f"{name}.txt: not pinned: {requirement}"
        assert hashes, f"{name}.txt: no hash: {requirement}"
        assert all(HASH.fullmatch(entry) for entry in hashes), f"{name}.txt: {requirement}"
        assert len(set(hashes)) == len(hashes), f"{name}.txt: a hash twice: {requirement}"
        assert pin[1] not in pins, f"{name}.txt: twice: {requirement}"
        pins[pin[1]] = pin[2], hashes
    return pins


def wanted(name: str) -> dict[str, str | None]:
    """What NAME.in names, each with its version where it is given exactly."""
    lines = (FOLDER / f"{name}.in").read_text(encoding="utf-8").splitlines()
    found = {}
    for line in lines:
        if line and not line.startswith("#"):
            package = re.match(r"[A-Za-z0-9._-]+", line).group().lower().replace("_", "-")
            exact = re.search(r"==([0-9.]+)", line)
            found[package] = exact[1] if exact else None
    return found


@pytest.mark.parametrize("name", NAMES)
def test_every_line_is_pinned_with_hashes(name: str) -> None:
    assert locked(name)


def test_no_package_is_in_two_files() -> None:
    """But for one that an earlier file wants on some machines alone, such as those with Windows."""
    seen: set[str] = set()
    for name in NAMES:
        text = (FOLDER / f"{name}.txt").read_text(encoding="utf-8")
        assert seen & set(locked(name)) == set()
        everywhere = re.findall(r"^([a-z0-9.-]+)==\S+ \\$", text, re.MULTILINE)
        assert set(everywhere) <= set(locked(name))
        seen |= set(everywhere)
    assert len(seen) > 100


@pytest.mark.parametrize("name", NAMES)
def test_what_is_wanted_is_locked(name: str) -> None:
    before = NAMES[: NAMES.index(name) + 1]
    pins = {package: pin for each in before for package, pin in locked(each).items()}
    for package, version in wanted(name).items():
        assert package in pins
        if version:
            assert re.fullmatch(rf"{re.escape(version)}(\.0)*", pins[package][0])


def test_torch_has_the_hashes_of_both_builds() -> None:
    version, hashes = locked("base")["torch"]
    assert version == "2.13.0"
    registry = {  # manylinux x86-64: cp311, cp312, cp313
        "60fcdcb2f3876e21146cb4524ef06397d727ca9ad5f020818547e25075fe3cb7",
        "796633c4cdf0fe2cdced72d8f88f22e73dbcfce83132763162f6d4bff13b820b",
        "a3a9a21312872af8a26950b2c15680335a386a1f56ed03e780653d78b9607e9e",
    }
    cpu = "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"
    assert {f"--hash=sha256:{digest}" for digest in registry | {cpu}} <= set(hashes)
    assert locked("cpu") == {"torch": (f"{version}+cpu", [f"--hash=sha256:{cpu}"])}


def test_cuda_packages_are_in_cuda_alone() -> None:
    gpu = re.compile(r"nvidia-|cuda-|triton")
    assert [name for name in NAMES if any(map(gpu.match, locked(name)))] == ["cuda"]
    assert all(map(gpu.match, locked("cuda")))


@pytest.mark.parametrize("file", sorted(FOLDER.iterdir()), ids=lambda file: file.name)
def test_no_host_nor_path_is_named(file: Path) -> None:
    if file.is_dir():
        pytest.skip("a folder")
    text = file.read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index|--find-links|--trusted-host", text)
    assert not re.search(r"(?<![\w.])/(work|opt|tmp|root|home)\b", text)
