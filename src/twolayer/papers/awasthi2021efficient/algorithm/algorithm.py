r"""Algorithm 1: a network from its Hermite coefficients, exact or with errors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.model.signed_sums import binary_solutions
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.one_line import in_one_line
from twolayer.papers.awasthi2021efficient.algorithm.decomposition import Terms, merged, rank_one_terms
from twolayer.papers.awasthi2021efficient.algorithm.flattenings import checked_tensors
from twolayer.papers.awasthi2021efficient.algorithm.scalars import fix_signs, recover_scalars
from twolayer.papers.awasthi2021efficient.theory import (
    left_behind,
    packed_population_tensors,
    with_signs,
)
from twolayer.symtensor import packed_size

__all__ = ["RecoveredUnits", "recover_from_tensors", "units_of_tensors"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class RecoveredUnits:
    """What Algorithm 1 has found.

    Attributes
    ----------
    network : TwoLayerNetwork
        The units, with rows of norm one. If there is no sign pattern, each has the sign that it happened to get; from
        exact tensors, an affine part makes up for that, and the function is right all the same.
    sign_patterns : array of ±1, shape (count, m)
        All orientations, relative to those in `network`, that agree with the tensors of orders 0 and 1 without an
        affine part; +1 throughout is the first. Several: which is right cannot be known (Theorem 3.4). None: there is
        an affine part, or the units have more relations than can be searched.
    odd, even : Terms
        What came of the tensors of orders 2ℓ + 1 and 2ℓ + 2.
    discarded : TwoLayerNetwork
        Units found but left to the affine part: |b| above τ, or no coefficient known to divide by.
    """

    network: TwoLayerNetwork
    sign_patterns: NDArray[np.int_]
    odd: Terms
    even: Terms
    discarded: TwoLayerNetwork

    @property
    def has_known_signs(self) -> bool:
        """Whether exactly one orientation of the units agrees with the tensors."""
        return len(self.sign_patterns) == 1


def recover_from_tensors(
    tensors: Sequence[ArrayLike],
    ell: int = 1,
    *,
    width: int | None = None,
    diagonalisation: str = "jennrich",
    rng: np.random.Generator | int | None = None,
) -> RecoveredUnits:
    r"""Recover a ReLU network with biases from its exact Hermite coefficients: Algorithm 1 of [1]_.

    1. Flatten :math:`\hat f_{2ℓ+1}` and :math:`\hat f_{2ℓ+2}` to order 3, in which the :math:`w_i^{\otimes ℓ}` are
       independent; take their ranks and decompose each. A unit is missing from the first where
       :math:`He_{2ℓ-1}(b_i) = 0`, from the second where :math:`He_{2ℓ}(b_i) = 0`, and never from both (Lemma 4.3).
    2. Pool the directions without duplicates and antipodes.
    3. Weights a_i and, up to the signs of the directions, biases b_i from the orders ℓ to ℓ + 3 (Algorithm 2).
    4. Signs: for ℓ = 1 from :math:`\hat f_1` (Algorithm 3). For ℓ > 1 the paper leaves them open; here all patterns are
       listed that agree with :math:`\hat f_0` and :math:`\hat f_1`, of which there is one for generic units.

    Parameters
    ----------
    tensors : sequence of arrays
        Orders 0 to 2ℓ + 2 at least, each dense or packed: `packed_population_tensors` makes them.
    ell : int
        The ℓ; `least_level` of the units, if they were known: 1 for independent ones.
    width : int, optional
        The m; as many as are found if not given.
    diagonalisation : str
        ``"jennrich"``, the paper's, or ``"joint"``, which uses all slices at once.
    rng : numpy.random.Generator or int or None
        Of Jennrich's contractions.

    Returns
    -------
    RecoveredUnits

    Raises
    ------
    InputError
        If tensors are missing or malformed, the orders 2ℓ + 1 and 2ℓ + 2 both vanish, `ell` is below 1, or the units
        found are not `width` many.

    Notes
    -----
    With p = :math:`\binom{d+ℓ-1}{ℓ}` (d(d+1)/2 for ℓ = 2): time O(p³) and the singular values of a
    :math:`p \times \binom{d+ℓ+1}{ℓ+2}` matrix, memory :math:`O(p^2 d^2)`; no object of d^ℓ rows. Errors of the tensors
    are amplified by :math:`1/s_m(W^{\odot ℓ})` and the closeness of Jennrich's eigenvalues. Fails where powers
    :math:`w_i^{\otimes ℓ}` are dependent, more units than p included.

    References
    ----------
    .. [1] awasthi2021efficient, Algorithms 1 to 3, Theorems 4.1 and 4.2
    """
    ell = whole_number(ell, "ell")
    packed = checked_tensors(tuple(tensors), 2 * ell + 2)
    # of exact tensors, entries are off by rounding, 1e-16 times what the moments of high order cancel
    noise = [1e-9 * float(np.linalg.norm(T)) for T in packed]
    if max(noise[2 * ell + 1 : 2 * ell + 3]) == 0:
        raise InputError(f"the tensors of orders {2 * ell + 1} and {2 * ell + 2} vanish: there is no unit to find")
    found = units_of_tensors(packed, ell, noise, width=width, diagonalisation=diagonalisation, rng=rng)
    if width is not None and found.network.width != width:
        raise InputError(f"{width} units were asked for, the tensors show {found.network.width}")
    return _oriented(found, packed)


def units_of_tensors(
    packed: Sequence[NDArray],
    ell: int,
    noise: Sequence[float],
    *,
    width: int | None = None,
    tau: float = np.inf,
    diagonalisation: str = "joint",
    rng: np.random.Generator | int | None = None,
) -> RecoveredUnits:
    r"""Algorithm 1 for tensors that are known up to errors.

    Parameters
    ----------
    packed : sequence of arrays
        Orders 0 to 2ℓ + 2, packed.
    ell : int
    noise : sequence of float
        Error of each flattened tensor, times the margin wanted: what is not above it is not looked for.
    width : int, optional
        Units at most.
    tau : float
        Units of larger |b| are left to the affine part.
    diagonalisation : str
    rng : numpy.random.Generator or int or None

    Returns
    -------
    RecoveredUnits
        Signs by Algorithm 3 only if ℓ = 1, the units are independent and none is discarded or missing.

    References
    ----------
    .. [1] awasthi2021efficient, section 5
    """
    rng, dim = np.random.default_rng(rng), len(packed[1])
    most = packed_size(dim, ell) if width is None else min(width, packed_size(dim, ell))
    odd, even = (
        rank_one_terms(packed[j], dim, j, ell, noise[j], most=most, diagonalisation=diagonalisation, rng=rng)
        for j in (2 * ell + 1, 2 * ell + 2)
    )
    directions = merged([odd, even])[:most]
    a, b, zeta = recover_scalars(directions, ell, packed)
    divisors = {2: zeta[0]} if ell == 1 else {ell + 1: zeta[1], ell + 2: zeta[2]}
    is_finite = np.isfinite(a) & np.isfinite(b) & (a != 0)
    is_good = is_finite & np.any([np.abs(row) > noise[j] for j, row in divisors.items()], axis=0)
    is_good[is_good] = np.abs(b[is_good]) <= tau
    network, discarded = (
        TwoLayerNetwork(a[part], directions[part], b[part]) for part in (is_good, is_finite & ~is_good)
    )
    patterns = np.zeros((0, network.width), dtype=int)
    if ell == 1 and 0 < network.width <= dim and network.width == (len(directions) if width is None else width):
        network = with_signs(network, fix_signs(network.a, network.W, packed[1]))
        patterns = np.ones((1, network.width), dtype=int)
    return RecoveredUnits(network, patterns, odd, even, discarded)


def _oriented(found: RecoveredUnits, packed: Sequence[NDArray]) -> RecoveredUnits:
    """List the orientations that agree with the orders 0 and 1; take the first, or leave an affine part."""
    network = found.network
    constant, linear = (T - have for T, have in zip(packed[:2], packed_population_tensors(network, 1), strict=True))
    try:
        target = -np.append(constant, linear)
        # of what the units leave: far above rounding, far below order one, by which patterns of signs differ
        flips = binary_solutions(left_behind(network), target, atol=1e-6)
    except InputError:  # too many relations between the units to be searched
        flips = np.zeros((0, network.width), dtype=int)
    patterns = 1 - 2 * flips
    if len(patterns):
        network, patterns = with_signs(network, patterns[0]), patterns * patterns[0]
    else:
        network = replace(network, polynomial=Polynomial(float(constant), linear))
    return replace(found, network=network, sign_patterns=patterns)
