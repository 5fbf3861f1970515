r"""The default: the algebraic method that fits order and rank, refined, and least squares where that is not enough."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike

from twolayer.decompose.decomposition import Decomposition, Status, generic_rank, pose
from twolayer.decompose.least_squares import least_squares, polish, refit
from twolayer.decompose.rank_evidence import noise_level
from twolayer.decompose.simultaneous import joint_diagonalisation
from twolayer.decompose.subspace_power import pairs_left_over, subspace_power

__all__ = ["automatic"]


def automatic(
    T: ArrayLike,
    rank: int,
    *,
    same: float = 1e-5,
    as_noise: float = 1.1,
    rng: np.random.Generator | int | None = None,
) -> Decomposition:
    r"""Decompose by whatever fits order and rank, refined by `polish`, until exact or repeated.

    - rank ≤ d: `joint_diagonalisation`;
    - order four, rank ≤ d(d - 1)/2: `subspace_power`, by `refit` where it leaves terms unresolved;
    - otherwise, or where these leave terms unresolved: `least_squares` with restarts.

    Ends at a fit to rounding, at one with every term resolved that leaves no more than `noise_level` says is noise, or
    when two searches end at the same residual with every term resolved; else the smallest residual is returned, and its
    status says what it is worth.

    Parameters
    ----------
    T : array, shape (d, d, d) or (d, d, d, d)
        Symmetric.
    rank : int
        Number of terms, at most :math:`\binom{d+p-1}{p} / d` (or d).
    same : float
        Relative difference of two residuals that are of one minimum: the descents end at 1e-8 a step or less.
    as_noise : float
        A residual, over `noise_level`, that is noise, and no search finds much less: that level is before the terms
        take up their share, so that a tenth of slack is enough.
    rng : Generator, int or None

    Returns
    -------
    Decomposition
        Its `method` is the search that found the terms.

    Raises
    ------
    InputError
        As `decompose`.

    Notes
    -----
    Cost as the methods it calls. Beyond the reach of the algebraic methods (order three, rank > d; order four,
    rank > d(d - 1)/2) success is a matter of restarts, and rare near the generic rank.
    """
    problem = pose(T, rank, "auto", generic_rank)
    rng = np.random.default_rng(rng)
    best: Decomposition | None = None
    noise = noise_level(problem.values, problem.rank, problem.T.ndim)
    for found in _searches(problem.T, problem.rank, rng):
        if found.status is Status.UNRESOLVED and found.method == "subspace_power":
            found = refit(problem.T, found.weights, found.factors, rng=rng)
        candidate = replace(polish(problem.T, found.weights, found.factors), method=found.method)
        is_repeated = best is not None and abs(candidate.residual - best.residual) <= same * best.residual
        if best is None or candidate.residual < best.residual:
            best = candidate
        if best.is_exact or (best.status is Status.AMBIGUOUS and best.residual <= problem.rounding):
            break
        stands_out = best.stands_out or best.status is Status.AMBIGUOUS
        if stands_out and (is_repeated or best.residual <= as_noise * noise):
            break
    assert best is not None
    status = best.status
    if best.stands_out and best.residual <= problem.rounding:
        is_determined = problem.is_determined(best.weights, best.factors, best.residual)
        status = Status.RESOLVED if is_determined else Status.AMBIGUOUS
    return replace(best, weights=best.weights * problem.norm, left_over=best.left_over * problem.norm, status=status)


def _searches(T: np.ndarray, rank: int, rng: np.random.Generator) -> Iterator[Decomposition]:
    d, order, starts = len(T), T.ndim, 16  # where nothing else reaches, restarts are all there is
    if rank <= d:
        starts = 6
        for _ in range(2):
            yield joint_diagonalisation(T, rank, rng=rng)
    elif order == 4 and rank <= pairs_left_over(d, order):
        starts = 2  # a random start is worth less than those were
        for _ in range(3):
            yield subspace_power(T, rank, rng=rng)
    yield least_squares(T, rank, max_starts=starts, rng=rng)
