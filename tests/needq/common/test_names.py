"""Words for methods: every method of the config has some, which are its own."""

from typing import get_args

from needq.common.names import METHOD_NAMES
from needq.common.settings import Sweep


def test_every_method_has_a_name():
    methods = get_args(Sweep.model_fields["method"].annotation)
    assert set(methods) <= set(METHOD_NAMES)
    assert len(set(METHOD_NAMES.values())) == len(METHOD_NAMES)
