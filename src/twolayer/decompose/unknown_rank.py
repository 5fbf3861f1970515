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
    if order != 3 or d <= 2 or _above_rounding(problem) < d:  # of lower rank, there is nothing to try
        return False
    return joint_diagonalisation(T, d, rng=rng).is_converged  # with no value beyond the rank, that is to rounding


def _candidates(problem: Problem, is_full: bool) -> Iterator[tuple[int, float, float]]:
    """Ranks to try, none beyond what a tensor determines, with their gap, and what of its norm the terms may leave."""
    values, above, (d, order) = problem.values, _above_rounding(problem), (len(problem.T), problem.T.ndim)
    most = generic_rank(d, order)
    if is_full:
        yield d, 1.0, 0.0
        return
    if above < len(values) and above <= most:
        yield above, float("inf"), 0.0
    ratios = values[: above - 1] / values[1:above]
    # the largest gap may be among the least values of noise, which may be of any smallness: so the three largest
    for place in [place for place in np.argsort(-ratios) if place < most][:3]:
        if ratios[place] < STANDARDS.clear:
            break
        # noise of a symmetric tensor: what the values beyond the rank say of all entries
        tail = float(np.sqrt(np.mean(values[place + 1 :] ** 2) * len(values)))
        yield int(place) + 1, float(ratios[place]), tail
    if order == 3 or above == len(values):
        # of order three the terms lie in as many dimensions as values are above rounding, and may be more than these
        first = above + (above < len(values))
        yield from ((rank, 1.0, 0.0) for rank in range(first, generic_rank(above if order == 3 else d, order) + 1))
