r"""Symmetric tensor decomposition: weights λ and unit rows u_i with :math:`T \approx \sum_i \lambda_i u_i^{\otimes p}`.

Orders three and four, weights of both signs. One algorithm, one file; `DECOMPOSITIONS` lists them. Moments of samples
of any order are decomposed without being formed by `moment_terms`.
"""

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from twolayer.decompose.decomposition import Decomposition, Status
from twolayer.decompose.jennrich import jennrich
from twolayer.decompose.joint_diagonalisation import DIAGONALISERS, JointDiagonalisation, joint_diagonalise
from twolayer.decompose.kcl import kcl, kcl_inverse
from twolayer.decompose.least_squares import least_squares, polish
from twolayer.decompose.methods import DECOMPOSITIONS
from twolayer.decompose.power import power
from twolayer.decompose.sample_moment import MomentTerms, moment_terms
from twolayer.decompose.shared_factors import SharedFactors, decompose_shared, shared_factors
from twolayer.decompose.simultaneous import joint_diagonalisation
from twolayer.decompose.subspace_power import subspace_power
from twolayer.decompose.unknown_rank import decompose_unknown_rank
from twolayer.errors import InputError

__all__ = [
    "DECOMPOSITIONS",
    "DIAGONALISERS",
    "Decomposition",
    "JointDiagonalisation",
    "MomentTerms",
    "SharedFactors",
    "Status",
    "decompose",
    "decompose_shared",
    "jennrich",
    "joint_diagonalisation",
    "joint_diagonalise",
    "kcl",
    "kcl_inverse",
    "least_squares",
    "moment_terms",
    "polish",
    "power",
    "shared_factors",
    "subspace_power",
]


def decompose(
    T: ArrayLike,
    rank: int | Literal["auto"] = "auto",
    method: str = "auto",
    rng: np.random.Generator | int | None = None,
) -> Decomposition:
    r"""Decompose a symmetric tensor into rank-one terms.

    .. math:: T \approx \sum_{i=1}^{r} \lambda_i\, u_i^{\otimes p}, \qquad p \in \{3, 4\}, \quad \|u_i\| = 1.

    Up to order, and for p = 4 up to the signs of factors, the terms are unique if the factors are independent (r ≤ d);
    for generic factors also well above d [1]_ [2]_.

    Parameters
    ----------
    T : array, shape (d, d, d) or (d, d, d, d)
        Symmetric to rounding.
    rank : int or "auto"
        Number of terms r. ``"auto"`` reads it off the singular values of the tensor, and confirms it by the residual.
    method : str
        A key of `DECOMPOSITIONS`. The options of a method are arguments of its own function.
    rng : Generator, int or None
        Source of random starts; an int makes the result repeatable.

    Returns
    -------
    Decomposition
        Whatever came of it: its `status` says whether it is exact, resolved from noise, or failed. Where the rank was
        not given, its `gap` says how clear it was.

    Raises
    ------
    InputError
        If `T` is not a real, finite, nonzero, symmetric tensor of an order that the method takes, if `rank` is below
        one, above what the method can do, or ``"auto"`` where no rank is confirmed; or if `method` is unknown.

    Notes
    -----
    Cost and failure cases are with each method. All recover exact tensors within their reach to rounding; under noise,
    ``"auto"``, ``"least_squares"`` and ``"joint_diagonalisation"`` have errors of the size of the noise per factor,
    where ``"jennrich"`` and ``"kcl"`` amplify it by the conditioning of the factors.

    References
    ----------
    .. [1] J. B. Kruskal, Three-way arrays: rank and uniqueness of trilinear decompositions, Linear Algebra Appl. 18,
    1977.
    .. [2] L. Chiantini, G. Ottaviani, N. Vannieuwenhoven, On generic identifiability of symmetric tensors of subgeneric
       rank, Trans. Amer. Math. Soc. 369, 2017.
    """
    if method not in DECOMPOSITIONS:
        raise InputError(f"method must be one of {', '.join(DECOMPOSITIONS)}, found {method!r}")
    if isinstance(rank, str):
        if rank != "auto":
            raise InputError(f"rank must be a whole number of at least 1, or 'auto', found {rank!r}")
        return decompose_unknown_rank(T, method=method, rng=rng)
    found: Decomposition = DECOMPOSITIONS[method](T, rank, rng=rng)
    return found
