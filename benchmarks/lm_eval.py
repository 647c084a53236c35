"""Our items as tasks of lm-evaluation-harness, and whether both give them the same scores.

    python benchmarks/lm_eval.py write WORK
    lm_eval --model hf --model_args pretrained=resources/pocket-gpt2,dtype=float32 \\
        --tasks needq_grammar,needq_cloze,needq_lambada --include_path WORK \\
        --device cpu --batch_size 32 --log_samples --output_path WORK/out
    python benchmarks/lm_eval.py compare WORK

lm_eval needs an environment of its own (pip install lm-eval). `write` needs Python alone. Grammar
is written as BLiMP is there, the cloze task as multiple choice, and its answers without distractors
as LAMBADA is. Each row begins with the begin token, as in the workflow.
"""

import argparse
import json
import math
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
ITEMS = ROOT / "resources/tasks/simple"
POCKET = ROOT / "resources/pocket-gpt2"
BEGIN = "<|endoftext|>"
CHOICE = ["output_type: multiple_choice", "doc_to_target: 0"]
PASSAGE = f'doc_to_text: "{BEGIN}{{{{passage}}}}"'
TASKS = {
    "grammar": [
        *CHOICE,
        'doc_to_text: ""',
        'target_delimiter: ""',
        'doc_to_choice: "{{[good, bad]}}"',
    ],
    "cloze": [*CHOICE, PASSAGE, 'target_delimiter: " "', 'doc_to_choice: "{{choices}}"'],
    "lambada": ["output_type: loglikelihood", PASSAGE, 'doc_to_target: " {{answer}}"'],
}


def write(work):
    """Write the items and the descriptions of the tasks."""
    rows = {"grammar": [], "cloze": []}
    for line in (ITEMS / "grammar.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        rows["grammar"].append({"good": item["sentence_good"], "bad": item["sentence_bad"]})
    for line in (ITEMS / "cloze.jsonl").read_text(encoding="utf-8").splitlines():
        item = json.loads(line)
        passage, _, answer = item["text"].rpartition(" ")
        choices = [answer, *item["distractors"]]
        rows["cloze"].append({"passage": passage, "choices": choices, "answer": answer})
    rows["lambada"] = rows["cloze"]
    work.mkdir(parents=True, exist_ok=True)
    for name, lines in TASKS.items():
        data = (work / f"{name}.jsonl").resolve()
        data.write_text("".join(json.dumps(row) + "\n" for row in rows[name]), encoding="utf-8")
        head = [f"task: needq_{name}", "dataset_path: json", "test_split: train"]
        head += ["dataset_kwargs:", f"  data_files: {data}"]
        text = "\n".join([*head, *lines, "metric_list:", "  - metric: acc"]) + "\n"
        (work / f"{name}.yaml").write_text(text, encoding="utf-8")


def compare(work):
    """Print how far the scores of both are apart, and how many answers differ."""
    from needq.backup.encoder import Encoder
    from needq.backup.task_files import read_cloze, read_grammar
    from needq.backup.tasks import encode
    from needq.common.backends import Backend
    from needq.inference.backend import load, prepare
    from needq.inference.score import token_nlls
    from needq.inference.task_accuracy import answer_task

    backend = Backend()
    prepare(backend)
    model, encoder = load(POCKET, backend), Encoder(POCKET / "tokenizer.json", 4000)
    items = {"grammar": read_grammar(ITEMS / "grammar.jsonl")}
    items["cloze"] = read_cloze(ITEMS / "cloze.jsonl")
    items["lambada"] = [item._replace(candidates=item.candidates[:1]) for item in items["cloze"]]
    for name, own in items.items():
        task = encode(own, encoder, BEGIN, 256)
        file = sorted(work.glob(f"out/*/samples_needq_{name}_*.jsonl"))[-1]
        lines = file.read_text(encoding="utf-8").splitlines()
        theirs = sorted(map(json.loads, lines), key=lambda row: row["doc_id"])
        answers = answer_task(model, task, backend.batch)
        far = 0.0
        for candidates, row in zip(task.candidates, theirs, strict=True):
            texts = [task.sentence(one) for one in candidates]
            starts = [one.start for one in candidates]
            split = [(ids[:at], ids[at:]) for ids, at in zip(texts, starts, strict=True)]
            nlls = [math.fsum(values.tolist()) for values in token_nlls(model, split, 32)]
            scores = [float(response[0][0]) for response in row["resps"]]
            far = max([far, *(abs(a + b) for a, b in zip(nlls, scores, strict=True))])
        right = [answer.right for answer in answers]
        differ = sum(own != row["acc"] for own, row in zip(right, theirs, strict=True))
        accuracy = sum(row["acc"] for row in theirs) / len(theirs)
        print(
            f"{name}: {len(right)} items; accuracy {sum(right) / len(right):.4f}, by lm_eval "
            f"{accuracy:.4f}; {differ} answers differ; log-likelihoods differ by at most {far:.1e}"
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("step", choices=["write", "compare"])
    parser.add_argument("work", type=Path)
    chosen = parser.parse_args()
    {"write": write, "compare": compare}[chosen.step](chosen.work)
