"""Makes the items of the structure probe and of the meaning probe."""
