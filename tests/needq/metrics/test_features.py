"""Features of texts are what they are called."""

import numpy as np
import pandas
from needq.metrics import features

TOKENS, NLLS = [1, 2, 1, 2, 1, 2, 3, 4], [1.0, 2.0, 3.0, 4.0, 0.0, 0.0, 0.0, 6.0]
TEXTS = pandas.DataFrame({"tokens": [TOKENS], "nlls": [NLLS]})
LOG_FREQUENCY = np.log([0.1, 0.2, 0.3, 0.25, 0.15])


def test_features_are_what_they_are_called():
    (found,) = features.features(TEXTS, LOG_FREQUENCY)
    frequency = np.mean([LOG_FREQUENCY[token] for token in TOKENS])
    # 1-grams: 4 of 8 new; 2-grams: 12 21 12 21 12 23 34; 4-grams: 1212 2121 1212 2123 1234
    expected = [2.0, np.std(NLLS), 1.5, frequency, 1 / 2, 3 / 7, 1 / 5]
    np.testing.assert_allclose(found, expected)
    assert len(features.FEATURES) == len(expected)


def test_finer_features_say_how_the_nll_is_spread():
    (found,) = features.finer_features(TEXTS, LOG_FREQUENCY)
    np.testing.assert_array_equal(found[:7], features.features(TEXTS, LOG_FREQUENCY)[0])
    np.testing.assert_allclose(found[7:], [1 / 8, 0, 3 / 8, 14 / 8])


def test_log_frequencies_count_each_token_once_more():
    found = features.log_frequencies([[0, 2], [2]], 4)
    np.testing.assert_allclose(np.exp(found), [2 / 7, 1 / 7, 3 / 7, 1 / 7])
