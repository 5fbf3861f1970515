r"""The majority vote: the attack that breaks a formula planted without care, in one pass over the samples.

Where the literals of satisfied clauses are true more often than not, as they are if values are uniform among those that
satisfy, the sign of :math:`\sum_{(x,y)} (2y - 1)\,x`, summed over patches, is the planted assignment.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from twolayer.arrays import frozen_array, whole_number
from twolayer.errors import InputError
from twolayer.instances.instance import Inputs
from twolayer.papers.daniely2020hardness.instances.sign_cnn import cnn_output

__all__ = ["MajorityVote"]


class MajorityVote:
    """A learner of convolutional networks made from a sign-CNN: with a filter of ±1 or with a random one.

    Parameters
    ----------
    patch_size : int
        The t = n' + 1.
    pooling : {"clip", "max"}

    Attributes
    ----------
    filter : array, shape (t,)
        Found by `fit`: signs by the vote, magnitudes from those of the inputs.

    Notes
    -----
    In a patch of K literals a coordinate of a sign-CNN is ±1, the last one −(K − 1); a random filter z of one of the
    laws with independent entries, or of the sphere, divides coordinate r by its entry. So magnitudes are read off the
    inputs, and only signs are to be found. Time and memory linear in the non-zeros.
    """

    filter: NDArray[np.float64]

    def __init__(self, patch_size: int, pooling: str = "clip") -> None:
        self.patch_size = whole_number(patch_size, "the size of a patch", least=2)
        self.pooling = pooling

    def fit(self, X: Inputs, y: ArrayLike) -> "MajorityVote":
        """Vote.

        Raises
        ------
        InputError
            If patches do not divide the inputs, or labels and inputs are not of the same number.
        """
        labels, t = frozen_array(y, "y", ndim=1), self.patch_size
        rows = sparse.csr_array(X)
        if rows.shape[1] % t or len(labels) != rows.shape[0]:
            raise InputError(f"expected patches of {t} coordinates and {len(labels)} rows, found inputs {rows.shape}")
        votes = (rows.T @ (2 * labels - 1)).reshape(-1, t).sum(axis=0)
        sizes = np.zeros(t)
        np.maximum.at(sizes, rows.indices % t, np.abs(rows.data))
        sizes[sizes == 0] = 1.0  # of a variable that never occurs
        self.filter = np.where(votes < 0, -1.0, 1.0) / sizes
        last = rows.indices % t == t - 1
        n_patches = int(last.sum())
        clause_size = (rows.nnz - n_patches) / max(n_patches, 1)
        sign = -1.0 if rows.data[last].sum() > 0 else 1.0
        self.filter[-1] = sign * (clause_size - 1) / sizes[-1]
        return self

    def predict(self, X: Inputs) -> NDArray[np.float64]:
        """Evaluate the network with the filter found."""
        return cnn_output(X, self.filter, self.pooling)
