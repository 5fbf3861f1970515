r"""Least squares over weights and factors: :math:`\min \tfrac12 \|T - \sum_i \lambda_i u_i^{\otimes p}\|_F^2`."""

from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from twolayer.decompose.damped_gauss_newton import conjugate_gradients, damped_gauss_newton
from twolayer.decompose.symmetric_sum import contract_all_but_one, unit_rows
from twolayer.symtensor import rank_one_sum

__all__ = ["SumFit", "fit_sum"]

_FEW_PARAMETERS = 800
_ROUNDING = 1e-15
_INNER_STEPS = 100


def fit_sum(
    T: NDArray,
    weights: NDArray,
    factors: NDArray,
    *,
    max_steps: int,
    rtol: float = 1e-10,
    damping: float = 1.0,
    ridge: float = 0.0,
) -> tuple["SumFit", bool]:
    """Descend from given weights and factors by damped Gauss-Newton; also whether it settled."""
    floor = 0.5 * (_ROUNDING * float(np.linalg.norm(T))) ** 2
    start = SumFit(T, weights, factors, ridge)
    return damped_gauss_newton(start, SumFit.trial, max_steps=max_steps, rtol=rtol, floor=floor, damping=damping)


class SumFit:
    r"""Weights and unit factors, and the Gauss-Newton step from there.

    The rows of a step are :math:`(\delta\lambda_i, \delta u_i)`, shape (r, 1 + d). The normal matrix of these variables
    comes from inner products of factors alone, :math:`g_{ij} = u_i \cdot u_j`:

    .. math:: H_{\lambda_i \lambda_j} = g_{ij}^p, \quad H_{\lambda_i u_j} = p \lambda_j g_{ij}^{p-1} u_i, \quad
        H_{u_i u_j} = p \lambda_i \lambda_j \bigl(g_{ij}^{p-1} I + (p - 1) g_{ij}^{p-2} u_j u_i^\top\bigr).

    It is singular along :math:`\delta u_i \parallel u_i`, which rescales λ_i only; the term
    :math:`p \lambda_i^2 u_i u_i^\top` added to block i makes the step orthogonal to that and changes nothing else.

    An optional ridge adds :math:`\tfrac12 \rho \sum_i \lambda_i^2` to the cost.
    """

    def __init__(self, T: NDArray, weights: NDArray, factors: NDArray, ridge: float = 0.0):
        self.T, self.ridge = T, ridge
        norms = np.linalg.norm(factors, axis=1)
        self.weights = weights * norms**T.ndim
        self.factors = unit_rows(factors)
        self.left_over = T - rank_one_sum(self.weights, self.factors, T.ndim)
        misfit = float(np.vdot(self.left_over, self.left_over))
        self.cost = 0.5 * (misfit + ridge * float(self.weights @ self.weights))

    @cached_property
    def descent(self) -> NDArray:
        """Minus the derivative of the cost, shape (r, 1 + d)."""
        image = contract_all_but_one(self.left_over, self.factors)
        along = np.einsum("ia,ia->i", image, self.factors)
        from_weights = along - self.ridge * self.weights
        return np.column_stack([from_weights, self.T.ndim * self.weights[:, None] * image])

    def trial(self, damping: float) -> tuple["SumFit", float]:
        """One damped step: the fit there, and the decrease that the linear model predicts."""
        scale = np.ones_like(self.descent)
        squares = self.weights**2
        scale[:, 1:] = self.T.ndim * np.maximum(squares, 1e-6 * squares.mean())[:, None]
        solve = self._factored if self.descent.size <= _FEW_PARAMETERS else self._iterated
        step = solve(damping * scale, scale)
        predicted = 0.5 * float(np.vdot(step, self.descent + damping * scale * step))
        return SumFit(self.T, self.weights + step[:, 0], self.factors + step[:, 1:], self.ridge), predicted

    def _factored(self, shift: NDArray, scale: NDArray) -> NDArray:
        H = self._normal_matrix() + self._gauge(scale)
        H[np.diag_indices_from(H)] += shift.ravel()
        try:
            factor = cho_factor(H, overwrite_a=True)
        except LinAlgError:  # indefinite by rounding: more damping will do
            return np.zeros_like(shift)
        return cho_solve(factor, self.descent.ravel()).reshape(shift.shape)

    def _iterated(self, shift: NDArray, scale: NDArray) -> NDArray:
        p, gram = self.T.ndim, self.factors @ self.factors.T
        by_weight = cho_factor(gram**p + np.diag(shift[:, 0] + self.ridge + 1e-12))
        outer = p * np.outer(self.weights, self.weights) * gram ** (p - 1)
        by_factor = cho_factor(outer + np.diag(shift[:, 1] + 1e-12 * scale[:, 1]))

        def precondition(rows: NDArray) -> NDArray:
            return np.column_stack([cho_solve(by_weight, rows[:, 0]), cho_solve(by_factor, rows[:, 1:])])

        def product(rows: NDArray) -> NDArray:
            along = np.einsum("ia,ia->i", rows[:, 1:], self.factors)
            image = self._normal_product(rows) + shift * rows
            image[:, 1:] += (scale[:, 1] * along)[:, None] * self.factors
            return image

        return conjugate_gradients(product, self.descent, precondition, rtol=1e-3, max_steps=_INNER_STEPS)

    def _normal_matrix(self) -> NDArray:
        p, U, weights = self.T.ndim, self.factors, self.weights
        r, d = U.shape
        gram = U @ U.T
        H = np.empty((r, 1 + d, r, 1 + d))
        H[:, 0, :, 0] = gram**p + self.ridge * np.eye(r)
        H[:, 0, :, 1:] = (p * weights * gram ** (p - 1))[:, :, None] * U[:, None, :]
        H[:, 1:, :, 0] = H[:, 0, :, 1:].transpose(1, 2, 0)
        pairs = p * np.outer(weights, weights)
        H[:, 1:, :, 1:] = np.einsum("ij,ja,ib->iajb", (p - 1) * pairs * gram ** (p - 2), U, U)
        H[:, range(1, 1 + d), :, range(1, 1 + d)] += pairs * gram ** (p - 1)
        return H.reshape(r * (1 + d), -1)

    def _normal_product(self, rows: NDArray) -> NDArray:
        p, U, weights = self.T.ndim, self.factors, self.weights
        gram = U @ U.T
        moved = weights[:, None] * rows[:, 1:]
        along = U @ moved.T  # u_i · λ_j δu_j
        image = np.empty_like(rows)
        image[:, 0] = gram**p @ rows[:, 0] + self.ridge * rows[:, 0] + p * np.sum(gram ** (p - 1) * along, axis=1)
        mixed = rows[:, 0] * gram ** (p - 1) + (p - 1) * gram ** (p - 2) * along
        image[:, 1:] = p * weights[:, None] * (mixed @ U + gram ** (p - 1) @ moved)
        return image

    def _gauge(self, scale: NDArray) -> NDArray:
        U = self.factors
        r, d = U.shape
        G = np.zeros((r, 1 + d, r, 1 + d))
        i = np.arange(r)
        G[i, 1:, i, 1:] = scale[:, 1, None, None] * U[:, :, None] * U[:, None, :]
        return G.reshape(r * (1 + d), -1)
