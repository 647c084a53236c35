"""A campaign of model files: damaged, lying, unsafe and odd ones, each backed up once.

    export PYTHONPATH=scripts:tests/helpers
    .venv/bin/python tests/campaigns/models.py          # every case
    .venv/bin/python tests/campaigns/models.py 80 7     # 80 of them, drawn with the seed 7

A case is right if it is refused in one line, or if the backup holds everything that the files say:
every tensor to the bit, the tokenizer's bytes, every key of config.json, or their names among what
is left out. Nothing may be written elsewhere, no connection or process may be started, and no code
of the model's may run: audit hooks and traps look for that.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from folders import save_tensors, shard, tensors_of, write_index
from gguf_files import write_gguf
from needq.backup.architectures import find_architecture
from needq.backup.checkpoint import INDEX
from needq.backup.families import FAMILIES
from needq.backup.model import back_up
from needq.common.errors import UserError
from needq.common.settings import ModelSource
from saved import SIZES, save_small, small_gpt2, small_llama
from smallest_configs import smallest
from transformers import CONFIG_MAPPING, AutoModelForCausalLM

LIMIT = 30  # seconds for one case
WEIGHTS = "model.safetensors"
QUERY = {
    "gpt2": "transformer.h.1.attn.c_attn.weight",
    "llama": "model.layers.1.self_attn.q_proj.weight",
}


OTHERS = [name for name in FAMILIES if name not in ("GPT2LMHeadModel", "LlamaForCausalLM")]
NARROW = dict.fromkeys(["hidden_size", "n_embd"], 32) | {"rotary_dim": 4}
SHORT = dict.fromkeys(["num_hidden_layers", "n_layer", "num_layers"], 2)


def small_of(name: str) -> Any:
    """A model of a family with random weights, and two blocks of width 32."""
    known = FAMILIES[name].keys.model_fields
    sizes = {key: value for key, value in (NARROW | SHORT).items() if key in known}
    config = smallest(name) | sizes | SIZES
    if name == "GPTNeoForCausalLM":
        config["attention_types"] = [[["global", "local"], 1]]
    return AutoModelForCausalLM.from_config(CONFIG_MAPPING[config["model_type"]](**config))


Change = Callable[[Path], object]


class Case(NamedTuple):
    """One model, changed: its name, what it starts from, and the change of its folder."""

    name: str
    base: str  # gpt2, llama, gguf, or another family
    change: Change


def models(folder: Path) -> None:
    """Small models with random weights, as their authors save them."""
    save_small(small_gpt2(2), folder / "gpt2")
    save_small(small_llama(2), folder / "llama")
    for name in OTHERS:
        save_small(small_of(name), folder / name)
    (folder / "gguf").mkdir()
    write_gguf(folder / "gguf/model.gguf", folder / "llama")


VALUES = [
    None, 0, 1, -1, 2, 3, 7, 1e-30, 0.5, -0.5, 10**9, 10**30, 1e308, True, False, "", "3", "evil",
    "../../etc/passwd", "</script>", [], [1], {}, {"a": 1}, "x" * 5000,
]  # fmt: skip
EXTRA_KEYS = """auto_map quantization_config attn_implementation _attn_implementation
    _attn_implementation_internal pruned_heads is_encoder_decoder add_cross_attention torch_dtype
    rope_scaling rope_theta head_dim sliding_window pretraining_tp experts_implementation
    trust_remote_code tokenizer_class""".split()
FORMATS = """float64 float32 bfloat16 float16 float8_e4m3fn float8_e5m2 complex64 int64 int32 int16
    int8 uint8 uint16 uint32 bool""".split()
ODD_NAMES = ["", "x", "a.b", "../up", "lm_head.bias", "\u202e", "model.layers.99999.x", "x" * 3000]


def config_cases(base: str, keys: list[str]) -> Iterator[Case]:
    """Each key of config.json with each value."""
    for key in keys:
        for value in VALUES:
            shown = repr(value)[:30]
            yield Case(f"config.json {key} = {shown}", base, replaced("config.json", key, value))


def replaced(name: str, key: str, value: object) -> Change:
    """A change of one key of a JSON file."""

    def change(at: Path) -> None:
        content = json.loads((at / name).read_text())
        (at / name).write_text(json.dumps(content | {key: value}))

    return change


def tensor_cases(base: str) -> Iterator[Case]:
    """Weights in other formats, under other names, missing, further and not finite."""
    query = QUERY.get(base) or find_architecture(smallest(base)).matrix("q", 1).tensor

    def with_query(make):
        def change(at):
            tensors = tensors_of(at)
            save_tensors(at, tensors | {query: make(tensors[query])})

        return change

    def renamed(rename):
        return lambda at: save_tensors(at, {rename(n): t for n, t in tensors_of(at).items()})

    def added(name, tensor):
        return lambda at: save_tensors(at, tensors_of(at) | {name: tensor})

    def without(name):
        return lambda at: save_tensors(at, {n: t for n, t in tensors_of(at).items() if n != name})

    for kind in FORMATS:
        dtype = getattr(torch, kind)
        yield Case(f"one tensor as {kind}", base, with_query(lambda t, d=dtype: t.to(d)))
        yield Case(
            f"all tensors as {kind}",
            base,
            lambda at, d=dtype: save_tensors(at, {n: t.to(d) for n, t in tensors_of(at).items()}),
        )
    for value in (float("nan"), float("inf"), -float("inf"), 1e-42, 3e38):
        yield Case(f"a weight of {value}", base, with_query(lambda t, v=value: t.clone().fill_(v)))
    yield Case("a weight beyond float32", base, with_query(lambda t: t.double() * 1e300))
    for name, make in {
        "turned": lambda t: t.T,
        "cut": lambda t: t[:-1],
        "flat": lambda t: t.flatten(),
        "empty": lambda t: t[:0],
        "scalar": lambda t: t[0, 0],
    }.items():
        yield Case(f"a tensor {name}", base, with_query(make))
    for prefix in ("module.", "_orig_mod.", "base_model.model.", "transformer.", "model.", "x."):
        yield Case(f"names after {prefix}", base, renamed(lambda n, p=prefix: p + n))
    for prefix in ("transformer.", "model."):
        yield Case(f"names without {prefix}", base, renamed(lambda n, p=prefix: n.removeprefix(p)))
    layer = query.removesuffix(".weight")
    further = """.weight_scale .weight_scale_inv .SCB .qweight .qzeros .scales .g_idx .weight.absmax
        .lora_A.weight .lora_B.default.weight .base_layer.weight .bias .input_scale""".split()
    for ending in further:
        yield Case(f"a further {ending}", base, added(layer + ending, torch.ones(4)))
    for name in ODD_NAMES:
        yield Case(f"a tensor named {name[:20]!r}", base, added(name, torch.ones(2)))
    block = next(part for part in layer.split(".") if part.isdigit())
    another = query.replace(f".{block}.", ".7.")
    yield Case("a further block", base, added(another, torch.ones(24, 24)))
    yield Case("a head of its own", base, added("lm_head.weight", torch.ones(257, 24)))
    yield Case("a mask", base, added("transformer.h.0.attn.bias", torch.ones(1, 1, 64, 64)))
    buffer = "model.layers.0.self_attn.rotary_emb.inv_freq"
    yield Case("rotary numbers", base, added(buffer, torch.ones(2)))
    for name in ("transformer.wte.weight", "model.norm.weight", query):
        yield Case(f"no {name}", base, without(name))


def file_cases(base: str) -> Iterator[Case]:
    """Files that are cut, no files, or beside others."""
    for name in ("config.json", "tokenizer.json", WEIGHTS):
        for kind, make in {
            "missing": lambda f: None,
            "a folder": Path.mkdir,
            "a pipe": os.mkfifo,
            "a dangling link": lambda f: f.symlink_to("nowhere"),
            "a looping link": lambda f: f.symlink_to(f),
            "a device": lambda f: f.symlink_to("/dev/zero"),
            "empty": lambda f: f.write_bytes(b""),
            "a Git LFS pointer": lambda f: f.write_text("version https://git-lfs.github.com/\n"),
            "not UTF-8": lambda f: f.write_bytes(b"\xff\xfe{}"),
            "null": lambda f: f.write_text("null"),
            "a list": lambda f: f.write_text("[]"),
            "deep": lambda f: f.write_text("[" * 100_000),
            "a pickle": lambda f: torch.save({"x": Trap(f.parent)}, f),
        }.items():

            def change(at, name=name, make=make):
                (at / name).unlink()
                make(at / name)

            yield Case(f"{name} {kind}", base, change)
    for size in (8, 50, 100, 1000, 3000, -1, -100):
        yield Case(f"weights cut at {size}", base, lambda at, s=size: cut(at / WEIGHTS, s))
    yield Case("weights with more", base, lambda at: cut(at / WEIGHTS, None, b"more"))
    for index in (True, False):
        yield Case(f"shards, index {index}", base, lambda at, i=index: shard(at, index=i))
        yield Case(
            f"a missing shard, index {index}",
            base,
            lambda at, i=index: (at / shard(at, index=i)[1]).unlink(),
        )
    yield Case("a stale file beside shards", base, stale)
    adapter = "adapter_model.safetensors"
    yield Case(
        "an adapter beside", base, lambda at: save_tensors(at, {"x": torch.ones(1)}, adapter)
    )
    places = "pytorch_model.bin ../x.safetensors /etc/passwd sub/x.safetensors no.safetensors"
    for place in (*places.split(), 3, None):
        yield Case(
            f"an index to {place}",
            base,
            lambda at, p=place: write_index(at, {name: p for name in tensors_of(at)}),
        )
    for text in ("", "{", "[]", "null", "{}", '{"weight_map": 3}', '{"weight_map": {}}'):
        yield Case(f"an index of {text!r}", base, lambda at, t=text: (at / INDEX).write_text(t))


def cut(file: Path, size: int | None, more: bytes = b"") -> None:
    file.write_bytes(file.read_bytes()[:size] + more)


def stale(at: Path) -> None:
    old = tensors_of(at)
    shard(at)
    save_tensors(at, {name: tensor / 2 for name, tensor in old.items()})


# what a tokenizer.json keeps of the calls before it was saved
REMEMBERED = {
    "padding": {
        "strategy": {"Fixed": 12},
        "direction": "Right",
        "pad_id": 0,
        "pad_type_id": 0,
        "pad_token": "x",
        "pad_to_multiple_of": None,
    },
    "truncation": {
        "direction": "Right",
        "max_length": 4,
        "strategy": "LongestFirst",
        "stride": 0,
    },
}


def tokenizer_cases(base: str) -> Iterator[Case]:
    """tokenizer.json with parts of other releases, and with random values in random places."""
    for part in ("model", "normalizer", "pre_tokenizer", "decoder", "post_processor"):
        for value in ({"type": "FromTheFuture"}, 3, "x", [], None):
            change = replaced("tokenizer.json", part, value)
            yield Case(f"tokenizer {part} = {value}", base, change)
    for seed in range(60):
        yield Case(f"tokenizer changed by {seed}", base, lambda at, s=seed: change_anywhere(at, s))
    for part, value in REMEMBERED.items():
        yield Case(f"tokenizer with {part}", base, replaced("tokenizer.json", part, value))
    for name in ("GPT2Tokenizer", "LlamaTokenizer", "PreTrainedTokenizerFast", "Evil"):
        own = json.dumps({"tokenizer_class": name, "auto_map": {"AutoTokenizer": ["trap.T"] * 2}})
        yield Case(
            f"tokenizer_class {name}",
            base,
            lambda at, own=own: (at / "tokenizer_config.json").write_text(own),
        )


def change_anywhere(at: Path, seed: int) -> None:
    """Replace one value somewhere in tokenizer.json."""
    numbers = random.Random(seed)
    whole = json.loads((at / "tokenizer.json").read_text())
    here = whole
    while True:
        keys = list(here) if isinstance(here, dict) else list(range(len(here)))
        key = numbers.choice(keys)
        if isinstance(here[key], dict | list) and here[key] and numbers.random() < 0.8:
            here = here[key]
        else:
            here[key] = numbers.choice([None, -1, 2**32, 2**70, "", "x", [], {}, 0.5, True])
            break
    (at / "tokenizer.json").write_text(json.dumps(whole))


def flip_cases(base: str, file: str, number: int, places: int) -> Iterator[Case]:
    """One bit flipped near the beginning of a file: in its header, not in its numbers."""

    def change(at, seed):
        numbers = random.Random(seed)
        content = bytearray((at / file).read_bytes())
        content[numbers.randrange(min(places, len(content)))] ^= 1 << numbers.randrange(8)
        (at / file).write_bytes(bytes(content))

    for seed in range(number):
        yield Case(f"{file} flipped by {seed}", base, lambda at, s=seed: change(at, s))


def gguf_cases() -> Iterator[Case]:
    """GGUF files that are cut, flipped, or say more than is known."""
    for size in (0, 4, 8, 24, 100, 500, 1000, 5000, 9000, -1, -200):
        yield Case(f"GGUF cut at {size}", "gguf", lambda at, s=size: cut(at / "model.gguf", s))

    def again(add):
        return lambda at: write_gguf(at / "model.gguf", at.parent / "base/llama", add)

    import numpy as np

    further = "rope_freqs.weight blk.0.attn_q.bias blk.0.attn_q_norm.weight blk.7.attn_q.weight x"
    ones = np.ones(4, np.float32)
    for name in further.split():
        yield Case(f"GGUF with {name}", "gguf", again(lambda w, n=name: w.add_tensor(n, ones)))
    for key in ("rope.scaling.factor", "attention.scale", "logit_scale"):
        yield Case(
            f"GGUF with {key}", "gguf", again(lambda w, k=key: w.add_float32(f"llama.{k}", 4.0))
        )
    for pre in ("llama-bpe", "default", "smollm", "qwen2", "evil"):
        yield Case(f"GGUF split by {pre}", "gguf", again(lambda w, p=pre: w.add_tokenizer_pre(p)))
    yield from flip_cases("gguf", "model.gguf", 120, 6000)


def cases() -> list[Case]:
    """Every case, in one order."""
    gpt2 = "architectures model_type vocab_size n_positions n_embd n_layer n_head n_inner".split()
    gpt2 += "activation_function layer_norm_epsilon tie_word_embeddings scale_attn_weights".split()
    llama = "architectures model_type vocab_size hidden_size intermediate_size".split()
    llama += "num_hidden_layers num_attention_heads num_key_value_heads head_dim".split()
    llama += "max_position_embeddings rms_norm_eps rope_parameters mlp_bias".split()
    own: list[Case] = []
    for base, keys in (("gpt2", gpt2), ("llama", llama)):
        own += [*config_cases(base, [*keys, *EXTRA_KEYS]), *tensor_cases(base)]
        own += [*file_cases(base), *tokenizer_cases(base)]
        own += [*flip_cases(base, WEIGHTS, 40, 1500), *flip_cases(base, "config.json", 20, 900)]
    for name in OTHERS:
        own += config_cases(name, sorted(FAMILIES[name].keys.names()))
        own += tensor_cases(name)
    return own + list(gguf_cases())


class Trap:
    """A pickle that leaves a file behind where it is opened."""

    def __init__(self, folder: Path) -> None:
        self.file = str(folder.parent / "SPRUNG")

    def __reduce__(self):
        return (open, (self.file, "w"))


def set_traps(at: Path) -> None:
    """Code and pickles beside the model, which must never be run or opened."""
    (at / "trap.py").write_text(f"open({str(at.parent / 'SPRUNG')!r}, 'w')\nclass T: ...\n")
    torch.save({"x": Trap(at)}, at / "pytorch_model.bin")


FORBIDDEN = ("socket.connect", "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn")


class Watch:
    """What the audit hook saw while it was on."""

    def __init__(self) -> None:
        self.on, self.seen = False, []
        self.allowed = ""
        sys.addaudithook(self.hook)

    def hook(self, event: str, arguments: tuple) -> None:
        if not self.on:
            return
        if event in FORBIDDEN:
            self.seen.append(f"{event} {arguments!r:.80}")
        if event == "open" and isinstance(arguments[0], str | bytes):
            path, mode = os.fsdecode(arguments[0]), arguments[1] or ""
            flags = (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR)
            writes = bool(set("wax+") & set(mode) or flags)
            inside = os.path.abspath(path).startswith((self.allowed, "/dev/"))
            if (writes and not inside) or path.endswith(("trap.py", ".bin")):
                self.seen.append(f"open {path} {mode}")


def listing(folder: Path) -> dict[str, tuple[int, int]]:
    """Names, sizes and times of everything in a folder."""
    return {
        str(file.relative_to(folder)): (file.lstat().st_size, file.lstat().st_mtime_ns)
        for file in folder.rglob("*")
    }


def check_backup(at: Path, base: str, target: Path) -> str:
    """What the backup lacks of the files; nothing if all is there."""
    from safetensors import safe_open

    manifest = json.loads((target / "manifest.json").read_text())
    saved = tensors_of(target)
    if not manifest["self_check"]["relative_error"] <= 1e-5:
        return "the self-check failed"
    if base == "gguf":
        return ""
    if (at / "tokenizer.json").read_bytes() != (target / "tokenizer.json").read_bytes():
        return "tokenizer.json differs"
    for file in at.glob("*.safetensors"):
        with safe_open(file, framework="pt") as weights:
            for name in weights.keys():  # noqa: SIM118 (it is no dict)
                own = [n for n in (name, f"transformer.{name}", f"model.{name}") if n in saved]
                if own and torch.equal(saved[own[0]], weights.get_tensor(name).float()):
                    continue
                if name not in manifest["left_out_tensors"]:
                    return f"the tensor {name} differs or is gone"
    config = json.loads((target / "config.json").read_text())
    elsewhere = {*manifest["left_out_keys"], "model_type", "architectures"}
    elsewhere |= {"rope_theta", "rope_scaling", "rope_parameters"}  # the self-check compares them
    family = FAMILIES[config["architectures"][0]]
    elsewhere |= family.keys.elsewhere | family.keys.aliases.keys()
    for key, value in json.loads((at / "config.json").read_text()).items():
        if value is None or key in elsewhere or config.get(key) == value:
            continue
        return f"config.json: {key} is {config.get(key)!r}, not {value!r}"
    return ""


def attempt(case: Case, work: Path, watch: Watch) -> tuple[str, str]:
    """How one case ends: accepted, refused, wrong, unsafe, traceback or hang; and what was said."""
    at, target = work / "model", work / "out/backup"
    for folder in (at, work / "out"):
        shutil.rmtree(folder, ignore_errors=True)
    (work / "out").mkdir()
    shutil.copytree(work / "base" / case.base, at)
    set_traps(at)
    case.change(at)
    before = listing(at)
    source = ModelSource(location=str(at), n_blocks=2)
    if case.base == "gguf":
        source = ModelSource(source="gguf", location=str(at / "model.gguf"), n_blocks=2)
    watch.seen, watch.allowed, watch.on = [], str(work / "out"), True
    signal.alarm(LIMIT)
    try:
        back_up(source, target)
        ended, said = "accepted", ""
    except UserError as error:
        ended, said = "refused", str(error)
        if "\n" in said or len(said) > 1500:
            ended = "traceback"
    except TimeoutError:
        ended, said = "hang", ""
    except BaseException:
        ended, said = "traceback", traceback.format_exc()
    finally:
        signal.alarm(0)
        watch.on = False
    if watch.seen or (work / "SPRUNG").exists() or listing(at) != before:
        return "unsafe", f"{watch.seen} {said}"
    if ended == "accepted":
        lacking = check_backup(at, case.base, target)
        return ("wrong", lacking) if lacking else (ended, "")
    if list((work / "out").iterdir()):
        return "wrong", f"something is left behind: {said}"
    return ended, said


def late(number: int, frame: object) -> None:
    raise TimeoutError


def run(chosen: list[Case], show: Callable[[str], object] = print) -> Counter:
    """Every chosen case: how many ended how. What is not right is shown."""
    signal.signal(signal.SIGALRM, late)
    counts: Counter = Counter()
    watch = Watch()
    with tempfile.TemporaryDirectory() as name, contextlib.suppress(KeyboardInterrupt):
        work = Path(name).resolve()
        (work / "base").mkdir()
        models(work / "base")
        for case in chosen:
            ended, said = attempt(case, work, watch)
            counts[ended] += 1
            if ended not in ("accepted", "refused") or os.environ.get("SHOW"):
                show(f"{ended}: {case.base}: {case.name}: {said}")
    return counts


if __name__ == "__main__":
    every = cases()
    if len(sys.argv) > 1:
        every = random.Random(int(sys.argv[2])).sample(every, int(sys.argv[1]))
    found = run(every)
    print(f"{len(every)} cases: {dict(sorted(found.items()))}")
    sys.exit(bool(set(found) - {"accepted", "refused"}))
