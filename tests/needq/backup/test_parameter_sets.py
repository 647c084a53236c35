"""Named sets of parameters, by the names that transformers gives them."""

import numpy as np
import pytest
from needq.backup.architectures import find_architecture
from needq.backup.families import FAMILIES
from needq.backup.parameter_sets import check_healing, query_parts, trained_parts
from needq.common.errors import UserError
from needq.common.healing import WORDS, Healing
from smallest_configs import smallest

SETS = ("query_biases", "keys", "keys_values_outputs", "norms", "all_but_queries")


def mask(architecture, found):
    """What an index says, as arrays of 0 and 1 of each tensor's shape."""
    shapes = architecture.shapes()
    masks = {name: np.zeros(shapes[name], int) for name in found}
    for name, indices in found.items():
        for index in indices:
            masks[name][index] += 1
    return masks


def test_every_set_has_its_words():
    assert tuple(WORDS) == SETS == tuple(Healing().parameters)


def test_gpt2_has_its_matrices_in_one_tensor(gpt2):
    keys = mask(gpt2.architecture, trained_parts(gpt2.architecture, "keys"))
    names = [
        f"transformer.h.{block}.attn.c_attn.{part}"
        for block in range(4)
        for part in ("weight", "bias")
    ]
    assert sorted(keys) == sorted(names)
    expected = np.zeros((24, 72), int)
    expected[:, 24:48] = 1
    np.testing.assert_array_equal(keys[names[2]], expected)
    np.testing.assert_array_equal(keys[names[3]], expected[0])
    biases = mask(gpt2.architecture, trained_parts(gpt2.architecture, "query_biases"))
    assert sorted(biases) == sorted(names[1::2])
    np.testing.assert_array_equal(biases[names[1]], [1] * 24 + [0] * 48)
    both = mask(gpt2.architecture, trained_parts(gpt2.architecture, "keys_values_outputs"))
    np.testing.assert_array_equal(both[names[0]][0], [0] * 24 + [1] * 48)
    assert both["transformer.h.3.attn.c_proj.weight"].all()
    assert both["transformer.h.3.attn.c_proj.bias"].all()
    assert len(both) == 4 * 4


def test_norms_are_those_of_blocks_and_the_last(gpt2):
    found = mask(gpt2.architecture, trained_parts(gpt2.architecture, "norms"))
    named = [name for name in gpt2.tensors if ".ln_" in name]
    assert sorted(found) == sorted(named)
    assert len(found) == 2 * (2 * 4 + 1)
    assert all(values.all() for values in found.values())


def test_a_llama_has_no_biases_to_train(llama):
    with pytest.raises(UserError, match="LlamaForCausalLM has no query_biases; leave this set out"):
        trained_parts(llama.architecture, "query_biases")
    with pytest.raises(UserError, match=r"healing\.parameters"):
        check_healing(llama.architecture, Healing(run=True))
    check_healing(llama.architecture, Healing())
    check_healing(llama.architecture, Healing(run=True, parameters=["keys", "norms"]))
    keys = trained_parts(llama.architecture, "keys")
    assert sorted(keys) == sorted(name for name in llama.tensors if "k_proj" in name)
    queries = mask(llama.architecture, query_parts(llama.architecture))
    assert sorted(queries) == sorted(name for name in llama.tensors if "q_proj.weight" in name)
    assert all(values.all() for values in queries.values())


@pytest.mark.parametrize("name", ["gpt2", "llama"])
def test_all_but_queries_is_every_tensor(name, request):
    model = request.getfixturevalue(name)
    found = mask(model.architecture, trained_parts(model.architecture, "all_but_queries"))
    assert {name: values.shape for name, values in found.items()} == {
        name: values.shape for name, values in model.tensors.items()
    }
    assert all((values == 1).all() for values in found.values())


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_no_set_of_any_family_has_a_query_or_anything_twice(name):
    architecture = find_architecture(smallest(name))
    queries = mask(architecture, query_parts(architecture))
    assert queries
    for parameters in SETS[:4]:
        try:
            found = mask(architecture, trained_parts(architecture, parameters))
        except UserError:
            assert parameters in ("query_biases", "norms")
            continue
        for tensor, values in found.items():
            assert values.max() == 1
            assert not (values & queries.get(tensor, np.zeros_like(values))).any()
