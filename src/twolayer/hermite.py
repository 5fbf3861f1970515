r"""Probabilists' Hermite polynomials, their tensors, and Gaussian quadrature that is right at a kink.

Throughout, :math:`He_j` is unnormalised: :math:`\mathbb E[He_j(g) He_k(g)] = j!\,\delta_{jk}` for
:math:`g \sim N(0, 1)`.
"""

from collections.abc import Callable, Iterable
from functools import cache

import numpy as np
import scipy  # its parts are imported on first use: scipy.special takes a fifth of a second
from numpy.typing import ArrayLike, NDArray

from twolayer.errors import InputError

__all__ = ["gauss_hermite", "gaussian_panels", "hermite_projection", "hermite_tensor", "hermite_values"]


def hermite_values(t: ArrayLike, order: int) -> NDArray:
    r"""Values of :math:`He_0, \dots, He_{\text{order}}`.

    .. math:: He_0 = 1, \qquad He_1(t) = t, \qquad He_{j+1}(t) = t\,He_j(t) - j\,He_{j-1}(t).

    Parameters
    ----------
    t : array
        Any shape.
    order : int
        The last j, at least 0.

    Returns
    -------
    array, shape (order + 1,) + t.shape
        Of the dtype of `t` if that is floating, else float64.

    Raises
    ------
    InputError
        If `order` is below 0.
    """
    t, order = _floating(t), checked_order(order)
    values = np.ones((order + 1, *t.shape), dtype=t.dtype)
    if order > 0:
        values[1] = t
    for j in range(1, order):
        values[j + 1] = t * values[j] - j * values[j - 1]
    return values


def hermite_tensor(x: ArrayLike, order: int) -> NDArray:
    r"""Multivariate Hermite tensor :math:`He_j(x) \in \mathrm{Sym}^j(\mathbb R^d)`, dense.

    .. math:: He_{j+1}(x)_{i\,i_1 \dots i_j} = x_i\,He_j(x)_{i_1 \dots i_j}
        - \sum_{l=1}^{j} \delta_{i\,i_l}\,He_{j-1}(x)_{i_1 \dots \hat{i_l} \dots i_j},

    so that :math:`\langle He_j(x), w^{\otimes j}\rangle = He_j(w \cdot x)` for every unit w [1]_.

    Parameters
    ----------
    x : array, shape (..., d)
        One or many points.
    order : int
        The j, at least 0.

    Returns
    -------
    array, shape (...) + (d,) * order

    Raises
    ------
    InputError
        If `order` is below 0 or `x` is a scalar.

    Notes
    -----
    Time and memory ``O(j d**j)`` a point: for demonstration and tests. The library's own moments never form it.

    References
    ----------
    .. [1] zhong2017recovery, Definition 5.1 (the moments M_1 to M_4 average y against these tensors)
    """
    x, order = _floating(x), checked_order(order)
    if x.ndim == 0:
        raise InputError("hermite_tensor needs a point of shape (d,) or points of shape (n, d), got a scalar")
    x = np.moveaxis(x, -1, 0)  # the points last, so that each tensor grows in front
    dim, *points = x.shape
    identity = np.eye(dim, dtype=x.dtype)
    lower, tensor = np.zeros(points, x.dtype), np.ones(points, x.dtype)
    for j in range(order):
        pair = identity.reshape(dim, dim, *[1] * lower.ndim) * lower
        raised = x[:, *[None] * j] * tensor - sum(np.moveaxis(pair, 1, axis) for axis in range(1, j + 1))
        lower, tensor = tensor, raised
    return np.moveaxis(tensor, range(order), range(-order, 0))


@cache
def gauss_hermite(size: int) -> tuple[NDArray, NDArray]:
    """Nodes and weights of the Gauss-Hermite rule for the expectation over N(0, 1), weights summing to one.

    Exact for polynomials of degree below ``2 * size``; on a kink it is wrong by about 1e-3 even with 300 nodes, which
    `gaussian_panels` mends. The arrays are shared and read-only.
    """
    nodes, weights = scipy.special.roots_hermitenorm(size)
    weights = weights / weights.sum()
    return _frozen(nodes), _frozen(weights)


def gaussian_panels(order: int = 0, centres: Iterable[float] = (), width: float = 1.0) -> tuple[NDArray, NDArray]:
    r"""Nodes and weights of a composite rule for :math:`\mathbb E[f(g)\,He_j(g)]`, j up to `order`.

    The line is cut into panels: at the integers, at every centre, and at distances width, 2 width, 4 width, … from it.
    Each panel carries a Gauss-Legendre rule of 32 nodes, weighted by the Gaussian density. The rule is right to
    rounding for every f of moderate growth that is analytic between the centres and, at a distance r from the nearest
    one, varies on no shorter a scale than max(width, r).

    Parameters
    ----------
    order : int
        The highest j: it widens the range, because :math:`He_j` weighted by its Gaussian reaches to :math:`2\sqrt j`.
    centres : iterable of float
        Kinks, and points near which f varies fast.
    width : float
        The shortest scale of f, above 0.

    Returns
    -------
    nodes, weights : arrays, shape (size,)
    """
    radius = np.ceil(2 * np.sqrt(order) + 10)
    reach = width * 2.0 ** np.arange(max(0, np.ceil(np.log2(2 * radius / width))) + 1)
    reach = np.concatenate([-reach, [0.0], reach])
    edges = np.unique(np.concatenate([np.arange(-radius, radius + 1), *(centre + reach for centre in centres)]))
    edges = edges[np.abs(edges) <= radius]
    unit_nodes, unit_weights = _legendre(32)
    half = np.diff(edges)[:, None] / 2
    nodes = (edges[:-1, None] + half * (1 + unit_nodes)).ravel()
    weights = (half * unit_weights).ravel() * np.exp(-nodes * nodes / 2) / np.sqrt(2 * np.pi)
    return nodes, weights


def hermite_projection(
    f: Callable[[NDArray], NDArray], order: int, centres: Iterable[float] = (), width: float = 1.0
) -> NDArray:
    r"""Hermite coefficients :math:`\mathbb E[f(g)\,He_j(g)]`, j = 0..order, by `gaussian_panels`.

    Parameters
    ----------
    f : callable
        Vectorised function of the line.
    order, centres, width
        As in `gaussian_panels`.

    Returns
    -------
    array, shape (order + 1,)
        With errors of about ``1e-15 * sqrt(j!)`` times the root mean square of f(g), for f as `gaussian_panels` has it.
    """
    nodes, weights = gaussian_panels(order, centres, width)
    return hermite_values(nodes, order) @ (weights * f(nodes))


def checked_order(order: int) -> int:
    """Return `order` as an int, or raise InputError if it is not an integer of at least 0."""
    if not isinstance(order, int | np.integer) or isinstance(order, bool) or order < 0:
        raise InputError(f"order must be an integer of at least 0, got {order!r}")
    return int(order)


@cache
def _legendre(size: int) -> tuple[NDArray, NDArray]:
    nodes, weights = scipy.special.roots_legendre(size)
    return _frozen(nodes), _frozen(weights)


def _frozen(array: NDArray) -> NDArray:
    array.setflags(write=False)
    return array


def _floating(t: ArrayLike) -> NDArray:
    t = np.asarray(t)
    return t if t.dtype.kind == "f" else t.astype(np.float64)
