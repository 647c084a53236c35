"""Makes the items of the grammar task and of the cloze task."""
