"""Draw curve.svg from curve.tsv, and print ten samples, for the model card.

python card.py
"""

import json
import math
import warnings

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
import torch
from evaluate import size
from train import HERE, split
from transformers import AutoModelForCausalLM, AutoTokenizer


def draw() -> None:
    """Bits per byte against tokens; the held-out stories' bytes per token serve both curves."""
    settings = json.loads((HERE / "train.json").read_text())
    held_out = split(HERE / "corpus.txt.bz2", settings["held_out"])[1]
    ids = AutoTokenizer.from_pretrained(HERE)(held_out)["input_ids"]
    scale = sum(len(i) + 1 for i in ids) / size(held_out) / math.log(2)
    curve = pd.read_csv(HERE / "curve.tsv", sep="\t")
    names = {"train_nll": "training, mean of up to 200 steps", "held_out_nll": "held out"}
    long = curve.rename(columns=names).melt("tokens", list(names.values()), "stories", "nll")
    long["millions"], long["bits"] = long.tokens / 1e6, long.nll * scale
    plt.rcParams["svg.hashsalt"] = "pocket-gpt2"
    sns.set_theme(style="whitegrid", palette="colorblind")
    _, axes = plt.subplots(figsize=(6.4, 3.6), layout="constrained")
    sns.lineplot(
        long, x="millions", y="bits", hue="stories", style="stories", markers=True, ax=axes
    )
    decay = (settings["steps"] - settings["decay_steps"]) * settings["batch"] * settings["context"]
    axes.axvline(decay / 1e6, color="0.5", linestyle=":")
    label = {"va": "top", "color": "0.3", "transform": axes.get_xaxis_transform()}
    axes.text(decay / 1e6, 0.97, " learning rate decays", **label)
    axes.set(xlabel="tokens trained on, millions", ylabel="bits per byte")
    axes.legend(title=None, loc="upper right", bbox_to_anchor=(1, 0.88))
    plt.savefig(HERE / "curve.svg", metadata={"Date": None})


def sample(seed: int) -> str:
    """A story from nothing but the end mark: temperature 1, top-k 50, at most 255 tokens."""
    tokenizer = AutoTokenizer.from_pretrained(HERE)
    model = AutoModelForCausalLM.from_pretrained(HERE, dtype=torch.float32).eval()
    torch.manual_seed(seed)
    start = torch.tensor([[0]])
    out = model.generate(
        start, attention_mask=torch.ones_like(start), do_sample=True, top_k=50, max_new_tokens=255
    )
    ended = out[0, -1] == 0
    text = tokenizer.decode(out[0], skip_special_tokens=True)
    return text if ended else f"{text} [context ends]"


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    draw()
    torch.set_num_threads(1)
    for seed in range(10):
        print(f"{seed}. {sample(seed)}")
