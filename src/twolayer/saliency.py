r"""What leaving a part of a least-squares fit out costs, if all other parts may change to make up for it.

With J the Jacobian (or the values of terms that the model is linear in), :math:`H = J^\top J`, and u the present values
of the parameters that go, at a minimum

.. math:: \min_{\delta:\ \delta_S = -u} \|J\delta\|^2 = u^\top \bigl[(H^{-1})_{SS}\bigr]^{-1} u,

the saliency of the optimal brain surgeon [1]_. Every place that has to choose a unit or a term to leave out asks here.

.. [1] B. Hassibi, D. Stork, Second order derivatives for network pruning, NIPS 1992.
"""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_factor, cho_solve

__all__ = ["group_saliency", "inverse_gram", "saliency", "thinned"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def inverse_gram(H: Matrix, ridge: float = 1e-10) -> Matrix:
    """Inverse of a Gram matrix, its diagonal raised by a share of itself.

    The share is what makes the saliency of one of two equal parts about 0 instead of undefined: 1e-10 is far above the
    rounding of a sum of squares, and far below anything that matters of a unit.

    Parameters
    ----------
    H : array, shape (p, p)
        Symmetric, not negative; only the lower triangle is read. A part that is 0 everywhere has an inverse of 1/ridge.
    """
    diagonal = H.diagonal()
    scale = 1 / np.sqrt(np.maximum(diagonal, max(1e-12 * float(diagonal.max(initial=0.0)), 1e-150)))
    scaled = H * np.outer(scale, scale)
    scaled[np.diag_indices_from(scaled)] += ridge
    inverse: Matrix = cho_solve(cho_factor(scaled, lower=True), np.eye(len(H)), check_finite=False)
    return inverse * np.outer(scale, scale)


def saliency(H: Matrix, u: Vector | float = 1.0) -> Vector:
    r"""The cost :math:`u_i^2 / (H^{-1})_{ii}` of each single parameter, shape (p,)."""
    return np.asarray(u**2 / inverse_gram(H).diagonal())


def group_saliency(H: Matrix, groups: list[NDArray[np.intp]], u: list[Vector]) -> Vector:
    """The cost of each group of parameters, given by their places and present values.

    Notes
    -----
    O(p³) for the inverse.
    """
    inverse = inverse_gram(H)
    return np.array(
        [values @ np.linalg.solve(inverse[np.ix_(own, own)], values) for own, values in zip(groups, u, strict=True)]
    )


def thinned(
    values: Matrix, target: Vector, width: int, beside: Matrix | None = None
) -> tuple[NDArray[np.intp], Vector]:
    r"""Columns left out, one at a time, that the others replace best, and the coefficients of those that stay.

    With V the columns, :math:`H = V^\top V` and :math:`c = H^{-1} V^\top t`, leaving out column i costs
    :math:`c_i^2 / (H^{-1})_{ii}`. The least of these goes, H⁻¹ and c are updated by a rank-one formula, and so on.

    Parameters
    ----------
    values : array, shape (n, M)
    target : array, shape (n,)
        What the columns stand for together.
    width : int
        How many stay.
    beside : array, shape (n, r), optional
        Columns that the model has besides, and that stay: a constant, a linear part.

    Returns
    -------
    kept : array of int, shape (width,)
    coefficients : array, shape (width,)

    Notes
    -----
    O(n (M + r)²) once, and O((M + r)²) a column.
    """
    columns = values if beside is None else np.hstack([values, beside])
    H = columns.T @ columns
    inverse = inverse_gram(H)
    c, keep = inverse @ (columns.T @ target), np.arange(columns.shape[1])
    for count in range(values.shape[1], width, -1):
        least = int((c[:count] ** 2 / inverse.diagonal()[:count]).argmin())
        column = inverse[:, least] / inverse[least, least]
        stay = np.arange(len(keep)) != least
        c, inverse = (c - column * c[least])[stay], (inverse - np.outer(column, inverse[least]))[np.ix_(stay, stay)]
        keep = keep[stay]
    # the ridge has told equal columns apart, and is in no coefficient: those that stay are solved for without it
    stayed, solve = columns[:, keep], inverse_gram(H[np.ix_(keep, keep)])
    for _ in range(3):
        c = c + solve @ (stayed.T @ (target - stayed @ c))
    return keep[:width], c[:width]
