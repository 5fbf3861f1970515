r"""Least squares over all slices at once: :math:`\min_{A, D} \tfrac12 \sum_l \|C_l - A D_l A^\top\|_F^2`."""

from functools import cached_property

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import NDArray

from twolayer.decompose.damped_gauss_newton import damped_gauss_newton
from twolayer.decompose.symmetric_sum import unit_rows
from twolayer.solvers import conjugate_gradients

__all__ = ["SliceFit", "fit_slices"]


def fit_slices(
    C: NDArray, A: NDArray, *, max_steps: int = 60, rtol: float = 1e-9, damping: float = 1e-3
) -> tuple["SliceFit", bool]:
    r"""Best A and D near a given A, by Gauss-Newton with D eliminated.

    The diagonals of least misfit for given A solve
    :math:`\Gamma D_l = (a_i^\top C_l a_i)_i`, :math:`\Gamma = (A^\top A)^{\circ 2}`. Gauss-Newton is applied to what is
    left, a function of A alone: its matrix is the Schur complement of Γ, used through products of ``O(k**2 (k + L))``
    in conjugate gradients, preconditioned with the normal matrix :math:`2\,(A^\top A \circ D^\top D) \otimes I` of
    alternating least squares.

    Parameters
    ----------
    C : array, shape (L, k, k)
        Symmetric slices.
    A : array, shape (k, r)
        Where to start; r may be above k.
    max_steps : int
    rtol : float
        Settled when a step lowers the sum of squares by less than this share.
    damping : float
        The first, of the diagonal of the normal matrix: small, as the start is near.

    Returns
    -------
    fit : SliceFit
    is_settled : bool

    Notes
    -----
    ``O(L k**3)`` a step, some 5 to 20 of them. It reaches the noise level where estimating equations in
    :math:`A^{-1}` do not, for ill-conditioned A. It fails by stopping at a local minimum.
    """
    floor = 0.5 * (1e-15 * float(np.linalg.norm(C))) ** 2  # a residual that is rounding
    return damped_gauss_newton(
        SliceFit(C, A), SliceFit.trial, max_steps=max_steps, rtol=rtol, floor=floor, damping=damping
    )


class SliceFit:
    """Slices, unit columns A and the diagonals D that fit best."""

    def __init__(self, C: NDArray, A: NDArray):
        self.C = C
        self.A = unit_rows(A.T).T
        self.gram = self.A.T @ self.A
        squared = self.gram**2
        ridge = 1e-13 * len(squared)  # rounding of Γ, without which parallel columns cannot be factored
        self._gamma = scipy.linalg.cho_factor(squared + ridge * np.eye(len(squared)), check_finite=False)[0]
        self.D = np.zeros((len(C), self.A.shape[1]))
        self.left_over, self.cost = C, 0.5 * float(np.vdot(C, C))
        self._add_best_diagonals()
        if self.cost < 1e-8 * np.vdot(C, C):  # nearly exact: take back the rounding and the ridge
            self._add_best_diagonals()
            self._add_best_diagonals()

    def _add_best_diagonals(self) -> None:
        """Fit D to what is left over."""
        self.D = self.D + self._solve_gamma(np.einsum("ar,lar->lr", self.A, self.left_over @ self.A))
        self.left_over = self.C - (self.A * self.D[:, None, :]) @ self.A.T
        self.cost = 0.5 * float(np.vdot(self.left_over, self.left_over))

    @property
    def residual(self) -> float:
        """Relative Frobenius norm of what is left over."""
        return float(np.sqrt(2 * self.cost) / np.linalg.norm(self.C))

    @cached_property
    def gradient(self) -> NDArray:
        """Derivative of the cost along A; that along D is zero."""
        return -2 * np.einsum("lar,lr->ar", self.left_over @ self.A, self.D)

    @cached_property
    def weights_gram(self) -> NDArray:
        """Inner products of the columns of D."""
        return self.D.T @ self.D

    def trial(self, damping: float) -> tuple["SliceFit", float]:
        """One damped step: the fit there, and the decrease that the linear model predicts."""
        normal = 2 * self.gram * self.weights_gram
        scale = np.maximum(normal.diagonal(), 1e-12 * normal.trace())
        factor = scipy.linalg.cho_factor(normal + np.diag((damping + 1e-13) * scale), check_finite=False)[0]

        step = conjugate_gradients(
            lambda P: self._schur_product(P) + damping * scale * P,
            -self.gradient,
            lambda G: scipy.linalg.lapack.dpotrs(factor, G.T)[0].T,
            1e-4,  # a residual of a hundredth: each step has its gain measured anyway
            60,
        )
        return SliceFit(self.C, self.A + step), -0.5 * float(np.vdot(self.gradient, step))

    def _schur_product(self, P: NDArray) -> NDArray:
        r"""The Gauss-Newton matrix with D eliminated, times P (k, r)."""
        A, D, gram = self.A, self.D, self.gram
        along = A.T @ P
        direct = 2 * (P @ (gram * self.weights_gram) + A @ (self.weights_gram * along.T))
        moved = self._solve_gamma(2 * D @ (gram * along).T)
        return direct - 2 * A @ (gram * (moved.T @ D))

    def _solve_gamma(self, rows: NDArray) -> NDArray:
        solved: NDArray = scipy.linalg.lapack.dpotrs(self._gamma, rows.T)[0].T
        return solved
