"""Write the shipped model from a checkpoint of train.py.

    python export.py WORK FOLDER

Weights are rounded to fp16, once; they upcast exactly, so fp32 code computes with what is stored.
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import GenerationConfig, GPT2Config, GPT2LMHeadModel, PreTrainedTokenizerFast

END = "<|endoftext|>"


def build(weights: dict[str, torch.Tensor], s: dict) -> GPT2LMHeadModel:
    """GPT2LMHeadModel in fp16 of train.py's stacked parameters; settings s as in train.json."""
    config = GPT2Config(
        vocab_size=s["vocab_size"], n_positions=s["context"], n_embd=s["width"],
        n_layer=s["blocks"], n_head=s["heads"], bos_token_id=0, eos_token_id=0,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    model = GPT2LMHeadModel(config).eval()
    renamed = {}
    for name, value in weights.items():
        if name.startswith("w"):
            renamed[f"transformer.{name}.weight"] = value
        elif name.startswith("ln_f"):
            renamed[f"transformer.{name}"] = value
        else:
            renamed |= {f"transformer.h.{i}.{name}": block for i, block in enumerate(value)}
    renamed["lm_head.weight"] = renamed["transformer.wte.weight"]
    model.load_state_dict(renamed)
    return model.half()


def main(work: Path, folder: Path) -> None:
    s = json.loads((Path(__file__).parent / "train.json").read_text())
    # Names with a colon are the optimiser's.
    state = load_file(work / "checkpoint.safetensors")
    model = build({k: v for k, v in state.items() if ":" not in k}, s)
    model.generation_config = GenerationConfig(bos_token_id=0, eos_token_id=0, pad_token_id=0)
    model.save_pretrained(folder)
    PreTrainedTokenizerFast(
        tokenizer_file=str(work / "tokenizer.json"),
        bos_token=END, eos_token=END, unk_token=END,
        clean_up_tokenization_spaces=False, model_max_length=s["context"],
    ).save_pretrained(folder)  # fmt: skip
    # Name the class that transformers 4 knows too, and drop the indents of the vocabulary.
    rewrite(folder / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast"}, 2)
    rewrite(folder / "tokenizer.json", {}, None)
    (folder / "model.safetensors").chmod(0o644)


def rewrite(file: Path, change: dict, indent: int | None) -> None:
    content = json.loads(file.read_text(encoding="utf-8")) | change
    file.write_text(json.dumps(content, ensure_ascii=False, indent=indent) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
