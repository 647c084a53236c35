"""Probes of every property on each stream, as rows: one per intervention, layer and document."""

import logging
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from needq.common.rows import ProbeItem, ProbeRow
from needq.corrupt.patches import Patch
from needq.metrics.probes import make_tasks, probe

Stream = tuple[list[int], int, np.ndarray]  # as `inference.streams.each_stream` gives it


def probe_rows(
    items: Sequence[ProbeItem],
    patches: Sequence[Patch],
    lengths: Sequence[int],
    streams: Iterable[Stream],
) -> Iterator[ProbeRow]:
    """Rows of schemas.PROBES. `lengths` are the tokens of each document.

    A stream that several patches share is probed once.
    """
    tasks = make_tasks(items)
    first = np.concatenate([[0], np.cumsum(lengths)])  # where a document begins in a stream
    for indices, layer, stream in streams:
        logging.info("probe layer %d of %s", layer, patches[indices[-1]].intervention)
        for task in tasks:
            scores = list(probe(task, stream[first[task.document] + task.token]))
            for index in indices:
                keys = patches[index].keys()
                for score in scores:
                    yield {**keys, **score, "layer": layer}
