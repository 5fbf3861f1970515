r"""Networks with more units than inputs that only a decomposition of tensors could learn (mondelli2019connection).

`OVERCOMPLETE` is the setting of Theorem 1: :math:`y(x) = \sum_{i=1}^r \sigma(w_i\cdot x)` with
:math:`\sigma(t) = a_0 + a_1t + a_3t^3`, units from the law of Eq. (2), x ~ N(0, I), and :math:`d^{3/2} < r < d^2`. All
that the labels tell follows from the tensor :math:`T^{(3)} = \sum_i w_i^{\otimes3}` (Theorem 4), and no algorithm of
polynomial time is known that finds its components beyond :math:`r = d^{3/2}`. It is a statement on the third order:
with a power of degree four in σ, the tensor :math:`T^{(4)}` is decomposed at once up to r = d(d - 1)/2. The defaults
have :math:`a_1 = -3a_3`, :math:`\sigma = He_3`, for which no polynomial of degree below three correlates with the
labels, and :math:`r(d-1)` below the number of distinct entries of :math:`T^{(3)}`, the count up to which generic
components are determined.

`HAAR` is the setting of the paper's experiment: σ = tanh(5t/2), d = 50, centred blocks of random orthogonal matrices,
r = 50, 350, 2500. Nothing is proved of it; σ is odd, so that the best predictor from :math:`\|x\|` is zero.
"""

from collections.abc import Mapping
from math import comb, floor

import numpy as np
from numpy.typing import NDArray

from twolayer.arrays import whole_number
from twolayer.errors import InputError
from twolayer.instances.instance import Claim, Family, Inputs, Option, Planted
from twolayer.network import TwoLayerNetwork
from twolayer.risk import constant_predictor
from twolayer.teachers import centred_units, haar_blocks

__all__ = ["HAAR", "OVERCOMPLETE"]

_CITATION = (
    "M. Mondelli and A. Montanari, On the Connection Between Learning Two-Layer Neural Networks and Tensor"
    " Decomposition, AISTATS 2019"
)
_CONJECTURE = (
    "Conjecture 1: for r above d^(3/2) no algorithm of polynomial time finds, from the tensor of order 3 of these"
    " units, a vector that correlates with one of them; conjectured, and of large d"
)
_TOLERANCE = 1e-11  # of the largest label: sums of thousands of cubes in another order


def _draw_overcomplete(
    rng: np.random.Generator, *, dim: int, width: int, samples: int, a0: float, a1: float, a3: float
) -> tuple[Inputs, NDArray[np.float64], Planted, Claim]:
    _check_range(dim, width)
    if a3 == 0:
        raise InputError("a3 must not be 0: without its cube the network is a polynomial of degree one")
    network = centred_units(dim, width, f"polynomial({a0!r},{a1!r},0,{a3!r})", rng)
    X, y, planted = _sampled(network, samples, rng)
    sizes = _sizes(X, y, planted, {})
    statement = (
        "A network of this form found from samples in polynomial time has, as d grows and r stays between d^(3/2) and"
        f" d^2, a mean square error of at least 1 - o(1) of the variance of the labels, here {sizes['variance']:.6g},"
        " which is what the best constant has; the planted network has none"
    )
    return X, y, planted, Claim(statement, "Theorem 1", _CONJECTURE, sizes)


def _draw_haar(
    rng: np.random.Generator, *, dim: int, width: int, samples: int
) -> tuple[Inputs, NDArray[np.float64], Planted, Claim]:
    network = haar_blocks(dim, width, "scaled(tanh,2.5)", rng)
    X, y, planted = _sampled(network, samples, rng)
    sizes = _sizes(X, y, planted, {})
    statement = (
        "In the experiment, stochastic gradient descent on 5000000 samples at d = 50 found the units less and less from"
        " r = 50 over 350 to 2500, and its error, as part of that of the best predictor from the norm of x, grew"
        f" likewise; for tanh that predictor is zero, and its error the variance, here {sizes['variance']:.6g}"
    )
    return X, y, planted, Claim(statement, "section 6, Figure 1", "none, and nothing is proved: an experiment", sizes)


def _check_range(dim: int, width: int) -> None:
    """Refuse a width that is not between d^(3/2) and d²."""
    dim, width = whole_number(dim, "dim", least=3), whole_number(width, "width")
    least, most = floor(dim**1.5) + 1, dim**2 - 1
    if not least <= width <= most:
        nearest = min(max(width, least), most)
        raise InputError(
            f"with {dim} inputs the width must be above d^(3/2) and below d^2, from {least} to {most}, found {width}:"
            f" the nearest is {nearest}"
        )


def _sampled(
    network: TwoLayerNetwork, samples: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], Planted]:
    X = rng.standard_normal((whole_number(samples, "samples"), network.dim))
    planted = {"a": network.a, "W": network.W, "activation": np.array(network.activation.name)}
    return X, network(X), planted


def _network(planted: Planted) -> TwoLayerNetwork:
    return TwoLayerNetwork(planted["a"], planted["W"], activation=str(planted["activation"]))


def _labels(planted: Planted, X: Inputs) -> NDArray[np.float64]:
    return _network(planted)(np.asarray(X))


def _sizes(
    X: Inputs,
    y: NDArray[np.float64],  # noqa: ARG001 - the signature of every family
    planted: Planted | None,
    options: Mapping[str, Option],  # noqa: ARG001
) -> dict[str, int | float]:
    assert planted is not None
    network = _network(planted)
    d, r = network.dim, network.width
    gram = network.W @ network.W.T
    np.fill_diagonal(gram, 0.0)
    return {
        "samples": X.shape[0],
        "dim": d,
        "width": r,
        "width_over_d_three_halves": r / d**1.5,
        "width_over_d_squared": r / d**2,
        "unknowns": r * (d - 1),
        "third_order_entries": comb(d + 2, 3),
        "largest_correlation": float(np.abs(gram).max()),
        "variance": constant_predictor(network).risk.value,
    }


OVERCOMPLETE = Family(
    name="overcomplete",
    summary="Cubic units, more than d^(3/2): learning them is decomposing a tensor of order 3.",
    citation=_CITATION,
    defaults={"dim": 50, "width": 400, "samples": 25000, "a0": 0.0, "a1": -3.0, "a3": 1.0},
    source=_draw_overcomplete,
    labels=_labels,
    sizes=_sizes,
    tolerance=_TOLERANCE,
    explanations={
        "dim": "Number of inputs d, at least 3.",
        "width": "Number of units, above d^(3/2) and below d^2.",
        "samples": "Number of samples.",
        "a0": "Constant of the activation a0 + a1 t + a3 t^3.",
        "a1": "Its linear coefficient; -3 a3 makes the labels uncorrelated with every linear function.",
        "a3": "Its cubic coefficient, not 0.",
    },
)

HAAR = Family(
    name="haar",
    summary="tanh(5t/2) units from centred random orthogonal matrices, on which gradient descent was seen to fail.",
    citation=_CITATION,
    defaults={"dim": 50, "width": 350, "samples": 20000},
    source=_draw_haar,
    labels=_labels,
    sizes=_sizes,
    tolerance=_TOLERANCE,
    explanations={
        "dim": "Number of inputs d.",
        "width": "Number of units, a multiple of d.",
        "samples": "Number of samples.",
    },
)
