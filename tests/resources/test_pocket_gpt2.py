"""The shipped model: its files, its tokenizer, its score, and that its texts were held out."""

import hashlib
import json
import re
import sys
from functools import cache
from pathlib import Path

import pytest
import torch
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2LMHeadModel

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "resources" / "pocket-gpt2"
sys.path.insert(0, str(FOLDER))
from evaluate import FIRST, gzip_bytes, pocket_bits, read_stories, size  # noqa: E402
from texts import choose  # noqa: E402
from train import split  # noqa: E402

sys.path.remove(str(FOLDER))


@cache
def tokenizer():
    return AutoTokenizer.from_pretrained(FOLDER)


def test_the_digests_are_those_of_the_files():
    lines = (FOLDER / "SHA256SUMS").read_text().splitlines()
    listed = dict(reversed(line.split("  ")) for line in lines)
    files = {f.name for f in FOLDER.iterdir() if f.is_file()} - {"SHA256SUMS", "README.md"}
    assert set(listed) == files
    for name, digest in listed.items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest, name


def test_the_folder_holds_at_most_8_megabytes():
    assert sum(f.stat().st_size for f in FOLDER.iterdir() if f.is_file()) <= 8_000_000


def test_it_is_a_gpt2_of_12_blocks():
    model = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32)
    assert type(model) is GPT2LMHeadModel
    c = model.config
    assert (c.n_layer, c.n_embd, c.n_head, c.n_positions) == (12, 128, 4, 256)
    assert c.vocab_size == len(tokenizer()) == 4000
    assert c.bos_token_id == c.eos_token_id == tokenizer().eos_token_id == 0


def test_the_weights_are_fp16_that_upcasts_exactly():
    stored = load_file(FOLDER / "model.safetensors")
    loaded = AutoModelForCausalLM.from_pretrained(FOLDER, dtype=torch.float32).state_dict()
    assert set(loaded) - set(stored) <= {"lm_head.weight"}  # tied, so not stored
    for name, value in stored.items():
        assert value.dtype == torch.float16, name
        assert value.isfinite().all(), name
        assert torch.equal(loaded[name], value.float()), name


@given(st.text())
@settings(deadline=None, max_examples=300)
def test_any_string_comes_back_unchanged(text):
    assert tokenizer().decode(tokenizer().encode(text)) == text


@pytest.mark.parametrize(
    "text", [" a  b ", "don 't .", "\r\n\t\x00", "é日本😀\u2028", " , ' s n't"]
)
def test_nothing_is_cleaned_up(text):
    assert tokenizer().decode(tokenizer().encode(text)) == text


def test_held_out_stories_cost_what_the_card_says_and_less_than_0_90_bits_per_byte():
    stories = read_stories()[:FIRST]
    bits = pocket_bits(stories) / size(stories)
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    stated = re.search(r"^\| \*\*pocket-gpt2\*\* \| ([\d.]+) \|", card, re.M)
    # Native fp32 differs between machines far below what three decimals show.
    assert bits == pytest.approx(float(stated[1]), abs=0.00051)
    assert bits <= 0.90
    joined = "".join(story + "\n" for story in stories).encode()
    assert 3 * bits < 8 * gzip_bytes(joined) / len(joined)


def test_the_evaluation_text_and_the_prompts_are_of_held_out_stories():
    recipe = json.loads((FOLDER / "train.json").read_text())
    training, held_out = split(FOLDER / "corpus.txt.bz2", recipe["held_out"])
    assert not set(training) & set(held_out)
    assert len(held_out) / (len(training) + len(held_out)) == pytest.approx(0.02, abs=0.002)
    stories, prompts = choose(held_out)
    assert read_stories() == stories
    assert len(stories) == 100
    # the first ones are prompts of the ledger, and the card's table is of them
    assert stories[:FIRST] == held_out[:FIRST]
    # the stories that give the prompts are not scored
    assert stories[FIRST:] == held_out[FIRST + len(prompts) : 106]
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    assert config["generation"]["prompts"] == prompts
