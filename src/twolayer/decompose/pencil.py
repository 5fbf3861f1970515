r"""Generalised eigenvectors of two combinations of slices: the start of every algebraic method here."""

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import NDArray

from twolayer.decompose.symmetric_sum import unit_rows

__all__ = ["pencil_vectors"]


def pencil_vectors(C: NDArray, rng: np.random.Generator) -> tuple[NDArray, NDArray]:
    r"""Factors and their dual basis from two random combinations of slices :math:`C_l = A D_l A^\top`.

    For :math:`S = A D A^\top` and :math:`S' = A D' A^\top`, the solutions of :math:`S v = \mu S' v` are the rows v of
    :math:`A^{-1}`, and :math:`S v` is parallel to the column of A that belongs to it, so that nothing is inverted.
    Noise makes some solutions complex, in conjugate pairs: such a pair gives its real and its imaginary part, which
    span the same plane; two equal real parts would not.

    Parameters
    ----------
    C : array, shape (L, k, k)
    rng : Generator

    Returns
    -------
    A : array, shape (k, k)
        Unit columns.
    V : array, shape (k, k)
        Unit rows, parallel to the rows of the inverse of A.
    """
    S, S2 = np.tensordot(rng.standard_normal((2, len(C))), C, 1)
    values, vectors = scipy.linalg.eig(S, S2, check_finite=False)
    V = unit_rows(np.where(np.imag(values) < 0, vectors.imag, vectors.real).T)
    other = S + S2 * (np.linalg.norm(S) / np.linalg.norm(S2))
    return unit_rows(V @ other).T, V
