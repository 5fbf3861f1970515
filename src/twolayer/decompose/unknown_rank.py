r"""Decomposition of a tensor whose rank is not known: read off singular values, and confirmed by the residual."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from twolayer.decompose.decomposition import Decomposition, Problem, generic_rank, pose
from twolayer.decompose.methods import DECOMPOSITIONS
from twolayer.decompose.simultaneous import joint_diagonalisation
from twolayer.decompose.standards import STANDARDS
from twolayer.errors import InputError

__all__ = ["decompose_unknown_rank"]


def decompose_unknown_rank(
    T: ArrayLike, *, method: str = "auto", rng: np.random.Generator | int | None = None
) -> Decomposition:
    r"""Decompose a symmetric tensor into as many rank-one terms as it has.

    The flattening of :math:`T = \sum_{i=1}^r \lambda_i u_i^{\otimes p}` to a matrix with ⌊p/2⌋ axes in the rows has
    rank r, up to d for p = 3 and d(d + 1)/2 for p = 4, and noise lifts the other singular values to its own level. The
    rank is where the largest gap between neighbours is; it is confirmed if the decomposition settles and leaves no more
    than the smaller singular values say. Weak terms lift singular values as noise does: a rank that gives the tensor to
    rounding goes before any gap, the number of singular values above rounding, and for p = 3 and d > 2 also d. Where
    there is no gap, the ranks from there on are tried until one is exact.

    Parameters
    ----------
    T : array, shape (d, d, d) or (d, d, d, d)
        Symmetric.
    method : str
        A key of `DECOMPOSITIONS`.
    rng : Generator, int or None

    Returns
    -------
    Decomposition
        Its `gap` says how clear the rank was.

    Raises
    ------
    InputError
        As `decompose`; and if no rank is confirmed.

    Notes
    -----
    Costs a singular value decomposition of the flattening, a joint diagonalisation for p = 3 if no singular value is
    rounding, and one decomposition; without a gap, one for each rank.
    """
    problem = pose(T, 1, "auto", generic_rank)
    values = problem.values
    generator = np.random.default_rng(rng)
    for rank, gap, noise in _candidates(problem, _is_sum_of_independent(T, problem, generator)):
        found: Decomposition = DECOMPOSITIONS[method](T, rank, rng=generator)
        if (found.is_exact or found.stands_out) and found.residual <= STANDARDS.left_over * noise + problem.rounding:
            return replace(found, gap=gap)
    raise InputError(
        f"the singular values of the tensor show no rank that a decomposition confirms: the largest are"
        f" {', '.join(f'{value:.2g}' for value in values[:6] * problem.norm)}; give the rank"
    )


def _above_rounding(problem: Problem) -> int:
    return int((problem.values > problem.rounding * problem.values[0]).sum())


def _is_sum_of_independent(T: ArrayLike, problem: Problem, rng: np.random.Generator) -> bool:
    """Whether a tensor of order three is a sum of d terms to rounding, where few are: not in two dimensions."""
    d, order = len(problem.T), problem.T.ndim
    if order != 3 or d <= 2 or _above_rounding(problem) < d:
        return False
    found = joint_diagonalisation(T, d, rng=rng)
    return found.is_converged and found.residual <= problem.rounding


def _candidates(problem: Problem, is_full: bool) -> Iterator[tuple[int, float, float]]:
    """Ranks to try, with their gap, and how much of the tensor's norm the terms may leave."""
    values, above = problem.values, _above_rounding(problem)
    if is_full:
        yield len(values), 1.0, 0.0
        return
    ratios = values[: above - 1] / values[1:above]
    if above < len(values):
        yield above, float("inf"), 0.0
    for place in np.argsort(-ratios)[:3]:
        if ratios[place] < STANDARDS.clear:
            break
        # noise of a symmetric tensor: what the values beyond the rank say of all entries
        tail = float(np.sqrt(np.mean(values[place + 1 :] ** 2) * len(values)))
        yield int(place) + 1, float(ratios[place]), 3 * tail
    if above == len(values):
        most = generic_rank(len(problem.T), problem.T.ndim)
        yield from ((rank, 1.0, 0.0) for rank in range(above, most + 1))
