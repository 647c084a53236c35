"""Sampling: random streams by name, and logits as arrays."""

import hashlib

import numpy as np
import torch
from needq.inference.sampling import as_array, native_stream


def test_streams_are_named_by_seed_and_prompt():
    def draws(seed, prompt):
        return torch.rand(3, generator=native_stream("cpu", seed, prompt)).tolist()

    assert draws(0, "a") == draws(0, "a")
    assert draws(0, "a") != draws(1, "a") != draws(0, "b")
    digest = hashlib.sha256(b'["stream",0,"a"]').hexdigest()
    assert native_stream("cpu", 0, "a").initial_seed() == int(digest[:16], 16) // 2


def test_logits_of_16_bit_formats_are_kept_exactly():
    logits = torch.randn(4, 9, generator=torch.Generator().manual_seed(0))
    for dtype in (torch.bfloat16, torch.float16):
        array = as_array(logits.to(dtype))
        assert array.dtype == np.float32
        assert torch.equal(torch.from_numpy(array).to(dtype), logits.to(dtype))
