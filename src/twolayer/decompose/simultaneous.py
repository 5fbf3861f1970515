r"""Decomposition by joint diagonalisation of all slices."""

import numpy as np
from numpy.typing import ArrayLike

from twolayer.decompose.decomposition import Decomposition, dimension, pose
from twolayer.decompose.joint_diagonalisation import joint_diagonalise
from twolayer.decompose.symmetric_sum import compress, slices

__all__ = ["joint_diagonalisation"]


def joint_diagonalisation(
    T: ArrayLike,
    rank: int,
    *,
    diagonaliser: str = "least_squares",
    rng: np.random.Generator | int | None = None,
) -> Decomposition:
    r"""Decompose by joint diagonalisation of all slices.

    Every slice of :math:`\sum_i \lambda_i u_i^{\otimes p}` is :math:`U^\top D_l U`, rows u_i. The tensor is
    compressed to the span of its leading `rank` directions; of order three all slices :math:`T(\cdot, \cdot, e_c)`
    are used, of order four the leading eigen-slices of the flattening onto pairs of modes.

    Parameters
    ----------
    T : array, shape (d, d, d) or (d, d, d, d)
        Symmetric.
    rank : int
        Number of terms, at most d.
    diagonaliser : str
        The method of `joint_diagonalise`.
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
    ``O(d**4)`` for order three and ``O(d**5 + r**6)`` for order four, and ``O(r**4)`` a step. Exact to rounding for
    independent factors, whatever the signs of the weights; it fails where they are dependent, rank > d included.
    """
    problem = pose(T, rank, "joint_diagonalisation", dimension)
    core, V = compress(problem.T, problem.rank)
    stack = slices(core, max(2, problem.rank))
    if len(stack) == 1:  # one dimension, one slice
        stack = np.concatenate([stack, stack])
    found = joint_diagonalise(stack, diagonaliser, rng=rng)
    return problem.judged((V @ found.A).T, is_settled=found.is_converged)
