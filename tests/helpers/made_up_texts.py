"""The vocabulary of the texts that tests/needq/metrics makes up."""

VOCABULARY = 50
