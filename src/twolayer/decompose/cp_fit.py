r"""Least squares over weights and factors: :math:`\min \tfrac12 \|T - \sum_i \lambda_i u_i^{\otimes p}\|_F^2`."""

from collections.abc import Callable
from functools import cached_property

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import NDArray

from twolayer.decompose.damped_gauss_newton import damped_gauss_newton
from twolayer.decompose.symmetric_sum import Target, unit_rows
from twolayer.solvers import conjugate_gradients

__all__ = ["RIDGES", "SumFit", "fit_sum", "ridge_stages"]

# Of the squared weights, beside a tensor of norm one: so much that terms which cancel are held back and others shrink
# by a quarter, which the next stages give back. Ten times less each time; still less holds nothing back.
RIDGES = (0.3, 0.03, 0.003)


def fit_sum(
    T: Target,
    weights: NDArray,
    factors: NDArray,
    *,
    max_steps: int,
    rtol: float = 1e-10,
    damping: float = 1.0,
    ridge: float = 0.0,
) -> tuple["SumFit", bool]:
    """Descend from given weights and factors by damped Gauss-Newton; also whether it settled."""
    start = SumFit(T, weights, factors, ridge)
    return damped_gauss_newton(
        start, SumFit.trial, max_steps=max_steps, rtol=rtol, floor=0.5 * T.floor, damping=damping
    )


def ridge_stages(
    T: Target, weights: NDArray, factors: NDArray, ridges: tuple[float, ...], max_steps: int
) -> tuple[NDArray, NDArray]:
    """Weights and factors after a rough descent under each ridge in turn.

    A stage ends where a step lowers the cost by less than a thousandth: the next one moves its minimum by more.
    """
    for ridge in ridges:
        fit, _ = fit_sum(T, weights, factors, max_steps=max_steps, rtol=1e-3, ridge=ridge)
        weights, factors = fit.weights, fit.factors
    return weights, factors


def normal_matrix(weights: NDArray, factors: NDArray, order: int) -> NDArray:
    r"""Inner products of the derivatives of the sum along all :math:`(\lambda_i, u_i)`, shape (r (1 + d), r (1 + d)).

    With :math:`g_{ij} = u_i \cdot u_j`, and blocks of one λ and d entries of u to a term:

    .. math:: H_{\lambda_i \lambda_j} = g_{ij}^p, \quad H_{\lambda_i u_j} = p \lambda_j g_{ij}^{p-1} u_i, \quad
        H_{u_i u_j} = p \lambda_i \lambda_j \bigl(g_{ij}^{p-1} I + (p - 1) g_{ij}^{p-2} u_j u_i^\top\bigr).

    They are singular along :math:`\delta u_i \parallel u_i`, which only rescales λ_i. So
    :math:`p \lambda_i^2 u_i u_i^\top` is added to the block of :math:`u_i, u_i`: steps become orthogonal to that
    direction, and nothing else changes.
    """
    r, d = factors.shape
    gram = factors @ factors.T
    pairs = order * np.outer(weights, weights)
    H = np.empty((r, 1 + d, r, 1 + d))
    H[:, 0, :, 0] = gram**order
    H[:, 0, :, 1:] = (order * weights * gram ** (order - 1))[:, :, None] * factors[:, None, :]
    H[:, 1:, :, 0] = H[:, 0, :, 1:].transpose(1, 2, 0)
    mixed = (order - 1) * pairs * gram ** (order - 2)
    H[:, 1:, :, 1:] = np.einsum("ij,ja,ib->iajb", mixed + np.diag(pairs.diagonal()), factors, factors)
    H[:, range(1, 1 + d), :, range(1, 1 + d)] += pairs * gram ** (order - 1)
    return H.reshape(r * (1 + d), -1)


def normal_product(weights: NDArray, factors: NDArray, order: int) -> Callable[[NDArray], NDArray]:
    """`normal_matrix` as a function of what it is to be multiplied with, shape (r, 1 + d): ``O(r**2 d)``."""
    gram = factors @ factors.T
    low = gram ** (order - 2)
    middle, high = low * gram, low * gram * gram
    scale = order * weights[:, None]

    def times(rows: NDArray) -> NDArray:
        moved = weights[:, None] * rows[:, 1:]
        along = factors @ moved.T  # u_i · λ_j δu_j
        mixed = rows[:, 0] * middle + (order - 1) * low * along
        own = along.diagonal()[:, None]
        image = np.empty_like(rows)
        image[:, 0] = high @ rows[:, 0] + order * np.einsum("ij,ij->i", middle, along)
        image[:, 1:] = scale * (mixed @ factors + middle @ moved + own * factors)
        return image

    return times


class SumFit:
    r"""Weights and unit factors, and the Gauss-Newton step from there.

    The rows of a step are :math:`(\delta\lambda_i, \delta u_i)`, shape (r, 1 + d); its equations are those of
    `normal_matrix`, damped. They are factored where they are few, else solved by conjugate gradients, preconditioned
    with the blocks of weights and of factors of alternating least squares.

    An optional ridge adds :math:`\tfrac12 \rho \sum_i \lambda_i^2` to the cost.
    """

    def __init__(self, T: Target, weights: NDArray, factors: NDArray, ridge: float = 0.0):
        self.T, self.ridge = T, ridge
        norms = np.linalg.norm(factors, axis=1)
        self.weights = weights * norms**T.order
        self.factors = unit_rows(factors)
        self.left_over = T.less(self.weights, self.factors)
        misfit = self.left_over.misfit
        self.cost = 0.5 * (misfit + ridge * float(self.weights @ self.weights))

    @cached_property
    def descent(self) -> NDArray:
        """Minus the derivative of the cost, shape (r, 1 + d)."""
        image = self.left_over.contracted(self.factors)
        along = np.einsum("ia,ia->i", image, self.factors)
        from_weights = along - self.ridge * self.weights
        return np.column_stack([from_weights, self.T.order * self.weights[:, None] * image])

    def trial(self, damping: float) -> tuple["SumFit", float]:
        """One damped step: the fit there, and the decrease that the linear model predicts."""
        scale = np.ones_like(self.descent)
        squares = self.weights**2
        scale[:, 1:] = self.T.order * np.maximum(squares, 1e-6 * squares.mean())[:, None]
        # up to here to factor is quicker than a hundred products
        solve = self._factored if self.descent.size <= 800 else self._iterated
        shift = damping * scale
        shift[:, 0] += self.ridge
        step = solve(shift)
        predicted = 0.5 * float(np.vdot(step, self.descent + damping * scale * step))
        return SumFit(self.T, self.weights + step[:, 0], self.factors + step[:, 1:], self.ridge), predicted

    def _factored(self, shift: NDArray) -> NDArray:
        H = normal_matrix(self.weights, self.factors, self.T.order)
        H[np.diag_indices_from(H)] += shift.ravel()
        try:
            factor = scipy.linalg.cho_factor(H, overwrite_a=True)
        except scipy.linalg.LinAlgError:  # indefinite by rounding: more damping will do
            return np.zeros_like(shift)
        return scipy.linalg.cho_solve(factor, self.descent.ravel()).reshape(shift.shape)

    def _iterated(self, shift: NDArray) -> NDArray:
        p, gram = self.T.order, self.factors @ self.factors.T
        outer = p * np.outer(self.weights, self.weights) * gram ** (p - 1)
        tiny = 1e-12  # of the diagonal: what is singular can be factored, and little else is changed
        by_weight = scipy.linalg.cho_factor(gram**p + np.diag(shift[:, 0] + tiny))
        by_factor = scipy.linalg.cho_factor(outer + np.diag(shift[:, 1] + tiny * outer.diagonal().max()))

        def precondition(rows: NDArray) -> NDArray:
            return np.column_stack(
                [
                    scipy.linalg.cho_solve(by_weight, rows[:, 0], check_finite=False),
                    scipy.linalg.cho_solve(by_factor, rows[:, 1:], check_finite=False),
                ]
            )

        product = normal_product(self.weights, self.factors, p)
        # solved to a thousandth: the linear model is not better than that but for the last steps
        return conjugate_gradients(lambda rows: product(rows) + shift * rows, self.descent, precondition, 1e-6, 100)
