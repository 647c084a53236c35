"""numpy in the place of torch: the same bits, in tiles or not."""

import numpy
import pytest
import torch
from needq.exact import elementary, layers, tiles
from needq.exact.erf import erf

FUNCTIONS = [elementary.exp_bounded, elementary.log, erf, layers.erf_gelu]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.__name__)
@pytest.mark.parametrize("shape", [(), (1,), (3, 5), (7, 13001)], ids=str)
def test_torch_computes_what_numpy_does_in_its_place(function, shape, monkeypatch):
    x = numpy.asarray(abs(numpy.random.default_rng(1).standard_normal(shape)) * 3)
    for own in (x, x.T):
        in_its_place = function(torch.from_numpy(own))
        assert isinstance(in_its_place, torch.Tensor)
        numpy.testing.assert_array_equal(in_its_place.numpy(), function(own))
        with monkeypatch.context() as as_on_cuda:
            as_on_cuda.setattr(tiles, "on_cpu", lambda x: False)
            assert torch.equal(function(torch.from_numpy(own)), in_its_place)


def test_numpy_has_a_tile_at_a_time():
    sizes = []

    @tiles.in_tiles
    def doubled(x):
        sizes.append(x.size)
        assert isinstance(x, numpy.ndarray)
        return x + x

    x = torch.arange(2.0 * tiles.TILE + 6).double().view(2, -1).mT
    assert torch.equal(doubled(x), x + x)
    assert sizes == [tiles.TILE, tiles.TILE, 6]
    assert doubled(x[:3]).shape == (3, 2)
