"""Products of two units averaged over Gaussian inputs, by quadrature: pairs too close to collinear for a series."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.activation.scaled import Scaled
from twolayer.errors import InputError

__all__ = ["pair_means"]

Vector = NDArray[np.float64]

_RADIUS = 13.0  # standard deviations: beyond it the Gaussian density is below 1e-36
_STEEPEST = 1e4  # the nodes are as many times more
_STEP = 0.25  # of the trapezoid rule, for functions analytic within π/2 of the line
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(16)  # of Gauss and Legendre on each panel
_BATCH_NODES = 1 << 17  # at once: a MiB
_FINEST = 1e-10  # of a Gaussian: what a kink smoothed on a shorter scale still changes is below rounding
_MOST_LEVELS = 34  # halvings of a panel about a kink: to a length of 1e-9


def pair_means(
    activations: tuple[Activation, Activation], scales: tuple[Vector, Vector], shifts: tuple[Vector, Vector],
    cosines: Vector, sines: Vector
) -> Vector:  # fmt: skip
    r"""Means :math:`\mathbb E[\sigma(s\,u\cdot x + b)\,\tau(t\,w\cdot x + c)]` for unit u, w and x ~ N(0, I).

    With ρ and γ the cosine and sine between u and w, the Gaussian is integrated along u by panels, and across it in
    closed form, because that is a mean of τ again:

    .. math:: \mathbb E_g\bigl[\sigma(sg + b)\;\mathbb E_h\,\tau(t\gamma h + t\rho g + c)\bigr].

    Without kinks that takes a trapezoid rule, which converges geometrically. With kinks it takes panels, split at the
    kinks of σ and graded down to the width γ/ρ about those of τ, which are smoothed by as much.

    Parameters
    ----------
    activations : (σ, τ)
    scales, shifts : pairs of arrays, shape (p,)
        (s, t) and (b, c).
    cosines, sines : arrays, shape (p,)
        ρ and γ ≥ 0.

    Returns
    -------
    array, shape (p,)

    Raises
    ------
    InputError
        If s or t, times the factor of a scaled activation, is above 1e4.

    Notes
    -----
    Right to about 1e-14 of the root mean squares for σ and τ analytic between their kinks and within a distance of
    π/2 of the line. Some 100 max(1, s, t) evaluations of σ and of the mean of τ a pair, with kinks 500.
    """
    sigma, s, b = _unscaled(activations[0], scales[0], shifts[0])
    tau, t, c = _unscaled(activations[1], scales[1], shifts[1])
    means = np.empty(len(cosines))
    steepest = max(1.0, float(np.max(np.maximum(s, t), initial=0.0)))
    if steepest > _STEEPEST:
        raise InputError(f"units must have a steepness of at most {_STEEPEST:g} to be averaged, found {steepest:.4g}")
    for rows in _batches(sines, steepest):
        if sigma.kinks or tau.kinks:
            edges = _edges((sigma, tau), *(column[rows] for column in (s, t, b, c, cosines, sines)))
            half = np.diff(edges, axis=1)[:, :, None] / 2
            g = (edges[:, :-1, None] + half * (1 + _NODES)).reshape(len(edges), -1)
            masses = (half * _WEIGHTS).reshape(len(edges), -1) * np.exp(-g * g / 2)
        else:
            g, step = np.linspace(-_RADIUS, _RADIUS, int(np.ceil(2 * _RADIUS * steepest / _STEP)) + 1, retstep=True)
            g, masses = g[None], step * np.exp(-g * g / 2)[None]
        along, across = (t * cosines)[rows, None] * g + c[rows, None], (t * sines)[rows, None]
        smoothed = tau.hermite_coefficients(0, across, along)[0] if across.any() else tau(along)
        values = sigma(s[rows, None] * g + b[rows, None])
        means[rows] = np.sum(masses * values * smoothed, axis=1) / np.sqrt(2 * np.pi)
    return means


def _unscaled(sigma: Activation, scale: Vector, shift: Vector) -> tuple[Activation, Vector, Vector]:
    """Put the factor of a scaled activation where its steepness is seen."""
    while isinstance(sigma, Scaled):
        scale, shift = sigma.factor * scale, sigma.factor * shift
        sigma = sigma.base
    return sigma, scale, shift


def _batches(sines: Vector, largest_scale: float) -> Iterator[NDArray[np.intp]]:
    """Pairs in the order of their sines, so that those of a batch need the same panels, a batch in cache at a time."""
    ordered = np.argsort(sines)
    panels = 2 * _RADIUS * largest_scale + 20
    size = max(1, int(_BATCH_NODES / (panels * len(_NODES))))
    yield from (ordered[start : start + size] for start in range(0, len(ordered), size))


def _edges(
    activations: tuple[Activation, Activation], s: Vector, t: Vector, b: Vector, c: Vector, rho: Vector, gamma: Vector
) -> NDArray[np.float64]:
    """Panels of each pair, ascending: an even grid, the kinks of σ, and a grading about those of τ."""
    sigma, tau = activations
    panels = int(np.ceil(2 * _RADIUS * max(1.0, float(np.maximum(s, t).max()) / 2)))
    edges = [np.broadcast_to(np.linspace(-_RADIUS, _RADIUS, panels + 1), (len(s), panels + 1))]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        edges += [((kink - b) / s)[:, None] for kink in sigma.kinks]
        widths = np.clip(np.nan_to_num(gamma / np.abs(rho), nan=1.0), _FINEST, 1.0)
        levels = int(np.clip(np.ceil(-np.log2(widths.min())), 0, _MOST_LEVELS))
        reach = np.concatenate([[0.0], 2.0 ** np.arange(levels + 1)])
        reach = np.concatenate([-reach[:0:-1], reach])
        edges += [((kink - c) / (t * rho))[:, None] + widths[:, None] * reach for kink in tau.kinks]
    return np.sort(np.clip(np.nan_to_num(np.concatenate(edges, axis=1)), -_RADIUS, _RADIUS), axis=1)
