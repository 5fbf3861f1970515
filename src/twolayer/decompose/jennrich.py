r"""Simultaneous diagonalisation of two random contractions."""

import numpy as np
from numpy.typing import ArrayLike

from twolayer.decompose.decomposition import Decomposition, dimension, pose
from twolayer.decompose.pencil import pencil_vectors
from twolayer.decompose.symmetric_sum import compress, slices

__all__ = ["jennrich"]


def jennrich(T: ArrayLike, rank: int, *, draws: int = 8, rng: np.random.Generator | int | None = None) -> Decomposition:
    r"""Decompose by the generalised eigenvectors of two random contractions.

    For :math:`T = \sum_i \lambda_i u_i^{\otimes p}` with independent factors, two contractions of all modes but two are
    :math:`U^\top D U` and :math:`U^\top D' U` with the same U, so that the eigenvectors of the pencil give U [1]_. The
    contractions are random mixtures of the slices, taken in the span of the leading `rank` directions.

    Parameters
    ----------
    T : array, shape (d, d, d) or (d, d, d, d)
        Symmetric.
    rank : int
        Number of terms, at most d.
    draws : int
        Pairs of contractions tried; the smallest residual is kept.
    rng : Generator, int or None

    Returns
    -------
    Decomposition

    Raises
    ------
    InputError
        As `decompose`.

    Notes
    -----
    ``O(d**4 + r**6)`` for order 4, ``O(d**4)`` for order 3, and ``O(r**3 + r d**p)`` a draw. Exact to rounding times
    the condition of U and the closeness of the ratios :math:`D_i / D'_i`, so that noise is amplified more than by
    `joint_diagonalisation`, which uses all slices; it fails where factors are dependent, rank > d included.

    References
    ----------
    .. [1] S. E. Leurgans, R. T. Ross, R. B. Abel, A decomposition for three-way arrays, SIAM J. Matrix Anal. Appl. 14,
       1993; credited to R. Jennrich by R. A. Harshman, 1970.
    """
    problem = pose(T, rank, "jennrich", dimension)
    rng = np.random.default_rng(rng)
    core, V = compress(problem.T, problem.rank)
    stack = slices(core, problem.rank)
    found = [problem.judged((V @ pencil_vectors(stack, rng)[0]).T) for _ in range(draws)]
    return min(found, key=lambda decomposition: decomposition.residual)
