"""Rule label_texts: see rules/labels.smk."""

from pathlib import Path

import pandas
from needq.backup.architectures import adapter
from needq.common import schemas as tables
from needq.common.files import read_json
from needq.common.logs import job, progress
from needq.metrics import degradation as metrics
from needq.metrics import label_tables, labels

with job(snakemake.log[0]):
    controls = pandas.DataFrame(tables.read(snakemake.input.controls))
    classifier = labels.fit(controls, adapter(read_json(snakemake.input.config)).vocabulary)
    labelled = {}
    for file in progress(snakemake.output.labels, "backends"):
        backend = Path(file).stem
        texts = metrics.read_backend(snakemake.input.texts, backend)
        texts["nlls"] = metrics.read_backend(snakemake.input.scores, backend)["nlls"]
        found = classifier.labelled(texts) if classifier else labels.unlabelled(texts)
        labelled[backend] = texts.drop(columns="tokens").join(found)
        tables.write(file, labelled[backend].to_dict("records"), tables.LABELS)
    written = {
        "shares": label_tables.shares(labelled),
        "confusion": label_tables.confusion_table(classifier, controls),
        "quality": label_tables.quality(classifier, controls, labelled),
    }
    for name, table in written.items():
        metrics.write_table(snakemake.output[name], table, metrics.MEASURED)
