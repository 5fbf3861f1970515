r"""Population risk (3) under Gaussian inputs, its gradient and its Hessian in the first layer's weights.

All are sums over pairs of units of Gaussian integrals in the plane of the two weight vectors:

.. math:: f_{\mathcal D}(W) = \tfrac12 \sum_{i,l} c_i c_l\, \mathbb E[\sigma(u_i \cdot x)\,\sigma(u_l \cdot x)],

the u being the rows of W with c = v and the rows of W* with c = −v*. A pair's integrals are found by one rule of nodes
in its plane, right to rounding: see `_plane_rule`.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy.special import roots_laguerre, roots_legendre

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.theory.zhong2017recovery.activations import derivative_jumps

__all__ = ["population_gradient", "population_hessian", "population_risk"]

_REACH = 10.0  # where the Gaussian has died
_ARC_NODES = 24


def population_risk(network: TwoLayerNetwork, teacher: TwoLayerNetwork) -> float:
    r"""Population risk :math:`f_{\mathcal D}(W) = \frac12\,\mathbb E_{x \sim N(0,I)}[(f(x) - f^*(x))^2]`, equation (3).

    Parameters
    ----------
    network, teacher : TwoLayerNetwork
        The f, with weights W, and the f*, with weights W*. Of one activation and dimension, without biases or
        polynomial parts; widths and output weights may differ.

    Returns
    -------
    float
        Not below zero but for rounding, which is about 1e-15 of :math:`\sum_{il}|c_i c_l|\,\mathbb E|\sigma\sigma|`.

    Raises
    ------
    InputError
        If the networks are not such, or σ has kinks without being homogeneous (no rule for it).

    Notes
    -----
    One plane rule a pair: some 200 nodes where σ has kinks and is homogeneous, some 4 000 max(1, ‖w‖²) where it is
    smooth. (m + m*)² pairs.

    References
    ----------
    .. [1] zhong2017recovery, equation (3)
    """
    units, weights = _units(network, teacher)
    total = 0.0
    for i, j in np.ndindex(len(units), len(units)):
        if j >= i:
            plane = _plane(network.activation, units[i], units[j])
            share = plane.mean(network.activation(plane.first) * network.activation(plane.second))
            total += (0.5 if i == j else 1.0) * weights[i] * weights[j] * share
    return total


def population_gradient(network: TwoLayerNetwork, teacher: TwoLayerNetwork) -> NDArray:
    r"""Gradient of `population_risk` in W.

    .. math:: \frac{\partial f_{\mathcal D}}{\partial w_j} = v_j\,\mathbb E[(f(x) - f^*(x))\,\sigma'(w_j \cdot x)\,x].

    Parameters, errors and cost are those of `population_risk`.

    Returns
    -------
    array, shape (m, d)
    """
    sigma, (units, weights) = network.activation, _units(network, teacher)
    gradient = np.zeros_like(network.W)
    for j, w in enumerate(network.W):
        for u, c in zip(units, weights, strict=True):
            plane = _plane(sigma, u, w)
            gradient[j] += c * network.a[j] * plane.vector(sigma(plane.first) * sigma.derivative(plane.second))
    return gradient


def population_hessian(network: TwoLayerNetwork, teacher: TwoLayerNetwork) -> NDArray:
    r"""Hessian of `population_risk` in W.

    .. math:: \frac{\partial^2 f_{\mathcal D}}{\partial w_j \partial w_l} =
        \mathbb E\bigl[\bigl( v_j v_l\,\sigma'(w_j \cdot x)\,\sigma'(w_l \cdot x)
        + \delta_{jl}\,v_j\,(f(x) - f^*(x))\,\sigma''(w_j \cdot x) \bigr)\,xx^\top\bigr].

    Where σ' jumps (ReLU), σ'' holds a Dirac, whose share is an integral over the hyperplane w_j·x = 0 and is included;
    at W = W* it is zero, like all of the second term.

    Parameters and errors are those of `population_risk`.

    Returns
    -------
    array, shape (m d, m d)
        Symmetric; entry (j d + a, l d + b) belongs to W[j, a] and W[l, b].

    Raises
    ------
    InputError
        Besides, if σ' jumps at the origin and a row of W is zero: there the risk is not differentiable.

    Notes
    -----
    Time beyond the pairs' O(m² d² + m (m + m*) d²). Exact for W other than W*, but close to a collinear pair of
    different units the second derivatives of a kinked σ vary quickly, as they do in truth.
    """
    sigma, (units, weights) = network.activation, _units(network, teacher)
    jumps = derivative_jumps(sigma)
    if jumps and not network.W.any(axis=1).all():
        raise InputError(f"the population risk of {sigma} has no Hessian where a row of W is zero, and one is")
    m, d = network.W.shape
    hessian = np.zeros((m, d, m, d))
    for i, j in np.ndindex(m, m):
        plane = _plane(sigma, network.W[i], network.W[j])
        slopes = sigma.derivative(plane.first) * sigma.derivative(plane.second)
        hessian[i, :, j] += network.a[i] * network.a[j] * plane.matrix(slopes)
    for j, w in enumerate(network.W):
        for u, c in zip(units, weights, strict=True):
            plane = _plane(sigma, u, w)
            curvature = plane.matrix(sigma(plane.first) * sigma.second_derivative(plane.second))
            for _, jump in jumps:
                curvature += jump * plane.crease(sigma)
            hessian[j, :, j] += c * network.a[j] * curvature
    hessian = hessian.reshape(m * d, m * d)
    return (hessian + hessian.T) / 2


@dataclass(frozen=True)
class _Plane:
    """The plane of two vectors u and w of R^d, with a rule for Gaussian expectations in it.

    `frame` (2, d) is an orthonormal basis, its first row along w; `nodes` (N, 2) and `weights` (N,) are the rule;
    `first` and `second` are u·x and w·x at the nodes.
    """

    frame: NDArray
    nodes: NDArray
    weights: NDArray
    u: NDArray
    w: NDArray

    @property
    def first(self) -> NDArray:
        return self.nodes @ self.u

    @property
    def second(self) -> NDArray:
        return self.nodes @ self.w

    def mean(self, values: NDArray) -> float:
        """E[F] from F at the nodes."""
        return float(self.weights @ values)

    def vector(self, values: NDArray) -> NDArray:
        """E[F x], in R^d."""
        return (self.weights * values) @ self.nodes @ self.frame

    def matrix(self, values: NDArray) -> NDArray:
        """E[F x xᵀ], in R^(d×d): outside the plane, x is independent of F."""
        inside = (self.nodes.T * (self.weights * values)) @ self.nodes
        return self._embedded(inside, self.mean(values))

    def crease(self, sigma: Activation) -> NDArray:
        r"""E[σ(u·x) δ(w·x) x xᵀ]: over the hyperplane w·x = 0, which the plane meets in its second axis."""
        zeroth, _, second = sigma.hermite_coefficients(2, abs(float(self.u[1])))
        across = second + zeroth  # E[σ(sg) g²], the same for either sign of s
        density = 1 / (np.sqrt(2 * np.pi) * float(self.w[0]))
        return density * self._embedded(np.diag([0.0, across]), float(zeroth))

    def _embedded(self, inside: NDArray, outside: float) -> NDArray:
        return self.frame.T @ (inside - outside * np.eye(2)) @ self.frame + outside * np.eye(self.frame.shape[1])


def _units(network: TwoLayerNetwork, teacher: TwoLayerNetwork) -> tuple[NDArray, NDArray]:
    """Rows u and weights c of the difference f − f*, as one network."""
    for one in (network, teacher):
        if one.has_bias or one.polynomial is not None:
            raise InputError("the population risk is for networks without biases and polynomial part, but one has such")
    if network.activation != teacher.activation or network.dim != teacher.dim:
        raise InputError(
            f"network and teacher must share activation and dimension, found {network.activation} in {network.dim} and "
            f"{teacher.activation} in {teacher.dim} dimensions"
        )
    return np.concatenate([network.W, teacher.W]), np.concatenate([network.a, -teacher.a])


def _plane(sigma: Activation, u: NDArray, w: NDArray) -> _Plane:
    """The plane of u and w. Where they are collinear the second axis of the frame is zero: nothing is needed there."""
    frame = np.zeros((2, len(w)))
    lead = w if w.any() else u
    if lead.any():
        frame[0] = lead / np.linalg.norm(lead)
    across = u - (u @ frame[0]) * frame[0]
    across -= (across @ frame[0]) * frame[0]
    if np.linalg.norm(across) > 8 * np.finfo(float).eps * np.linalg.norm(u):
        frame[1] = across / np.linalg.norm(across)
    u, w = frame @ u, np.array([np.linalg.norm(w), 0.0])
    nodes, weights = _plane_rule(sigma, u, w)
    return _Plane(frame, nodes, weights, u, w)


def _plane_rule(sigma: Activation, u: NDArray, w: NDArray) -> tuple[NDArray, NDArray]:
    """Rule for E[F(g)], g ~ N(0, I_2), where F is made of σ, σ', σ'' at u·g and w·g and of g.

    Smooth σ: the trapezoid rule, which converges exponentially for analytic integrands. Homogeneous σ with its kink at
    0: F is homogeneous in the radius, and in the angle a trigonometric polynomial between the four directions in which
    u·g or w·g is zero.
    """
    if sigma.is_smooth:
        x = _trapezoid(sigma, float(max(1.0, np.hypot(*u), np.hypot(*w))))
        nodes = np.stack(np.meshgrid(x, x, indexing="ij"), axis=-1).reshape(-1, 2)
        squares = np.einsum("na,na->n", nodes, nodes)
        nodes, weights = nodes[squares <= _REACH**2], np.exp(-squares[squares <= _REACH**2] / 2)
        return nodes, weights / weights.sum()
    if sigma.degree is None or sigma.degree % 1:
        raise InputError(f"no quadrature for {sigma}: it has kinks and is not homogeneous of an integer degree")
    zeros = [np.arctan2(v[1], v[0]) + side for v in (u, w) if v.any() for side in (-np.pi / 2, np.pi / 2)]
    cuts = np.unique(np.mod(zeros or [0.0], 2 * np.pi))
    half = np.diff(np.append(cuts, cuts[0] + 2 * np.pi))[:, None] / 2
    unit_nodes, unit_weights = roots_legendre(_ARC_NODES)
    angles, arcs = (cuts[:, None] + half * (1 + unit_nodes)).ravel(), (half * unit_weights).ravel() / (2 * np.pi)
    squares, shares = roots_laguerre(int(sigma.degree) + 2)
    radii = np.sqrt(2 * squares)
    circle = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return (radii[:, None, None] * circle).reshape(-1, 2), np.outer(shares, arcs).ravel()


@lru_cache(maxsize=64)
def _trapezoid(sigma: Activation, scale: float) -> NDArray:
    """Equidistant points, fine enough that a finer step no longer changes E of σ², σ'² and σσ''g² at this scale."""
    step = 0.3 / scale
    coarse = _energies(sigma, scale, step)
    for _ in range(10):
        fine = _energies(sigma, scale, step / 1.5)
        if np.all(np.abs(coarse - fine) <= 1e-13 * np.abs(fine).max()):
            return _points(step)
        step, coarse = step / 1.5, fine
    raise InputError(f"no quadrature for {sigma}: it passes for smooth but varies on a scale below {step * scale:.1g}")


def _energies(sigma: Activation, scale: float, step: float) -> NDArray:
    g = _points(step)
    weights = np.exp(-g * g / 2)
    value, slope, curvature = sigma(scale * g), sigma.derivative(scale * g), sigma.second_derivative(scale * g)
    return np.array([value**2, slope**2, value * curvature * g**2]) @ (weights / weights.sum())


def _points(step: float) -> NDArray:
    count = int(np.ceil(_REACH / step))
    return step * np.arange(-count, count + 1)
