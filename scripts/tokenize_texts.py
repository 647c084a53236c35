"""Rule tokenize: see rules/backup.smk."""

from pathlib import Path

from needq.backup import tasks as probes
from needq.backup.tokens import tokenized
from needq.common.files import read_json, write_json
from needq.common.logs import job
from tokenizers import Tokenizer

with job(snakemake.log[0]):
    evaluation = snakemake.params.evaluation
    context = read_json(snakemake.input.manifest)["context"]
    tokens = tokenized(
        Path(snakemake.input.tokenizer),
        context,
        snakemake.params.generation,
        evaluation,
    )
    write_json(snakemake.output.tokens, tokens)

    grammar = probes.read_structure(Path(snakemake.input.structure))
    cloze = probes.read_meaning(Path(snakemake.input.meaning))
    chosen = {
        "grammar": probes.first_of_each_kind(grammar, snakemake.params.pairs),
        "cloze": probes.first_items(cloze, snakemake.params.passages),
    }
    tokenizer, begin = Tokenizer.from_file(snakemake.input.tokenizer), evaluation["begin"]
    encoded = {
        name: probes.encode(items, tokenizer, begin, context).to_dict()
        for name, items in chosen.items()
    }
    write_json(snakemake.output.probes, encoded)
