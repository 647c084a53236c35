import numpy
import torch
from needq.exact.softmax import divergence, log_softmax, softmax_norm
from scipy import special


def test_log_softmax():
    x = 5 * torch.randn(7, 4000, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    x[3, :2000] = -1e6  # no probability at all
    values = log_softmax(x.clone())
    wanted = special.log_softmax(x.numpy(), axis=-1)
    numpy.testing.assert_allclose(values.numpy(), wanted, rtol=0, atol=1e-9)
    # a row does not depend on the others, nor on the order of its entries
    order = torch.randperm(4000, generator=torch.Generator().manual_seed(1))
    assert torch.equal(log_softmax(x[2:3, order])[0], values[2, order])


def test_divergence_is_that_of_scipy():
    generator = torch.Generator().manual_seed(0)
    before, after = 3 * torch.randn(2, 7, 400, dtype=torch.float64, generator=generator)
    after[3] = before[3]
    log_p = log_softmax(before)
    kl = divergence(log_p, log_p.exp(), after, softmax_norm(after))
    p, q = special.softmax(before.numpy(), -1), special.softmax(after.numpy(), -1)
    numpy.testing.assert_allclose(kl.numpy(), special.rel_entr(p, q).sum(-1), rtol=0, atol=1e-9)
    assert kl[3] == 0
