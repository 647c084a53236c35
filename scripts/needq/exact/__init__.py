"""The exact backend: the same bits on every machine (see docs/exact.md)."""
