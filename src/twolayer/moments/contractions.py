r"""Products with Hermite moments that are never formed, for the algorithms of zhong2017recovery.

All of them contract :math:`M_j = \frac1n \sum_s y_s He_j(x_s)` with a vector α in all places but one, two or three.
With :math:`t = \alpha^\top x` and the homogeneous polynomials :math:`H_p = \|\alpha\|^p He_p(t / \|\alpha\|)`,

.. math:: H_0 = 1, \qquad H_1 = t, \qquad H_{p+1} = t\, H_p - p\, \|\alpha\|^2 H_{p-1},

each is a coefficient of the generating function :math:`e^{\langle u, x\rangle - \|u\|^2 / 2}` of the Hermite tensors.
For standard Gaussian x and :math:`y = \sum_i v_i \varphi(w_i^\top x)` the expectation of :math:`M_j` is
:math:`\sum_i v_i m_{j,i} \bar w_i^{\otimes j}` (zhong2017recovery, Claim 5.2), and its contractions follow.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import LinearOperator

from twolayer.arrays import frozen_array, whole_number
from twolayer.errors import InputError
from twolayer.moments.accumulator import checked_basis
from twolayer.moments.pairs import pair_count, pair_positions, pair_products
from twolayer.rows import blocks as slices
from twolayer.rows.passes import Sums, block_rows, gram_rows, pass_sum, real_sample
from twolayer.symtensor import multi_indices, unpack

__all__ = ["MomentOperator", "moment_cube", "moment_vector"]


def moment_vector(
    X: ArrayLike, y: ArrayLike, order: int, alpha: ArrayLike | None = None, *, workers: int | None = None
) -> NDArray:
    r"""Moment contracted to a vector, :math:`M_j(I, \alpha, \dots, \alpha) \in \mathbb R^d`.

    .. math:: M_j(I, \alpha^{j-1}) = \frac1n \sum_{s=1}^n y_s
        \bigl( H_{j-1}(t_s)\, x_s - (j-1)\, H_{j-2}(t_s)\, \alpha \bigr),

    with :math:`H_p` as in :mod:`twolayer.moments.contractions`. Order 1 is :math:`M_1 = \frac1n \sum_s y_s x_s`.

    Parameters
    ----------
    X : array, shape (n, d)
    y : array, shape (n,)
    order : int
        The j, at least 1.
    alpha : array, shape (d,), optional
        Needed above order 1. Of any length.
    workers : int, optional
        Threads; as many as BLAS would use if not given. The result does not depend on it.

    Returns
    -------
    array, shape (d,)

    Raises
    ------
    InputError
        If X, y, `order` or `alpha` is not as above, or the result is not finite.

    Notes
    -----
    Time ``O(n d)``, memory a block of rows a worker. Each entry has a standard error of about
    :math:`\|\alpha\|^{j-1} \sqrt{(j-1)!\, \mathbb E[y^2] / n}`, for entries along α :math:`\sqrt j` times that. A unit
    contributes in proportion to :math:`(\alpha^\top \bar w_i)^{j-1}`, about :math:`d^{-(j-1)/2}` for a random unit α of
    R^d: choose α in a subspace that holds the units. Zero in expectation where :math:`m_{j,i}` vanishes (ReLU without
    bias: every odd j above 1).
    """
    X, y, alpha = _checked(X, y, order, 1, alpha)

    def kernel(X: NDArray, y: NDArray) -> Sums:
        top, below = _scaled_hermite(X @ alpha, alpha @ alpha, order - 1, 2)
        return (y * top) @ X, np.array([y @ below])

    moment, lower = pass_sum(kernel, [(X, y)], X.shape[1], workers)
    return (moment - (order - 1) * lower * alpha) / len(y)


class MomentOperator(LinearOperator):
    r"""The matrix :math:`M_j(I, I, \alpha, \dots, \alpha)`, known by its products: P_2 of zhong2017recovery.

    .. math:: M_j(I, I, \alpha^{j-2})\, Q = \frac1n X^\top (w \circ X Q) - \bar w\, Q
            + \alpha\, (p^\top Q) + p\, (\alpha^\top Q), \qquad w_s = y_s H_{j-2}(t_s),

    .. math:: p = -\frac{j-2}{n} \sum_s y_s H_{j-3}(t_s)\, x_s
            + \frac{(j-2)(j-3)}{2n} \sum_s y_s H_{j-4}(t_s)\, \alpha,

    with :math:`H_p` as in :mod:`twolayer.moments.contractions`. Order 2 is M_2, order 3 :math:`M_3(I, I, \alpha)` and
    order 4 :math:`M_4(I, I, \alpha, \alpha)`. Symmetric; a SciPy ``LinearOperator``, so ``P @ Q``, ``P.matmat(Q)`` and
    ``scipy.sparse.linalg.eigsh(P)`` work.

    Parameters
    ----------
    X : array, shape (n, d)
        Kept, not copied.
    y : array, shape (n,)
    order : int
        The j, at least 2: which moment stands for P_2 is the caller's choice.
    alpha : array, shape (d,), optional
        Needed above order 2. Of any length.
    workers : int, optional
        Threads; as many as BLAS would use if not given. The products do not depend on it.

    Raises
    ------
    InputError
        If X, y, `order` or `alpha` is not as above, or the moment is not finite.

    Notes
    -----
    Time ``2 n d k`` multiply-adds a product with k columns, memory ``O(n)`` and a block of rows a worker; nothing of
    size ``d**2``. An entry has a standard error of about :math:`\|\alpha\|^{j-2} \sqrt{(j-2)!\, \mathbb E[y^2] / n}`
    away from α, and the error a spectral norm of about :math:`2 \sqrt d` times that once n is well above d. Blind to
    units with :math:`m_{j,i} (\alpha^\top \bar w_i)^{j-2} = 0` (ReLU without bias: j = 3). M_2 itself, from
    :class:`~twolayer.moments.HermiteMoments`, costs as many operations as products with d / 4 columns in all.
    """

    def __init__(
        self, X: ArrayLike, y: ArrayLike, order: int, alpha: ArrayLike | None = None, *, workers: int | None = None
    ) -> None:
        X, y, alpha = _checked(X, y, order, 2, alpha)
        super().__init__(np.dtype(np.float64), (X.shape[1], X.shape[1]))
        self.order, self._X, self._alpha, self._workers = order, X, alpha, workers
        self._weights = np.array(y, dtype=np.float64)
        weight, vector, scalar = self._weigh()
        self._shift = weight / len(y)
        self._p = (-(order - 2) * vector + (order - 2) * (order - 3) / 2 * scalar * alpha) / len(y)

    def _weigh(self) -> Sums:
        """Turn the labels into the rows' weights, in place; return the sums that the corrections are made of."""
        alpha, order = self._alpha, self.order

        def kernel(X: NDArray, y: NDArray) -> Sums:
            top, below, bottom = _scaled_hermite(X @ alpha, alpha @ alpha, order - 2, 3)
            lower = (y * below) @ X, np.array([y @ bottom])
            y *= top
            return np.array([y.sum()]), *lower

        return pass_sum(kernel, [(self._X, self._weights)], self._X.shape[1], self._workers)

    def restrict(self, V: ArrayLike) -> NDArray:
        r"""The matrix seen through V (d, k), :math:`M_j(V, V, \alpha, \dots, \alpha)`: (k, k), in time ``O(n d k)``."""
        V = checked_basis(V, self.shape[0])
        seen = V.T @ self.matmat(V)
        return (seen + seen.T) / 2

    def _matmat(self, Q: NDArray) -> NDArray:
        Q = np.asarray(Q, dtype=np.float64)

        def kernel(X: NDArray, w: NDArray) -> Sums:
            total = np.zeros((X.shape[1], Q.shape[1]))
            for cut in slices(len(w), block_rows(X.shape[1])):
                total += X[cut].T @ (w[cut, None] * (X[cut] @ Q))
            return (total,)

        (product,) = pass_sum(kernel, [(self._X, self._weights)], self._X.shape[1], self._workers)
        product /= len(self._weights)
        return product - self._shift * Q + np.outer(self._alpha, self._p @ Q) + np.outer(self._p, self._alpha @ Q)

    def _adjoint(self) -> "MomentOperator":
        return self

    def _transpose(self) -> "MomentOperator":
        return self


def moment_cube(
    X: ArrayLike,
    y: ArrayLike,
    V: ArrayLike,
    order: int,
    alpha: ArrayLike | None = None,
    *,
    workers: int | None = None,
) -> NDArray:
    r"""Moment seen through V in three places, :math:`M_j(V, V, V, \alpha, \dots, \alpha)`: R_3 of zhong2017recovery.

    With :math:`z = V^\top x`, :math:`a = V^\top \alpha`, :math:`G = V^\top V` and :math:`p = j - 3`,

    .. math:: M_j(V, V, V, \alpha^p) = \frac1n \sum_s y_s \bigl(
        & H_p z^{\otimes 3} - p H_{p-1}\, \mathrm{sym}(z \otimes z \otimes a)
        + p(p-1) H_{p-2}\, \mathrm{sym}(z \otimes a \otimes a) - p(p-1)(p-2) H_{p-3}\, a^{\otimes 3} \\
        & - H_p\, \mathrm{sym}(z \otimes G) + p H_{p-1}\, \mathrm{sym}(a \otimes G) \bigr),

    "sym" summing over the three placements and :math:`H_p` as in :mod:`twolayer.moments.contractions`. Order 3 is
    :math:`M_3(V, V, V)`, order 4 :math:`M_4(V, V, V, \alpha)`.

    Parameters
    ----------
    X : array, shape (n, d)
    y : array, shape (n,)
    V : array, shape (d, k)
        Its columns need not be orthonormal.
    order : int
        The j, at least 3: which moment stands for P_3 is the caller's choice.
    alpha : array, shape (d,), optional
        Needed above order 3. Of any length.
    workers : int, optional
        Threads; as many as BLAS would use if not given. The result does not depend on it.

    Returns
    -------
    array, shape (k, k, k)
        Exactly symmetric.

    Raises
    ------
    InputError
        If X, y, V, `order` or `alpha` is not as above, or the result is not finite.

    Notes
    -----
    Time ``n (d k + k**3 / 2)`` multiply-adds, memory ``O(k**3)`` and a block of rows a worker; nothing of size
    ``d**3``. For orthonormal columns an entry away from the diagonals and from α has a standard error of about
    :math:`\|\alpha\|^{j-3} \sqrt{(j-3)!\, \mathbb E[y^2] / n}`, others a few times that. For order 4 take α inside the
    span of V, ``V @ a`` with a random unit a: then :math:`|\alpha^\top \bar w_i|` is about :math:`1 / \sqrt k`, not
    :math:`1 / \sqrt d`. One α alone serves badly: some :math:`\alpha^\top \bar w_i` may be near 0.
    """
    X, y, alpha = _checked(X, y, order, 3, alpha)
    V = checked_basis(V, X.shape[1])
    p, k, width = order - 3, V.shape[1], pair_count(V.shape[1])

    def kernel(X: NDArray, y: NDArray) -> Sums:
        totals = np.zeros((width, k)), np.zeros(width), np.zeros((2, k)), np.zeros(2)
        Z, H = X @ V, [y * h for h in _scaled_hermite(X @ alpha, alpha @ alpha, p, 4)]
        rows = gram_rows(width)
        workspace = np.empty((min(rows, len(y)), width))
        for cut in slices(len(y), rows):
            z, pairs, (h0, h1, h2, h3) = Z[cut], pair_products(Z[cut], workspace), (part[cut] for part in H)
            totals[0][:] += pairs.T @ (h0[:, None] * z)
            totals[1][:] += h1 @ pairs
            totals[2][:] += h0 @ z, h2 @ z
            totals[3][:] += h1.sum(), h3.sum()
        return totals

    sums = pass_sum(kernel, [(X, y)], max(X.shape[1], width), workers)
    cubes, squares, (vectors, vectors_below), (scalar, scalar_below) = (total / len(y) for total in sums)
    pair, a, G = pair_positions(k), V.T @ alpha, V.T @ V
    linear = p * scalar * a - vectors

    b, c, d = multi_indices(k, 3).T
    entries = cubes[pair[b, c], d] - p * (p - 1) * (p - 2) * scalar_below * a[b] * a[c] * a[d]
    for f, g, h in ((b, c, d), (c, b, d), (d, b, c)):
        entries += linear[f] * G[g, h] - p * a[f] * squares[pair[g, h]] + p * (p - 1) * vectors_below[f] * a[g] * a[h]
    return unpack(entries, k, 3)


def _scaled_hermite(t: NDArray, square: float, top: int, count: int) -> list[NDArray]:
    r"""The polynomials :math:`H_{top}, H_{top-1}, \dots`, `count` of them; zero where the order is negative."""
    values = [np.zeros_like(t)] * (count - 1) + [np.ones_like(t)]
    for p in range(top):
        values.append(t * values[-1] - p * square * values[-2])
    return values[: -count - 1 : -1]


def _checked(
    X: ArrayLike, y: ArrayLike, order: int, least: int, alpha: ArrayLike | None
) -> tuple[NDArray, NDArray, NDArray]:
    """X, y and alpha (zeros where none is needed), or InputError."""
    X, y = real_sample(X, y)
    whole_number(order, "order", least)
    if alpha is None and order > least:
        raise InputError(f"a moment of order {order} needs alpha for its last {order - least} places, found none")
    vector = np.zeros(X.shape[1]) if alpha is None else frozen_array(alpha, "alpha", 1)
    if len(vector) != X.shape[1]:
        raise InputError(f"alpha must have length {X.shape[1]}, an entry for each column of X, found {len(vector)}")
    return X, y, vector
