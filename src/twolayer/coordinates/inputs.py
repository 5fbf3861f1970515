"""Other inputs to search on: whitened ones, and the few directions that the second moment points to."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.model import UnitsProblem
from twolayer.model.problem import Matrix, Vector
from twolayer.moments import SecondMoment
from twolayer.rows import row_blocks

__all__ = ["ChangeOfInputs", "principal_inputs", "span_of_units", "whitening_of"]

_GOOD_ENOUGH = 4.0  # eigenvalues of the second moment within this factor of 1, sampling error aside, need no whitening
_NULL = 1e-12
_LEAST_REDUCTION = 2


@dataclass(frozen=True)
class ChangeOfInputs:
    r"""The affine map :math:`x \mapsto A(x - \mu)`.

    Attributes
    ----------
    mean : array, shape (d,)
        The μ, in float64; 0 where there are no biases to make up for it.
    A : array, shape (e, d)
    """

    mean: Vector
    A: Matrix

    def done(self, X: NDArray) -> Matrix:
        """The rows of `X`, mapped."""
        return (X - self.mean) @ self.A.T if self.mean.any() else X @ self.A.T

    def undone(self, source: UnitsProblem, z: Vector, target: UnitsProblem) -> Vector:
        """Parameters of `target`, on the inputs as they are, for the model that `z` is of `source`, on mapped ones.

        What `source` has of the lift must be in `target` too, or is left out.
        """
        v, theta = source.units(z)
        quadratic = source.quadratic_form(z) if source.has_quadratic else None
        linear = self._rows_undone(source.linear_part(z)[None])[0] if source.has_linear_row else None
        constant = source.constant(z)
        return target.join(self._rows_undone(theta), v, linear=linear, quadratic=quadratic, constant=constant)

    def _rows_undone(self, mapped: Matrix) -> Matrix:
        """Rows θ with θ·x̃ what the mapped rows make of A(x - μ)."""
        e = len(self.A)
        rows = mapped[:, :e] @ self.A
        return np.column_stack([rows, mapped[:, e:] - (rows @ self.mean)[:, None]]) if mapped.shape[1] > e else rows


def whitening_of(X: NDArray, has_bias: bool) -> ChangeOfInputs | None:
    r"""The map that whitens some rows, or None where they are white enough as they are.

    For x ~ N(μ, Σ) and A = Σ^{-1/2} the result is standard Gaussian, the setting of the theory (zhong2017recovery,
    section 3, suggests it). Directions in which the inputs do not vary are sent to 0.
    """
    n, d = X.shape
    mean = X.mean(axis=0, dtype=np.float64) if has_bias else np.zeros(d)
    second = np.zeros((d, d))
    for rows in row_blocks(X):
        centred = X[rows] - mean
        second += centred.T @ centred
    second /= n
    values, vectors = np.linalg.eigh(second)
    slack = (1 + np.sqrt(d / n)) ** 2
    low = _GOOD_ENOUGH * slack if n <= 4 * d else _GOOD_ENOUGH / (1 - np.sqrt(d / n)) ** 2
    if values[-1] <= _GOOD_ENOUGH * slack and values[0] >= 1 / low and mean @ mean <= d:
        return None
    kept = values > _NULL * max(values[-1], 1e-300)
    scale = np.where(kept, 1 / np.sqrt(np.where(kept, values, 1.0)), 0.0)
    return ChangeOfInputs(mean, (vectors * scale) @ vectors.T)


def principal_inputs(spectrum: SecondMoment, width: int) -> tuple[ChangeOfInputs, SecondMoment] | None:
    """Projection to the leading eigenvectors of T_2, and the spectrum there; None where it would not halve the inputs.

    For Gaussian inputs the span of the units is that of T_2, so that a network of `width` units sees nothing else; of
    n samples, the eigenvectors know it to within O(√(d/n)) of what the labels have besides.
    """
    d = len(spectrum.values)
    if _LEAST_REDUCTION * width > d:
        return None
    V = spectrum.vectors[:, :width]
    affine = np.r_[spectrum.affine[:d] @ V, spectrum.affine[d]]
    return (
        ChangeOfInputs(np.zeros(d), V.T.copy()),
        SecondMoment(spectrum.values[:width], np.eye(width), affine, spectrum.rest),
    )


def span_of_units(rows: Matrix) -> ChangeOfInputs:
    """Projection to the span of the units of a fit, rows of shape (m, d) with m ≤ d."""
    basis = np.linalg.svd(rows, full_matrices=False)[2]
    return ChangeOfInputs(np.zeros(rows.shape[1]), basis)
