"""needq: replace a language model's query matrices by noise, and measure what is lost."""

__version__ = "1.0.0"
