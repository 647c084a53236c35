"""Attention kernels that a family lacks are refused with what to write instead."""

import pytest
import transformers
from needq.backup.architectures import find_architecture
from needq.backup.families import FAMILIES
from needq.backup.kernels import check_kernels
from needq.backup.model_config import checked
from needq.common.backends import Backend
from needq.common.errors import UserError
from smallest_configs import smallest

EXACT = Backend(arithmetic="exact", precision="float64")


@pytest.mark.parametrize("name", FAMILIES)
def test_the_families_with_eager_kernels_alone_are_those_of_transformers(name):
    theirs, config = getattr(transformers, name), checked(smallest(name))
    capped = config.get("attn_logit_softcapping") is not None  # which sdpa leaves out
    assert find_architecture(config).eager_only == (capped or not theirs._supports_sdpa)


def test_gemma_2_without_a_cap_has_every_kernel():
    config = checked(smallest("Gemma2ForCausalLM") | {"attn_logit_softcapping": None})
    assert not find_architecture(config).eager_only


def test_kernels_that_a_family_lacks_are_refused_with_what_to_write():
    eager, fused = Backend(kernels="eager"), Backend()
    backends = {"a": fused, "b": eager, "c": fused, "d": EXACT}
    check_kernels(find_architecture(smallest("LlamaForCausalLM")), backends)
    bloom = find_architecture(smallest("BloomForCausalLM"))
    check_kernels(bloom, {"b": eager, "d": EXACT})
    with pytest.raises(
        UserError, match=r"BloomForCausalLM .*; set .*: \{a: \{kernels: eager\}, c: \{ker"
    ):
        check_kernels(bloom, backends)
