"""Rule label_texts: see rules/labels.smk."""

from needq.backup.architectures import find_architecture
from needq.common import schemas, tables
from needq.common.files import read_made
from needq.common.logs import job
from needq.metrics import graded, labels

with job(snakemake.log[0]):
    files, backends = snakemake.input, snakemake.params.backends
    references = tables.read_frame([files.references])
    vocabulary = find_architecture(read_made(files.config, dict)).vocabulary
    classifier = labels.fit(references, vocabulary)
    scales = graded.fit_scales(references, vocabulary)
    texts = tables.read_by_backend(files.texts, backends)
    scores = tables.read_by_backend(files.scores, backends)
    labelled = labels.label_texts(classifier, scales, texts, scores)
    for backend, path in zip(backends, snakemake.output.labels, strict=True):
        rows = labelled[backend].assign(backend=backend)
        tables.write_rows(path, rows.to_dict("records"), schemas.LABELS)
    written = {
        "shares": labels.shares_table(labelled),
        "confusion": labels.confusion_table(classifier, references),
        "axes": graded.axes_table(labelled),
        "quality": labels.quality_table(classifier, scales, references, labelled),
    }
    for name, table in written.items():
        tables.write_table(snakemake.output[name], table, tables.MEASURED)
