r"""Population risk (3) under Gaussian inputs, its gradient and its Hessian in the first layer's weights.

All are sums over pairs of units of Gaussian integrals in the plane of the two weight vectors:

.. math:: f_{\mathcal D}(W) = \tfrac12 \sum_{i,l} c_i c_l\, \mathbb E[\sigma(u_i \cdot x)\,\sigma(u_l \cdot x)],

the u being the rows of W with c = v and the rows of W* with c = −v*. A pair's integrals are found by one rule of nodes
in its plane, right to rounding: see ``plane_rule``.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.zhong2017recovery.theory.activations import derivative_jumps
from twolayer.papers.zhong2017recovery.theory.quadrature import plane_rule

__all__ = ["population_gradient", "population_hessian", "population_risk"]


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
    flat = hessian.reshape(m * d, m * d)
    return (flat + flat.T) / 2


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
    nodes, weights = plane_rule(sigma, u, w)
    return _Plane(frame, nodes, weights, u, w)
