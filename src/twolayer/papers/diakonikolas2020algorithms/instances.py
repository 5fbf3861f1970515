r"""Networks hidden in a plane, of which the moments below a chosen order see nothing (diakonikolas2020algorithms, §4).

With :math:`v_1, v_2` orthonormal, and random, in :math:`\mathbb R^d`, the network of 2k units

.. math:: f(x) = \sum_{m=1}^{2k} (-1)^m\,\sigma(w_m \cdot x), \qquad
    w_m = v_1\cos\tfrac{\pi m}{k} + v_2\sin\tfrac{\pi m}{k},

changes its sign when its plane is turned by π/k. In polar coordinates of the plane it therefore has the angular
frequencies ±k, ±3k, ... only, and a polynomial of degree below k has none of them: every Hermite tensor
:math:`T_j = \mathbb E[f(x)\,He_j(x)]`, x ~ N(0, I), of order j < k is zero, whatever σ is.

*Correlational queries.* The degree-l spherical harmonics of :math:`\mathbb R^d` have angular frequencies up to l in any
plane, so that f lies in those of degree k and above. The mean of :math:`f \otimes f` over all planes commutes with
rotations; on the harmonics of degree l, of which there are :math:`N_l`, its norm is at most its trace over
:math:`N_l`. Hence, for every q and over a random plane,

.. math:: \mathbb E_{\mathrm{plane}}\,\langle f, q\rangle^2 \le \frac{\|f\|^2\,\|q\|^2}{N_k}, \qquad
    N_k = \binom{d+k-1}{k} - \binom{d+k-3}{k-2},

with equality for the harmonics of degree k. By Markov's inequality an answer 0 is right to :math:`\tau\|f\|\|q\|` with
probability :math:`1 - 1/(\tau^2 N_k)`; so are Q answers, and the correlation with the predictor that the learner ends
with, with probability :math:`1 - (Q+1)/(\tau^2 N_k)`. The numbers of the claim take :math:`\tau = N_k^{-1/4}` and the
largest Q for which that probability is at least a half. The paper states the bound as :math:`d^{\Omega(k)}`.
"""

from collections.abc import Mapping
from math import comb, factorial, isqrt

import numpy as np
from numpy.polynomial.legendre import leggauss
from numpy.typing import NDArray

from twolayer.activation import Activation, activation
from twolayer.arrays import whole_number
from twolayer.errors import InputError
from twolayer.instances.instance import Claim, Family, Inputs, Option, Planted
from twolayer.network import TwoLayerNetwork

__all__ = [
    "PLANAR",
    "first_visible_order",
    "harmonic_dimension",
    "hermite_norms",
    "mean_square",
    "planar_network",
    "query_bound",
]

HIGHEST_ORDER = 40  # a limit: moments of higher orders are not looked at
_VISIBLE = 1e-9  # of the scale of the network; a tensor below it is rounding
_CITATION = (
    "I. Diakonikolas, D. M. Kane, V. Kontonis and N. Zarifis, Algorithms and SQ Lower Bounds for PAC Learning"
    " One-Hidden-Layer ReLU Networks, COLT 2020"
)


def planar_network(
    dim: int, order: int, sigma: str | Activation = "relu", rng: np.random.Generator | int | None = None
) -> TwoLayerNetwork:
    r"""Draw the network whose first Hermite tensor that is not zero has a given order.

    Parameters
    ----------
    dim : int
        The d, at least 3.
    order : int
        The k, from 2 to 40: an even one for ReLU, an odd one for tanh and squared ReLU.
    sigma : str or Activation
        The σ, infinitely differentiable except at 0, where a kink is allowed.
    rng : numpy.random.Generator or int or None
        Draws the plane, uniformly.

    Returns
    -------
    TwoLayerNetwork
        With 2k unit rows and output weights ±1.

    Raises
    ------
    InputError
        If a size is out of range, σ has a kink elsewhere, or its Hermite coefficient of order k is zero (or so small
        that labels would be rounding): f is then zero. The message names the nearest order that σ allows.

    Notes
    -----
    For ReLU and k = 4, 6, 8 the root mean square of f is 0.34, 0.22 and 0.16.

    References
    ----------
    .. [1] diakonikolas2020algorithms, section 4
    """
    dim, order, sigma = whole_number(dim, "dim", least=3), whole_number(order, "order", least=2), activation(sigma)
    if order > HIGHEST_ORDER:
        raise InputError(f"order must be at most {HIGHEST_ORDER}, found {order}")
    _refuse_far_kinks(sigma)
    allowed = _visible_orders(sigma)
    if order not in allowed:
        nearest = min(allowed, key=lambda other: abs(other - order), default=None)
        advice = "no order has one that is not" if nearest is None else f"the nearest order that has one is {nearest}"
        raise InputError(f"the Hermite coefficient of {sigma} of order {order} is 0 to rounding; {advice}")
    rng = np.random.default_rng(rng)
    plane, _ = np.linalg.qr(rng.standard_normal((dim, 2)))
    plane *= np.where(rng.random(2) < 0.5, -1.0, 1.0)  # the factorisation fixes signs; uniform planes have none
    m = np.arange(1, 2 * order + 1)
    angles = np.pi * m / order
    return TwoLayerNetwork((-1.0) ** m, np.stack([np.cos(angles), np.sin(angles)], axis=1) @ plane.T, activation=sigma)


def hermite_norms(network: TwoLayerNetwork, order: int) -> NDArray[np.float64]:
    r"""Frobenius norms of the Hermite tensors of a planar network, in closed form from its weights.

    With :math:`\theta_m` the angle of row m in the plane and
    :math:`c_{j,m} = \mathbb E[\sigma(\|w_m\|g + b_m) He_j(g)]`,

    .. math:: \|T_j\|_F^2 = 2^{-j} \sum_{i=0}^j \binom{j}{i}\, |t_{j,\,j-2i}|^2, \qquad
        t_{j,p} = \sum_m a_m c_{j,m}\, e^{\mathrm i p \theta_m}.

    Parameters
    ----------
    network : TwoLayerNetwork
        Its rows in one plane; without polynomial part.
    order : int
        The last j, at least 0.

    Returns
    -------
    array, shape (order + 1,)
        What is zero is zero to rounding of :math:`\sum_m |a_m c_{j,m}|`, since no power is taken of a sum that cancels.

    Raises
    ------
    InputError
        If the rows do not lie in one plane, or there is a polynomial part.

    Notes
    -----
    Time O(m order²) beside an SVD of W.
    """
    order = whole_number(order, "order", least=0)
    lengths, angles = _polar(network)
    weights = network.a * network.activation.hermite_coefficients(order, lengths, network.b)
    turns = np.exp(1j * np.arange(order + 1)[:, None] * angles)  # frequencies -p and p have the same magnitude
    sums = np.abs(weights @ turns.T) ** 2
    return np.array(
        [np.sqrt(sum(comb(j, i) * sums[j, abs(j - 2 * i)] for i in range(j + 1)) / 2.0**j) for j in range(order + 1)]
    )


def first_visible_order(network: TwoLayerNetwork, most: int = HIGHEST_ORDER) -> int | None:
    """Order of the first Hermite tensor of a planar network that is not zero to rounding; None if there is none.

    Parameters
    ----------
    network : TwoLayerNetwork
        As `hermite_norms` needs it.
    most : int
        The last order looked at.

    Notes
    -----
    Zero to rounding is a norm, divided by √j!, below 1e-9 of the largest that order j or a lower one could have if no
    units cancelled.
    """
    norms = hermite_norms(network, most)
    sizes = np.abs(network.activation.hermite_coefficients(most, *_lengths_and_biases(network)))
    scales = np.sqrt([float(factorial(j)) for j in range(most + 1)])
    possible = np.maximum.accumulate(sizes @ np.abs(network.a) / scales)
    visible = np.flatnonzero(norms / scales > _VISIBLE * possible)
    return int(visible[0]) if len(visible) else None


def mean_square(network: TwoLayerNetwork) -> float:
    r"""Mean square :math:`\mathbb E f(x)^2`, x ~ N(0, I), of a planar network without biases.

    An integral over the plane in polar coordinates, split at the angles where a unit is zero: Gauss-Legendre nodes on
    each piece, right to 1e-12 of :math:`(\sum_m |a_m|)^2` for σ that vary no faster than tanh(5t).

    Raises
    ------
    InputError
        If the network is not planar, has a bias, a polynomial part, or a σ with a kink that is not at 0.
    """
    if network.has_bias:
        raise InputError("the mean square is computed for networks without biases, but this one has one")
    _refuse_far_kinks(network.activation)
    lengths, angles = _polar(network)
    edges = np.unique(np.mod(np.concatenate([angles + np.pi / 2, angles - np.pi / 2, [0.0]]), 2 * np.pi))
    theta, theta_weights = _panels(np.append(edges, 2 * np.pi), 24)
    r, r_weights = _panels(np.linspace(0.0, 12.0, 9), 20)
    projections = lengths * np.cos(theta[:, None] - angles)
    total = 0.0
    for radius, weight in zip(r, r_weights * r * np.exp(-r * r / 2), strict=True):
        total += weight * float(theta_weights @ (network.activation(radius * projections) @ network.a) ** 2)
    return float(total / (2 * np.pi))


def harmonic_dimension(dim: int, degree: int) -> int:
    r"""Number of linearly independent spherical harmonics, :math:`\binom{d+l-1}{l} - \binom{d+l-3}{l-2}`."""
    dim, degree = whole_number(dim, "dim", least=2), whole_number(degree, "degree", least=0)
    return comb(dim + degree - 1, degree) - (comb(dim + degree - 3, degree - 2) if degree >= 2 else 0)


def query_bound(dim: int, order: int) -> tuple[float, int]:
    r"""Tolerance and number of correlational queries that do not suffice on half of all planes.

    Returns
    -------
    tolerance : float
        The :math:`\tau = N^{-1/4}`, with N the `harmonic_dimension`.
    queries : int
        The largest Q with :math:`(Q + 1)/(\tau^2 N) \le 1/2`, or 0.
    """
    count = harmonic_dimension(dim, order)
    return count**-0.25, max(0, isqrt(count // 4) - 1)


def _draw(
    rng: np.random.Generator, *, dim: int, order: int, samples: int, activation: str
) -> tuple[Inputs, NDArray[np.float64], Planted, Claim]:
    samples = whole_number(samples, "samples")
    network = planar_network(dim, order, activation, rng)
    X = rng.standard_normal((samples, dim))
    planted = {"a": network.a, "W": network.W, "activation": np.array(network.activation.name)}
    y = _labels(planted, X)
    sizes = _sizes(X, y, planted, {})
    statement = (
        f"A learner that asks at most {sizes['queries']} correlational queries E[y q(x)], answered to within"
        f" {sizes['tolerance']:.4g} of the norms of y and q, ends on at least half of all planes with a mean square"
        f" error of at least {1 - sizes['tolerance'] ** 2:.4g} of the mean square of y; every Hermite moment of order"
        f" below {order} is zero"
    )
    return X, y, planted, Claim(statement, "section 4", "none: correlational statistical queries", sizes)


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
    order = first_visible_order(network)
    if order is None:
        raise InputError(f"the planted network has no Hermite moment that is not zero up to order {HIGHEST_ORDER}")
    tolerance, queries = query_bound(network.dim, order)
    return {
        "samples": X.shape[0],
        "dim": X.shape[1],
        "width": network.width,
        "order": order,
        "moment_norm": float(hermite_norms(network, order)[order]),
        "mean_square": mean_square(network),
        "harmonics": harmonic_dimension(network.dim, order),
        "tolerance": tolerance,
        "queries": queries,
    }


def _refuse_far_kinks(sigma: Activation) -> None:
    for point in sigma.kinks:
        if point != 0:
            raise InputError(f"the activation may have a kink at 0 only, and {sigma} has one at {point:g}")


def _visible_orders(sigma: Activation) -> list[int]:
    """Orders whose tensor, of norm 2k |c_k| 2^((1-k)/2), is above rounding of the scale of the network."""
    sizes = np.abs(sigma.hermite_coefficients(HIGHEST_ORDER))
    sizes /= np.sqrt([float(factorial(j)) for j in range(HIGHEST_ORDER + 1)])
    largest = np.maximum.accumulate(sizes)
    return [k for k in range(2, HIGHEST_ORDER + 1) if sizes[k] * 2.0 ** ((1 - k) / 2) > 2 * _VISIBLE * largest[k]]


def _lengths_and_biases(network: TwoLayerNetwork) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    return np.linalg.norm(network.W, axis=1), network.b


def _polar(network: TwoLayerNetwork) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Lengths of the rows, and their angles in their plane."""
    if network.polynomial is not None:
        raise InputError("the network must have no polynomial part")
    _, singular_values, axes = np.linalg.svd(network.W, full_matrices=False)
    # of the weights: how far from its plane a planar network may be by rounding
    if network.width == 0 or (len(singular_values) > 2 and singular_values[2] > 1e-10 * singular_values[0]):
        raise InputError(f"the rows of W must lie in one plane, found {network.width} rows of other position")
    coordinates = network.W @ axes[:2].T
    second = coordinates[:, 1] if coordinates.shape[1] > 1 else np.zeros(network.width)
    return _lengths_and_biases(network)[0], np.arctan2(second, coordinates[:, 0])


def _panels(edges: NDArray[np.float64], size: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Gauss-Legendre nodes and weights between consecutive edges."""
    nodes, weights = leggauss(size)
    half = np.diff(edges)[:, None] / 2
    return (edges[:-1, None] + half * (1 + nodes)).ravel(), (half * weights).ravel()


PLANAR = Family(
    name="planar",
    summary="Two-layer network in a hidden plane, without Hermite moments below a chosen order.",
    citation=_CITATION,
    defaults={"dim": 20, "order": 6, "samples": 2000, "activation": "relu"},
    source=_draw,
    labels=_labels,
    sizes=_sizes,
    tolerance=1e-9,
    explanations={
        "dim": "Number of inputs, at least 3.",
        "order": "Order of the first Hermite moment that is not zero; half the number of units.",
        "samples": "Number of samples.",
        "activation": "Its name, as `twolayer list` shows it.",
    },
)
