"""Inputs of any mean and covariance, brought to mean 0 and covariance 1 for the search."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.refine import UnitsProblem
from twolayer.refine.problem import Matrix, Vector

__all__ = ["Whitening", "whitening_of"]

_GOOD_ENOUGH = 4.0  # eigenvalues of the second moment within this factor of 1, sampling error aside, need no whitening
_NULL = 1e-12


@dataclass(frozen=True)
class Whitening:
    r"""The affine map :math:`x \mapsto A(x - \mu)`, μ = 0 where there are no biases to make up for it.

    For x ~ N(μ, Σ) and A = Σ^{-1/2} the result is standard Gaussian, the setting of the theory (zhong2017recovery,
    section 3, suggests it). Directions in which the inputs do not vary are sent to 0.

    Attributes
    ----------
    mean : array, shape (d,)
    A : array, shape (d, d)
    """

    mean: Vector
    A: Matrix

    def done(self, X: NDArray) -> Matrix:
        """The rows of `X`, mapped."""
        return (X - self.mean) @ self.A.T

    def undone(self, problem: UnitsProblem, z: Vector) -> Vector:
        """Parameters on the inputs as they are that make the network which `z` is on the mapped ones."""
        v, theta = problem.units(z)
        d = problem.X.shape[1]
        rows = theta.copy()
        rows[:, :d] = theta[:, :d] @ self.A
        if problem.has_bias:
            rows[:, d] -= rows[:, :d] @ self.mean
        return problem.join(rows, v, constant=problem.constant(z))


def whitening_of(X: NDArray, has_bias: bool) -> Whitening | None:
    """The map that whitens some rows, or None where they are white enough as they are."""
    n, d = X.shape
    mean = X.mean(axis=0, dtype=np.float64) if has_bias else np.zeros(d)
    second = (X.T @ X).astype(np.float64) / n - np.outer(mean, mean)
    values, vectors = np.linalg.eigh(second)
    slack = (1 + np.sqrt(d / n)) ** 2
    low = _GOOD_ENOUGH * slack if n <= 4 * d else _GOOD_ENOUGH / (1 - np.sqrt(d / n)) ** 2
    if values[-1] <= _GOOD_ENOUGH * slack and values[0] >= 1 / low and mean @ mean <= d:
        return None
    kept = values > _NULL * max(values[-1], 1e-300)
    scale = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return Whitening(mean, (vectors * scale) @ vectors.T)
