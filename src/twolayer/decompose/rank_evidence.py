r"""What the singular values of a tensor say of its rank, and of its noise.

The flattening of :math:`\sum_{i=1}^r \lambda_i u_i^{\otimes p}` with ⌊p/2⌋ axes in the rows has rank r, up to d for
p = 3 and d(d + 1)/2 for p = 4; noise lifts the other singular values, all of them to its own level.
"""

import numpy as np
from numpy.typing import NDArray

from twolayer.decompose.flattening import flattened
from twolayer.decompose.standards import STANDARDS, Standards

__all__ = ["in_words", "is_noise_beyond", "noise_level", "rank_shown", "singular_values"]


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


def is_noise_beyond(values: NDArray, rank: int, standards: Standards = STANDARDS) -> bool:
    """Whether the singular values fall at this rank, and those beyond it are alike, as those of noise are."""
    tail = values[rank:]
    if len(tail) == 0:
        return False
    fall = standards.fall if len(tail) > 1 else standards.fall_to_one
    upper = tail[: 1 + len(tail) // 2]
    is_alike = rank_shown(values, rank, standards) is None and bool(np.all(upper[:-1] <= standards.alike * upper[1:]))
    return is_alike and bool(values[rank - 1] >= fall * tail[0])


def rank_shown(values: NDArray, above: int = 0, standards: Standards = STANDARDS) -> int | None:
    """The rank, above a given one, after which the singular values fall the most, and clearly; None if none does."""
    rounding = standards.rounding * values[0]
    tail = np.maximum(values[above:], rounding)
    if tail[-1] > rounding:  # the least singular values of noise may be of any smallness
        tail = tail[: max(2, int(standards.looked_at * len(tail)))]
    ratios = tail[:-1] / tail[1:]
    return above + 1 + int(np.argmax(ratios)) if len(ratios) and ratios.max() >= standards.clear else None


def in_words(values: NDArray, rank: int, most: int = 6) -> str:
    """The singular values about a rank, so many on either side, and the rank that they show, as a line to read."""
    first = max(0, rank - most)
    inside = ("... " if first else "") + ", ".join(f"{value:.2g}" for value in values[first:rank])
    outside = ", ".join(f"{value:.2g}" for value in values[rank : rank + most])
    outside += " ..." if len(values) > rank + most else ""
    line = f"singular values up to the rank {inside}; beyond it {outside or 'none, so that they show no noise'}"
    shown = rank_shown(values)
    return line if shown is None or shown == rank else f"{line}; they fall the most after {shown}: try that rank"
