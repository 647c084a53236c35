"""Texts that diverge: cut at the right token, chosen by a rule."""

import pandas
from needq.common.backends import Backend
from needq.report.cells import in_order
from needq.report.side_by_side import cut, examples, explain


def decode(tokens):
    return "".join(f"{token} " for token in tokens)


def test_a_text_is_cut_at_the_token():
    assert cut([5, 6, 7, 8], 1, decode) == ("5 ", "6 ", "7 8 ")
    assert cut([5, 6], 0, decode) == ("", "5 ", "6 ")
    assert cut([5, 6], 2, decode) == ("5 6 ", "", "")  # the other text went on


def frames():
    keys = {"sweep": "s", "prompt": 0, "sample_seed": 0}
    rows, texts = [], {"a": [], "b": []}
    for count, seed, place in ((0, None, None), (1, 0, None), (1, 1, 2), (1, 2, 0), (2, 0, 1)):
        key = keys | {"intervention": f"q/s/{count:02d}", "noise_seed": seed}
        for left, right in (("a", "a"), ("a", "b")):
            found = None if left == right else place
            margin = None if found is None else 0.5
            pair = {"left": left, "right": right, "first_divergent_token": found}
            rows.append(key | pair | {"margin": margin})
        texts["a"].append(key | {"tokens": [1, 2, 3, 4]})
        other = [1, 2, 3, 4] if place is None else [1, 2, 3, 4][:place] + [9] * (4 - place)
        texts["b"].append(key | {"tokens": other})
    frames = {}
    for name, own in texts.items():
        frames[name] = pandas.DataFrame(own)
        frames[name]["noise_seed"] = frames[name]["noise_seed"].astype("Int64")
    return pandas.DataFrame(rows), frames


def test_pairs_stand_in_the_order_of_their_rows():
    divergence, texts = frames()
    texts["c"] = texts["b"]
    other = divergence.replace({"right": {"b": "c"}})
    both = pandas.concat([divergence, other[other["right"] == "c"]])
    for order in (["b", "c"], ["c", "b"]):
        found = examples(in_order(both, [["a", name] for name in order]), texts, decode)
        assert [pair["right"] for pair in found] == order


def test_examples_are_the_first_that_diverge():
    divergence, texts = frames()
    (pair,) = examples(divergence, texts, decode)
    assert (pair["left"], pair["right"], pair["texts"], pair["diverged"]) == ("a", "b", 5, 3)
    chosen = [(row["intervention"], row["noise_seed"], row["place"]) for row in pair["rows"]]
    assert chosen == [("q/s/01", 1, 2), ("q/s/02", 0, 1)]
    assert pair["rows"][0]["left"] == ("1 2 ", "3 ", "4 ")
    assert pair["rows"][0]["right"] == ("1 2 ", "9 ", "9 ")
    assert pair["rows"][0]["margin"] == 0.5


def test_a_gpu_and_its_prediction_differ_by_rounding_or_a_wrong_prediction():
    gpu, like_gpu = Backend(device="cuda"), Backend(rng="cuda", gpu="H200")
    same = "One predicts the random numbers with which the other, a GPU, chooses tokens."
    rounding = " So only rounding or a wrong prediction can make their texts diverge."
    native = gpu.changed(noise="native")
    for ways in ((gpu, like_gpu), (like_gpu, gpu), (native, like_gpu.changed(noise="cuda"))):
        assert explain(*ways) == same + rounding
    noisy = explain(native, like_gpu)
    assert noisy.startswith(f"{same} Their noise is different too: ")
