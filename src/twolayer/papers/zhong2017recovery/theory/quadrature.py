r"""Rules for Gaussian expectations of an activation and its derivatives, on the line and in a plane."""

from functools import lru_cache

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.hermite import gaussian_panels

__all__ = ["line_rule", "plane_rule"]

_REACH = 10.0  # where the Gaussian has died
_ARC_NODES = 24  # of Gauss and Legendre, for what is smooth on an arc of the circle
_MOST_ON_A_LINE, _MOST_IN_A_PLANE = 1 << 17, 1 << 23  # nodes: of 129 scales of a line, or of one plane, half a GiB
_FINEST = 1e-200  # of a panel about a kink: beyond, its inverse overflows


@lru_cache(maxsize=1024)
def line_rule(sigma: Activation, scale: float) -> tuple[NDArray, NDArray]:
    """Nodes and weights (N,) for E[F(z)], z ~ N(0, 1), where F is made of σ and its derivatives at scale·z and of z.

    Smooth σ: the trapezoid rule. Others: panels between the kinks.
    """
    if not sigma.is_smooth:
        return gaussian_panels(
            4, {0.0, *(kink / scale for kink in sigma.kinks)}, width=max(_FINEST, min(1.0, 1 / scale))
        )
    nodes = _trapezoid(sigma, scale)
    weights = np.exp(-nodes * nodes / 2)
    return nodes, weights / weights.sum()


def plane_rule(sigma: Activation, u: NDArray, w: NDArray) -> tuple[NDArray, NDArray]:
    """Nodes (N, 2) and weights (N,) for E[F(g)], g ~ N(0, I_2), F made of σ, σ', σ'' at u·g and w·g and of g.

    Smooth σ: the trapezoid rule, which converges exponentially for analytic integrands. Homogeneous σ with its kink at
    0: F is homogeneous in the radius, and in the angle a trigonometric polynomial between the four directions in which
    u·g or w·g is zero.
    """
    if sigma.is_smooth:
        norm = float(max(np.hypot(*u), np.hypot(*w)))
        x = _trapezoid(sigma, norm)
        if len(x) ** 2 > _MOST_IN_A_PLANE:
            raise _too_steep(sigma, norm)
        nodes = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
        squares = np.einsum("na,na->n", nodes, nodes)
        nodes, weights = nodes[squares <= _REACH**2], np.exp(-squares[squares <= _REACH**2] / 2)
        return nodes, weights / weights.sum()
    if sigma.degree is None or sigma.degree % 1:
        raise InputError(f"no quadrature for {sigma}: it has kinks and is not homogeneous of an integer degree")
    zeros = [np.arctan2(v[1], v[0]) + side for v in (u, w) if v.any() for side in (-np.pi / 2, np.pi / 2)]
    cuts = np.unique(np.mod(zeros or [0.0], 2 * np.pi))
    half = np.diff(np.append(cuts, cuts[0] + 2 * np.pi))[:, None] / 2
    unit_nodes, unit_weights = scipy.special.roots_legendre(_ARC_NODES)
    angles, arcs = (cuts[:, None] + half * (1 + unit_nodes)).ravel(), (half * unit_weights).ravel() / (2 * np.pi)
    squares, shares = scipy.special.roots_laguerre(int(sigma.degree) + 2)
    radii = np.sqrt(2 * squares)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return (radii[:, None, None] * circle).reshape(-1, 2), np.outer(shares, arcs).ravel()


@lru_cache(maxsize=64)
def _trapezoid(sigma: Activation, scale: float) -> NDArray:
    """Equidistant points, fine enough that a finer step no longer changes E of σ², σ'² and σσ''g² at this scale."""
    scale = max(1.0, scale)
    step = 0.3 / scale
    if 2 * _REACH / step > _MOST_ON_A_LINE:
        raise _too_steep(sigma, scale)
    coarse = _energies(sigma, scale, step)
    for _ in range(10):
        fine = _energies(sigma, scale, step / 1.5)
        if np.all(np.abs(coarse - fine) <= 1e-13 * np.abs(fine).max()):
            return _points(step)
        step, coarse = step / 1.5, fine
        if 2 * _REACH / step > _MOST_ON_A_LINE:
            raise _too_steep(sigma, scale)
    raise InputError(f"no quadrature for {sigma}: it passes for smooth but varies on a scale below {step * scale:.1g}")


def _too_steep(sigma: Activation, norm: float) -> InputError:
    return InputError(
        f"weights of norm {norm:.3g} make {sigma} too steep for the quadrature: give the inputs another unit"
    )


def _energies(sigma: Activation, scale: float, step: float) -> NDArray:
    g = _points(step)
    weights = np.exp(-g * g / 2)
    value, slope, curvature = sigma(scale * g), sigma.derivative(scale * g), sigma.second_derivative(scale * g)
    return np.array([value**2, slope**2, value * curvature * g**2]) @ (weights / weights.sum())


def _points(step: float) -> NDArray:
    count = int(np.ceil(_REACH / step))
    return step * np.arange(-count, count + 1)
