r"""Symmetric CP least squares with random restarts, and the polish of what another method found."""

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import real_array
from twolayer.decompose.cp_fit import RIDGES, SumFit, fit_sum, ridge_stages
from twolayer.decompose.decomposition import Decomposition, generic_rank, pose
from twolayer.decompose.flattening import flattened
from twolayer.decompose.symmetric_sum import Target, largest_term, unit_rows
from twolayer.errors import InputError

__all__ = ["least_squares", "polish", "refit"]


def least_squares(
    T: ArrayLike,
    rank: int,
    *,
    max_starts: int = 20,
    max_steps: int = 100,
    same: float = 1e-6,
    rng: np.random.Generator | int | None = None,
) -> Decomposition:
    r"""Decompose by least squares from random starts.

    .. math:: \min_{\lambda, u} \tfrac12 \Bigl\|T - \sum_i \lambda_i u_i^{\otimes p}\Bigr\|_F^2
        + \tfrac12 \rho \sum_i \lambda_i^2, \qquad \|u_i\| = 1,

    by damped Gauss-Newton, ρ falling to zero in four stages. Without it most failures are pairs of terms that run off
    to infinity while they cancel. The normal matrix comes from inner products of factors alone (`SumFit`), so that the
    tensor is touched only for residual and gradient.

    Parameters
    ----------
    T : array, shape (d, d, d) or (d, d, d, d)
        Symmetric.
    rank : int
        Number of terms, above d too: at most :math:`\binom{d+p-1}{p} / d` (or d).
    max_starts : int
        Most starts. It ends early at a fit to rounding, or when the best fit is found a second time.
    max_steps : int
        Steps of the last stage.
    same : float
        Relative difference of two costs that are of one minimum: a descent ends at 1e-8 a step.
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
    A step costs ``O(r d**p + r**3 d**3)``, or ``O(r d**p + r**2 d)`` an inner step where the parameters are many. A
    start that ends with a useless term beside something left over exchanges one for the other and goes on. There is no
    guarantee: most single starts solve random tensors of order three with up to 2d terms at d = 12, and of order four
    with up to 2d; next to the generic rank hardly one does.

    References
    ----------
    .. [1] T. G. Kolda, Numerical optimization for symmetric tensor decomposition, Math. Program. 151, 2015.
    """
    problem = pose(T, rank, "least_squares", generic_rank)
    rng = np.random.default_rng(rng)
    d, target = len(problem.T), flattened(problem.T)
    best, is_settled = _from_random(target, d, problem.rank, max_steps, rng)
    for _ in range(max_starts - 1):
        if best.cost <= 1e-26:  # a residual of 1e-13: rounding
            break
        again, again_settled = _from_random(target, d, problem.rank, max_steps, rng)
        is_repeated = is_settled and abs(again.cost - best.cost) <= same * best.cost
        if again.cost < best.cost:
            best, is_settled = again, again_settled
        if is_repeated:
            break
    return problem.judged(best.factors, best.weights, is_settled)


def polish(T: ArrayLike, weights: ArrayLike, factors: ArrayLike, *, max_steps: int = 100) -> Decomposition:
    r"""Refine given terms by least squares, without a ridge and without restarts.

    Quadratic where the fit is exact, so that rounding is reached in a few steps from a rough start; with noise it
    ends at the nearest stationary point, whose error is the least that unweighted noise allows.

    Parameters
    ----------
    T : array, shape (d, d, d) or (d, d, d, d)
        Symmetric.
    weights : array, shape (r,)
    factors : array, shape (r, d)
        Rows of any norm but zero.
    max_steps : int

    Returns
    -------
    Decomposition

    Raises
    ------
    InputError
        As `decompose`; also if weights and factors do not fit together or the tensor, or are not finite.

    Notes
    -----
    Cost as a step of `least_squares`. It fails by stopping at a local minimum, or by running off with two terms that
    cancel, which the status says.
    """
    weights, factors = real_array(weights, "weights", 1), real_array(factors, "factors", 2)
    problem = pose(T, len(factors), "polish", generic_rank)
    if weights.shape != factors.shape[:1] or factors.shape[1] != len(problem.T):
        raise InputError(
            f"weights (r,) and factors (r, d) must fit a tensor of shape {problem.T.shape}, "
            f"found {weights.shape} and {factors.shape}"
        )
    if not (np.isfinite(weights).all() and np.isfinite(factors).all() and factors.any(axis=1).all()):
        raise InputError("weights and factors must be finite, and no factor zero")
    # a small first damping: the start is near, and where it is not, a few failures raise it
    fit, is_settled = fit_sum(flattened(problem.T), weights / problem.norm, factors, max_steps=max_steps, damping=1e-3)
    return problem.judged(fit.factors, fit.weights, is_settled)


def refit(
    T: ArrayLike,
    weights: ArrayLike,
    factors: ArrayLike,
    *,
    max_steps: int = 60,
    rng: np.random.Generator | int | None = None,
) -> Decomposition:
    """Refine terms of which some are wrong: as a start of `least_squares`, under less of a ridge.

    Parameters, errors and cost as of `polish`; `rng` is for the search of terms left over.
    """
    weights, factors = real_array(weights, "weights", 1), real_array(factors, "factors", 2)
    problem = pose(T, len(factors), "least_squares", generic_rank)
    rng = np.random.default_rng(rng)
    target, start = flattened(problem.T), (weights / problem.norm, unit_rows(factors))
    fit, is_settled = _descended(target, *start, RIDGES[1:], max_steps, rng)
    return problem.judged(fit.factors, fit.weights, is_settled)


def _from_random(T: Target, d: int, rank: int, max_steps: int, rng: np.random.Generator) -> tuple[SumFit, bool]:
    """One start."""
    factors = unit_rows(rng.standard_normal((rank, d)))
    weights = rng.choice([-1.0, 1.0], rank) / np.sqrt(rank)
    return _descended(T, weights, factors, RIDGES, max_steps, rng)


def _descended(
    T: Target, weights: NDArray, factors: NDArray, ridges: tuple[float, ...], max_steps: int, rng: np.random.Generator
) -> tuple[SumFit, bool]:
    """The ridge stages, the last stage, and repairs while they help."""
    weights, factors = ridge_stages(T, weights, factors, ridges, 40)
    fit, is_settled = fit_sum(T, weights, factors, max_steps=max_steps, rtol=1e-8)
    for _ in range(len(weights)):
        repaired = _repaired(T, fit, max_steps, rng)
        if repaired is None or repaired[0].cost >= fit.cost * (1 - 1e-6):
            break
        fit, is_settled = repaired
    return fit, is_settled


def _repaired(T: Target, fit: SumFit, max_steps: int, rng: np.random.Generator) -> tuple[SumFit, bool] | None:
    r"""The fit from here with useless terms, a tenth at most, exchanged for those left over, if one is worth a try.

    Without term i, and with the other weights refitted, the squared residual grows by :math:`\lambda_i^2 /
    (G^{-1})_{ii}`, G the Gram matrix of the terms: nothing for one of two equal terms.
    """
    gram = (fit.factors @ fit.factors.T) ** T.order
    worth = fit.weights**2 / np.linalg.pinv(gram, rcond=1e-12, hermitian=True).diagonal()
    probes = np.vstack([fit.factors, unit_rows(rng.standard_normal(fit.factors.shape))])
    weights, factors, rest = fit.weights.copy(), fit.factors.copy(), fit.left_over
    useless = np.argsort(worth, kind="stable")[: 1 + len(worth) // 10]
    for least in useless:
        value, u = largest_term(rest, probes)
        # the two are compared before anything is refitted, which a term taken out of what is left over gains most by
        if value**2 <= 0.01 * worth[least]:
            break
        weights[least], factors[least] = value, u
        rest = rest.less(np.array([value]), u[None])
    if (weights == fit.weights).all():
        return None
    return fit_sum(T, weights, factors, max_steps=max_steps, rtol=1e-8)
