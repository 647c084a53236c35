"""Keys: the names by which rows, noise and logits are known."""

from needq.common import keys


def test_names_of_logits():
    assert keys.logits_key("q/s/00", None) == "q/s/00@none"
    assert keys.logits_key("q/s/01", 0) == "q/s/01@0"
