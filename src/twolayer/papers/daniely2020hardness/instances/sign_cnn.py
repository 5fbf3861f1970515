r"""From labelled tuples to the sign-CNN: clauses become patches, and an assignment becomes a filter of ±1.

With n' variables a patch has t = n' + 1 coordinates. Clause :math:`[(\alpha_1, i_1), \dots, (\alpha_K, i_K)]` becomes
the patch p with :math:`p_{i_j} = -\alpha_j`, last coordinate −(K − 1), and zeros elsewhere. The filter of ψ is (ψ, 1),
and

.. math:: \langle (\psi, 1), p \rangle = -\sum_j \alpha_j\psi_{i_j} - (K - 1)
   \begin{cases} = 1 & \text{every literal is false} \\ \le -1 & \text{otherwise,} \end{cases}

so that each ReLU says whether its clause is false, and their clipped sum, or their maximum, is
:math:`1 - T_{K,M}(U(\psi))`. All of it in integers that floating point holds exactly.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from twolayer.arrays import frozen_array, whole_number
from twolayer.errors import InputError
from twolayer.instances.instance import Inputs
from twolayer.papers.daniely2020hardness.instances.formula import checked_assignment
from twolayer.papers.daniely2020hardness.instances.reduction import LabelledTuples

__all__ = ["OUTPUTS", "cnn_output", "encode", "fully_connected_output", "sign_filter"]

OUTPUTS = {
    "clip": "the sum of the hidden units, clipped to [0, 1]",
    "max": "the largest of the hidden units",
}
_ENTRIES_AT_ONCE = 1 << 22  # of hidden units: 32 MB
_MOST_COORDINATES = int(np.iinfo(np.int32).max)  # indices of sparse rows are int32


def encode(sample: LabelledTuples, n_patches: int | None = None) -> tuple[sparse.csr_array, NDArray[np.float64]]:
    r"""Write each tuple as an input of the sign-CNN, its clauses as patches and spare patches zero.

    Parameters
    ----------
    sample : LabelledTuples
        With M clauses to a tuple, on n' variables.
    n_patches : int, optional
        The number k ≥ M of patches, M by default: the hidden units of the network.

    Returns
    -------
    X : scipy.sparse.csr_array, shape (m, k(n' + 1))
        Integers as float64, with M(K + 1) non-zeros in a row: :math:`\|x\|^2 = M(K^2 - K + 1)`.
    y : array, shape (m,)
        0 and 1.

    Raises
    ------
    InputError
        If there are fewer patches than clauses, or so many that inputs have 2^31 coordinates or more.
    """
    tuples = sample.tuples
    K, M, m = tuples.predicate.clause_size, tuples.predicate.n_clauses, len(tuples)
    k, t = M if n_patches is None else n_patches, tuples.n_variables + 1
    require_patches(k, M, t)
    variables = tuples.variables.reshape(m, M, K)
    order = np.argsort(variables, axis=2)
    index_type = np.int32 if m * M * (K + 1) <= _MOST_COORDINATES else np.int64
    indices = np.empty((m, M, K + 1), dtype=index_type)
    indices[:, :, :K] = np.take_along_axis(variables, order, axis=2)
    indices[:, :, K] = t - 1
    indices += (np.arange(M, dtype=index_type) * t)[:, None]
    values = np.empty((m, M, K + 1))
    values[:, :, :K] = -np.take_along_axis(tuples.signs.reshape(m, M, K), order, axis=2)
    values[:, :, K] = -(K - 1)
    ends = np.arange(m + 1, dtype=index_type) * (M * (K + 1))
    X = sparse.csr_array((values.ravel(), indices.ravel(), ends), shape=(m, k * t))
    return X, sample.y.astype(np.float64)


def require_patches(n_patches: int, n_clauses: int, patch_size: int) -> None:
    """Refuse fewer patches than clauses, or so many that inputs have 2^31 coordinates or more.

    Raises
    ------
    InputError
        Which names the nearest number allowed.
    """
    k, M, t = whole_number(n_patches, "the number of patches"), n_clauses, patch_size
    if k < M:
        raise InputError(f"{M} clauses need as many patches, found {k}; nearest allowed: {M}")
    if t > _MOST_COORDINATES:
        raise InputError(f"a patch may have {_MOST_COORDINATES} coordinates, found {t}; nearest: {_MOST_COORDINATES}")
    if k * t > _MOST_COORDINATES:
        most = _MOST_COORDINATES // t
        raise InputError(f"inputs may have {_MOST_COORDINATES} coordinates, found {k} patches of {t}; nearest: {most}")


def sign_filter(assignment: ArrayLike) -> NDArray[np.float64]:
    """Make the filter (ψ, 1) of an assignment, shape (n' + 1,)."""
    return np.append(checked_assignment(assignment), 1).astype(np.float64)


def cnn_output(X: Inputs, w: ArrayLike, output: str = "clip") -> NDArray[np.float64]:
    r"""Evaluate the network of non-overlapping patches with one filter, exactly where all numbers are small integers.

    .. math:: h_w(x) = \Bigl[\sum_{i=1}^{n/t} [\langle w, x^{(i)} \rangle]_+\Bigr]_{[0,1]}
       \quad\text{or}\quad \max_i\,[\langle w, x^{(i)} \rangle]_+ .

    Parameters
    ----------
    X : array or scipy.sparse.csr_array, shape (m, n)
    w : array, shape (t,)
        The filter; t divides n.
    output : {"clip", "max"}

    Returns
    -------
    array, shape (m,)

    Raises
    ------
    InputError
        If t does not divide n, or the output is unknown.

    Notes
    -----
    Time linear in the non-zeros of X and in the m·n/t hidden values, memory in m and n/t, as rows are taken in blocks.
    """
    filter_ = frozen_array(w, "the filter", ndim=1)
    rows, n = X.shape
    t = len(filter_)
    if t == 0 or n % t:
        nearest = max(1, round(n / max(t, 1))) * max(t, 1)
        raise InputError(f"patches of {t} coordinates do not divide inputs of {n}; nearest allowed: {nearest} inputs")
    k = n // t
    if isinstance(X, np.ndarray):
        return pooled(X.reshape(rows, k, t) @ filter_, output)
    labels = np.empty(rows)
    step = max(1, min(_ENTRIES_AT_ONCE * rows // max(X.nnz, 1), _ENTRIES_AT_ONCE // k))
    for start in range(0, rows, step):
        block = X[start : start + step]
        row = np.repeat(np.arange(block.shape[0]), np.diff(block.indptr))
        unit = row * k + block.indices // t
        sums = np.bincount(unit, weights=block.data * filter_[block.indices % t], minlength=block.shape[0] * k)
        labels[start : start + step] = pooled(np.asarray(sums.reshape(-1, k), dtype=np.float64), output)
    return labels


def fully_connected_output(X: Inputs, W: ArrayLike, output: str = "clip") -> NDArray[np.float64]:
    r"""Evaluate the fully connected network with output weights 1.

    .. math:: h_W(x) = \Bigl[\sum_i [\langle w_i, x \rangle]_+\Bigr]_{[0,1]}
       \quad\text{or}\quad \max_i\,[\langle w_i, x \rangle]_+ .

    Parameters
    ----------
    X : array or scipy.sparse.csr_array, shape (m, n)
    W : array, shape (k, n)
        Rows are units: the transpose of the paper's W.
    output : {"clip", "max"}

    Returns
    -------
    array, shape (m,)

    Raises
    ------
    InputError
        If the shapes do not fit, or the output is unknown.
    """
    weights = frozen_array(W, "W", ndim=2)
    if X.shape[1] != weights.shape[1]:
        raise InputError(f"inputs have {X.shape[1]} coordinates, and units {weights.shape[1]}")
    return pooled(X @ weights.T, output)


def pooled(values: NDArray[np.float64], output: str) -> NDArray[np.float64]:
    """Pool preactivations (m, k), each through a ReLU, into the output (m,)."""
    if output not in OUTPUTS:
        raise InputError(f"the output must be one of {', '.join(OUTPUTS)}, found {output!r}")
    hidden = np.maximum(values, 0)
    return np.minimum(hidden.sum(axis=1), 1) if output == "clip" else hidden.max(axis=1)
