"""Keyed randomness: streams named by meaning, Philox to the bit, normal by every test."""

import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import numpy
import pytest
from needq.corrupt import keyed
from scipy import stats

SCRIPTS = Path(keyed.__file__).parents[2]


def test_a_key_is_the_sha256_of_the_canonical_json():
    digest = sha256(b'["needq","noise",0,"q",3,"\\u00e9"]').hexdigest()
    expected = int(digest[:16], 16), int(digest[16:32], 16)
    assert keyed.key("noise", 0, "q", 3, "é") == expected


def test_keys_by_meaning():
    assert keyed.noise_key(0, "q", 0) == (9252812401103581848, 10610643256758443890)
    assert keyed.noise_key(0, "q", 0) == keyed.key("noise", 0, "q", 0)
    assert keyed.draw_key(3, "Once\n", 7) == keyed.key("draw", 3, "Once\n", 7)
    assert keyed.key("a", "bc") != keyed.key("ab", "c")
    assert keyed.key(1) != keyed.key("1")


@pytest.mark.parametrize("part", [1.0, True, None, numpy.int64(1)])
def test_a_key_of_another_type_is_refused(part):
    with pytest.raises(TypeError, match="str and int"):
        keyed.key("noise", part)


def philox(key, counter):
    """Philox 4x64-10 from its paper, in Python integers: four words."""
    word = (1 << 64) - 1
    c, k = [(counter >> (64 * i)) & word for i in range(4)], list(key)
    for _ in range(10):
        high0, low0 = divmod(c[0] * 0xD2E7470EE14C6C93, 1 << 64)
        high1, low1 = divmod(c[2] * 0xCA5A826395121157, 1 << 64)
        c = [high1 ^ c[1] ^ k[0], low1, high0 ^ c[3] ^ k[1], low0]
        k = [(k[0] + 0x9E3779B97F4A7C15) & word, (k[1] + 0xBB67AE8584CAA73B) & word]
    return c


def test_raw_is_the_philox_of_the_paper():
    # the paper's test vector for a counter and a key of zeros
    assert philox((0, 0), 0)[:2] == [0x16554D9ECA36314C, 0xDB20FE9D672D0FDC]
    key = keyed.key("test")
    expected = [word for counter in range(1, 4) for word in philox(key, counter)]
    assert keyed.raw(key, 12).tolist() == expected


@pytest.mark.parametrize("start", [0, 1, 3, 4, 1003])
def test_raw_can_start_anywhere(start):
    key = keyed.key("test")
    numpy.testing.assert_array_equal(keyed.raw(key, 9, start), keyed.raw(key, 1012)[start:][:9])


def test_uniforms_are_never_0_or_1(monkeypatch):
    def extremes(key, count, start):
        return numpy.array([0, 2**64 - 1], dtype=numpy.uint64)

    monkeypatch.setattr(keyed, "raw", extremes)
    assert keyed.uniform((0, 0), 2).tolist() == [2.0**-53, 1 - 2.0**-53]


def test_normals_do_not_depend_on_chunks(monkeypatch):
    key = keyed.key("test")
    whole = keyed.standard_normal(key, (37, 5))
    monkeypatch.setattr(keyed, "CHUNK", 7)
    numpy.testing.assert_array_equal(keyed.standard_normal(key, (37, 5)), whole)
    numpy.testing.assert_array_equal(keyed.standard_normal(key, (185,)), whole.ravel())


def test_moments_and_distribution():
    z = keyed.standard_normal(keyed.noise_key(0, "q", 0), (500_000,))
    error = 1 / numpy.sqrt(z.size)
    assert abs(z.mean()) < 4 * error
    assert abs(z.var() - 1) < 4 * error * numpy.sqrt(2)
    assert abs((z**3).mean()) < 4 * error * numpy.sqrt(15)
    assert abs((z**4).mean() - 3) < 4 * error * numpy.sqrt(96)
    assert stats.kstest(z, "norm").pvalue > 1e-3


def test_neighbouring_keys_are_uncorrelated():
    keys = [keyed.noise_key(s, m, b) for s in range(3) for m in "qk" for b in range(4)]
    z = numpy.stack([keyed.standard_normal(key, (20_000,)) for key in keys])
    # and each stream with itself shifted by one
    z = numpy.concatenate([z, numpy.roll(z, 1, axis=1)])
    correlations = numpy.corrcoef(z)[numpy.triu_indices(len(z), 1)]
    assert abs(correlations).max() < 5 / numpy.sqrt(20_000)


GOLDEN = """
import hashlib
from needq.corrupt import keyed
normal = keyed.standard_normal(keyed.noise_key(0, "q", 0), (128, 128))
print(hashlib.sha256(normal.tobytes()).hexdigest())
import sys
print("torch" in sys.modules)
"""


def features():
    """The instruction sets above the baseline that numpy uses here."""
    extensions = numpy.show_config(mode="dicts")["SIMD Extensions"]
    return " ".join(extensions.get("found", []))


@pytest.mark.parametrize("disabled", ["", features()])
def test_golden_digest_under_each_instruction_set(disabled):
    done = subprocess.run(
        [sys.executable, "-c", GOLDEN],
        env={**os.environ, "PYTHONPATH": str(SCRIPTS), "NPY_DISABLE_CPU_FEATURES": disabled},
        capture_output=True,
        text=True,
        check=True,
    )
    golden = "884c6db74e1e9a2447025441806c5800c275c401057b2b8ab85a83b4af2de5f1"
    assert done.stdout.split() == [golden, "False"]
    assert not done.stderr
