"""The sweep that tests run unless they say otherwise."""

from needq.common.settings import Sweep

SWEEP = Sweep()  # the article's: W_Q of the first block, then of the first two, and so on
