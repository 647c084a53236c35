"""Rule label_texts: see rules/labels.smk."""

from pathlib import Path

import pandas
from needq.backup.architectures import adapter
from needq.common import schemas, tables
from needq.common.files import read_json
from needq.common.logs import job, progress
from needq.metrics import labels

with job(snakemake.log[0]):
    controls = pandas.DataFrame(tables.read_rows(snakemake.input.controls))
    classifier = labels.fit(controls, adapter(read_json(snakemake.input.config)).vocabulary)
    files = {Path(file).stem: file for file in snakemake.output.labels}
    texts = tables.read_by_backend(snakemake.input.texts, list(files))
    scores = tables.read_by_backend(snakemake.input.scores, list(files))
    labelled = {}
    for backend in progress(list(files), "backends"):
        rows = texts[backend].assign(nlls=scores[backend]["nlls"])
        found = classifier.labelled(rows) if classifier else labels.unlabelled(rows)
        labelled[backend] = rows.drop(columns="tokens").join(found)
        written = labelled[backend].assign(backend=backend).to_dict("records")
        tables.write_rows(files[backend], written, schemas.LABELS)
    written = {
        "shares": labels.shares_table(labelled),
        "confusion": labels.confusion_table(classifier, controls),
        "quality": labels.quality_table(classifier, controls, labelled),
    }
    for name, table in written.items():
        tables.write_table(snakemake.output[name], table, tables.MEASURED)
