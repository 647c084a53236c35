"""The head of a GGUF file, against the library that writes it; and damage of every kind."""

import struct

import pytest
from default_config import overlaid
from gguf import GGUFWriter
from hypothesis import given
from hypothesis import strategies as st
from needq.plan.gguf import read_keys
from needq.plan.sizes import Sizes, read_gguf_sizes
from planning import refusal


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    """A GGUF file as llama.cpp's own library writes it, without tensors."""
    path = tmp_path_factory.mktemp("gguf") / "model.gguf"
    writer = GGUFWriter(str(path), "llama")
    writer.add_name("a name")
    writer.add_block_count(5)
    writer.add_context_length(64)
    writer.add_embedding_length(48)
    writer.add_feed_forward_length(96)
    writer.add_head_count(6)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_array("llama.a_list", [1, 2, 3])
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(["a", "b"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_the_sizes_that_the_library_writes(file):
    assert read_gguf_sizes(str(file)) == Sizes(5, 48, 6, 2, 64, 96, None, 3)
    keys = read_keys(str(file))
    assert (keys["general.name"], keys["llama.a_list"]) == ("a name", [1, 2, 3])
    assert keys["llama.attention.layer_norm_rms_epsilon"] == pytest.approx(1e-5)
    assert not any(key.startswith("tokenizer.") for key in keys)


def test_a_config_has_to_agree_with_them(file):
    model = {"source": "gguf", "location": str(file), "digests": [], "n_blocks": 12}
    assert f"model.n_blocks: says 12, but {file} has 5" in refusal(overlaid({"model": model}))


@given(st.data())
def test_damage_is_left_to_the_backup(file, tmp_path_factory, data):
    content = bytearray(file.read_bytes())
    for place in data.draw(st.lists(st.integers(4, len(content) - 1), max_size=5)):
        content[place] = data.draw(st.integers(0, 255))
    damaged = tmp_path_factory.getbasetemp() / "damaged.gguf"
    damaged.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    sizes = read_gguf_sizes(str(damaged))
    assert sizes is None or all(size is None or size > 0 for size in sizes)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GGUF",
        b"GGML" + bytes(100),
        b"GGUF" + struct.pack("<IQQ", 9, 0, 1) + bytes(100),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 2**63) + bytes(1000),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 2**63),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 0, 2**63),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"a" + struct.pack("<IIQ", 9, 9, 1),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"\xff" + struct.pack("<I", 8),
    ],
)
def test_a_head_that_lies_is_left_to_the_backup(tmp_path, content):
    path = tmp_path / "a.gguf"
    path.write_bytes(content)
    assert read_gguf_sizes(str(path)) is None
