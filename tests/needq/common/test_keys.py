"""Keys: the names by which rows, noise and logits are known."""

from needq.common import keys


def test_matrices_with_a_stored_noise_each():
    assert keys.matrices("qkv") == ("q", "k", "v")
    assert keys.matrices("o") == ("o",)
    assert [keys.matrices(name) for name in keys.MLPS] == [("mlp_in",), ("mlp_out",), ("mlp",)]


def test_names_of_noise_lead_back():
    for matrix in ("q", "mlp_in", "mlp"):
        for method in ("gaussian", "matched_outputs", "scaled_50"):
            name = keys.noise_name(matrix, method, 3)
            assert keys.noise_parts(name) == (matrix, method, 0 if method == "scaled_50" else 3)


def test_tensors_of_the_mlp_say_whose_noise_they_are():
    assert keys.tensor_name(3, "q", "weight") == "3.weight"
    assert keys.tensor_name(3, "o", "bias") == "3.bias"
    assert keys.tensor_name(3, "mlp_in.up", "weight") == "3.mlp_in.up.weight"
    assert keys.tensor_name(11, "mlp_out", "bias") == "11.mlp_out.bias"


def test_names_of_logits():
    assert keys.logits_key("q/s/00", None) == "q/s/00@none"
    assert keys.logits_key("q/s/01", 0) == "q/s/01@0"
