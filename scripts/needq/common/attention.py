"""On what texts attention is measured, and by which backends."""

from needq.common.backends import Backend

# Some 500 queries of whole documents: the mean over them varies less than heads and seeds do. The
# tokens bound the memory, which grows with their square.
DOCUMENTS, TOKENS = 4, 128
WORDS = 16  # of the sentence that attention is drawn on: more could not be read
# transformers' eager kernels, which give the attention weights: for tables, and for noise whose
# digests have to be the same on every machine
TABLE, NOISE = (Backend(kernels="eager", precision=name) for name in ("float32", "float64"))
