r"""Tensor factorisation by joint diagonalisation of random projections, then of projections along what was found."""

from dataclasses import replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import whole_number
from twolayer.decompose.decomposition import Decomposition, dimension, pose
from twolayer.decompose.joint_diagonalisation import joint_diagonalise
from twolayer.decompose.symmetric_sum import compress, contract_all_but_two, unit_rows
from twolayer.errors import InputError

__all__ = ["PLUG_INS", "kcl", "kcl_inverse"]

PLUG_INS = ("factors", "inverse", "both")


def kcl(
    T: ArrayLike,
    rank: int,
    *,
    plug_in: str = "factors",
    projections: int | None = None,
    diagonaliser: str = "uniform",
    rng: np.random.Generator | int | None = None,
) -> Decomposition:
    r"""Decompose by random projections and one plug-in stage, after Kuleshov, Chaganty and Liang [1]_.

    1. Project all modes but two on L random directions w_l of the unit sphere,
       :math:`M_l = T(\cdot, \cdot, w_l, \dots) = \sum_i \lambda_i (u_i \cdot w_l)^{p-2}\, u_i u_i^\top` (two
       independent directions for order four), and diagonalise them jointly: first factors ũ_i.
    2. Project on directions made from these instead, and diagonalise again.

    Parameters
    ----------
    T : array, shape (d, d, d) or (d, d, d, d)
        Symmetric.
    rank : int
        Number of terms k, at most d; the tensor is first compressed to k dimensions.
    plug_in : str
        The directions of stage 2: ``"factors"`` ũ_i, as in the authors' program; ``"inverse"``, the unit rows of the
        inverse of Ũ, as in the paper, which isolate one term each; or ``"both"``.
    projections : int or None
        L; 2k when None.
    diagonaliser : str
        The method of `joint_diagonalise`.
    rng : Generator, int or None

    Returns
    -------
    Decomposition

    Raises
    ------
    InputError
        As `decompose`; also if an option is none of the above.

    Notes
    -----
    ``O(L d**p)`` for the projections and ``O(L k**3)`` a step of the diagonaliser. With the inverse rows each
    projection is nearly one term, which removes the dependence on the coherence of the factors but amplifies noise
    where they are ill-conditioned. At 1 % noise both rules have the error of `joint_diagonalisation` for
    well-conditioned factors, and several times that for random square ones, less so with the diagonaliser
    ``"least_squares"``. It fails where factors are dependent, rank > d included.

    References
    ----------
    .. [1] V. Kuleshov, A. Chaganty, P. Liang, Tensor factorization via matrix factorization, AISTATS 2015.
    """
    problem = pose(T, rank, "kcl", dimension)
    if plug_in not in PLUG_INS:
        raise InputError(f"plug_in must be one of {', '.join(PLUG_INS)}, found {plug_in!r}")
    rng = np.random.default_rng(rng)
    core, V = compress(problem.T, problem.rank)
    count = 2 * problem.rank if projections is None else whole_number(projections, "projections", least=2)
    first = joint_diagonalise(_random_projections(core, count, rng), diagonaliser, rng=rng)
    directions = _directions(first.A, plug_in)
    second = joint_diagonalise(_with_two(contract_all_but_two(core, directions)), diagonaliser, rng=rng)
    return problem.judged((V @ second.A).T, is_settled=second.is_converged)


def kcl_inverse(T: ArrayLike, rank: int, *, rng: np.random.Generator | int | None = None) -> Decomposition:
    """Decompose as `kcl` does, with the paper's plug-in rule: projections along the rows of the inverse."""
    return replace(kcl(T, rank, plug_in="inverse", rng=rng), method="kcl_inverse")


def _random_projections(core: NDArray, count: int, rng: np.random.Generator) -> NDArray:
    k = len(core)
    last = unit_rows(rng.standard_normal((count, k)))
    if core.ndim == 4:
        last = (last[:, :, None] * unit_rows(rng.standard_normal((count, k)))[:, None, :]).reshape(count, -1)
    M = (last @ core.reshape(k * k, -1).T).reshape(-1, k, k)
    return (M + M.transpose(0, 2, 1)) / 2


def _directions(A: NDArray, plug_in: str) -> NDArray:
    factors, inverse = A.T, unit_rows(np.linalg.pinv(A))
    return {"factors": factors, "inverse": inverse, "both": np.vstack([factors, inverse])}[plug_in]


def _with_two(stack: NDArray) -> NDArray:
    """One slice twice, where there is one: a joint diagonaliser wants two."""
    return stack if len(stack) > 1 else np.concatenate([stack, stack])
