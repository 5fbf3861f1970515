r"""What the singular values of a tensor say of its rank, and of its noise.

The flattening of :math:`\sum_{i=1}^r \lambda_i u_i^{\otimes p}` with ⌊p/2⌋ axes in the rows has rank r, up to d for
p = 3 and d(d + 1)/2 for p = 4; noise lifts the other singular values, all of them to its own level.
"""

import numpy as np
from numpy.typing import NDArray

from twolayer.decompose.flattening import flattened

__all__ = ["in_words", "is_noise_beyond", "noise_level", "rank_shown", "singular_values"]

_ROUNDING = 1e-12  # of the largest singular value
_CLEAR = 5.0  # ratio of neighbours that noise does not make
_FALL, _FALL_TO_ONE = 3.0, 10.0  # at the rank, to several values that are alike, and to a single one
_ALIKE = 2.0  # ratio of neighbours among the larger ones of noise
_MOST_SAID = 6  # values on either side of the rank
_TO_LOOK_AT = 0.9  # of the values beyond the rank: the last ones of noise may be of any smallness


def singular_values(T: NDArray) -> NDArray[np.float64]:
    """Singular values of the flattening of a symmetric tensor of order three or four, descending."""
    matrix = flattened(T).matrix
    if T.ndim == 4:
        return np.asarray(np.sort(np.abs(np.linalg.eigvalsh(matrix)))[::-1])
    return np.asarray(np.linalg.svd(matrix, compute_uv=False))


def noise_level(values: NDArray, rank: int, order: int) -> float:
    r"""Frobenius norm of the noise of a tensor of given rank, from the singular values of its flattening beyond it.

    .. math:: \|E\|_F^2 \approx \frac{k q}{(k - r)(q - r)} \sum_{i > r} s_i^2

    for a :math:`k \times q` flattening of a sum of r terms and noise alike in all entries, of which the last singular
    values see what is outside of the terms on both sides. Zero where r is not below k: nothing is outside.
    """
    k = len(values)
    q = k if order == 4 else k * (k + 1) // 2
    if rank >= k:
        return 0.0
    return float(np.linalg.norm(values[rank:]) * np.sqrt(k * q / ((k - rank) * (q - rank))))


def is_noise_beyond(values: NDArray, rank: int) -> bool:
    """Whether the singular values fall at this rank, and those beyond it are alike, as those of noise are."""
    tail = values[rank:]
    if len(tail) == 0:
        return False
    fall = _FALL if len(tail) > 1 else _FALL_TO_ONE
    upper = tail[: 1 + len(tail) // 2]
    is_alike = rank_shown(values, rank) is None and bool(np.all(upper[:-1] <= _ALIKE * upper[1:]))
    return is_alike and bool(values[rank - 1] >= fall * tail[0])


def rank_shown(values: NDArray, above: int = 0) -> int | None:
    """The rank, above a given one, after which the singular values fall the most, and clearly; None if none does."""
    tail = np.maximum(values[above:], _ROUNDING * values[0])
    if tail[-1] > _ROUNDING * values[0]:
        tail = tail[: max(2, int(_TO_LOOK_AT * len(tail)))]
    ratios = tail[:-1] / tail[1:]
    return above + 1 + int(np.argmax(ratios)) if len(ratios) and ratios.max() >= _CLEAR else None


def in_words(values: NDArray, rank: int) -> str:
    """The singular values about a rank, and the rank that they show, as a line to read."""
    first = max(0, rank - _MOST_SAID)
    inside = ("... " if first else "") + ", ".join(f"{value:.2g}" for value in values[first:rank])
    outside = ", ".join(f"{value:.2g}" for value in values[rank : rank + _MOST_SAID])
    outside += " ..." if len(values) > rank + _MOST_SAID else ""
    line = f"singular values up to the rank {inside}; beyond it {outside or 'none, so that they show no noise'}"
    shown = rank_shown(values)
    return line if shown is None or shown == rank else f"{line}; they fall the most after {shown}: try that rank"
