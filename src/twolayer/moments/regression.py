"""Least-squares polynomials in the Hermite basis, of a sample or of a subspace of it."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from math import comb, factorial, sqrt
from typing import TypeAlias
from warnings import warn

import numpy as np
import scipy.linalg
from numpy.typing import ArrayLike, NDArray
from scipy.sparse.linalg import LinearOperator, cg

from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.hermite import hermite_values
from twolayer.moments.accumulator import checked_basis
from twolayer.moments.pairs import pair_count, pair_products
from twolayer.one_line import in_one_line
from twolayer.rows import blocks as slices
from twolayer.rows.passes import (
    Block,
    Sums,
    block_rows,
    gram_rows,
    gram_sums,
    one_blas_thread,
    opened,
    pass_sum,
    reiterable,
    worker_count,
)
from twolayer.symtensor import multi_indices, multiplicities, unpack

__all__ = ["HermitePolynomial", "hermite_regression"]

_MAX_DIRECT = 2048  # coefficients up to which normal equations are formed: 32 MiB a worker, solved in a second
_CG_RTOL = 1e-10  # of the moment: far below the noise of any sample
_CG_STEPS = 1000  # a limit: what needs more is not determined by the rows


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class HermitePolynomial:
    r"""Polynomial given by its Hermite moments.

    .. math:: p(x) = \sum_{j=0}^{q} \frac1{j!} \langle T_j, He_j(V^\top x) \rangle, \qquad
        \mathbb E[p(x)\, He_j(V^\top x)] = T_j,

    for standard Gaussian x and a V with orthonormal columns. Calling it on X (n, d) gives p at the rows, shape (n,), in
    ``O(n (d k + k**2))`` for degree 2 and ``O(n k**4)`` for degree 4.

    Parameters
    ----------
    tensors : sequence of arrays
        :math:`T_0, \dots, T_q`, symmetric, of shapes (), (k,), (k, k), … for a degree q of at most 4.
    V : array, shape (d, k), or None
        None for the whole space.
    """

    tensors: tuple[NDArray, ...]
    V: NDArray | None = None

    @property
    def degree(self) -> int:
        """The degree q."""
        return len(self.tensors) - 1

    def __call__(self, X: NDArray) -> NDArray:
        """Values at the rows of X."""
        X = np.asarray(X)
        k = len(self.tensors[1]) if self.degree else 1
        rows = block_rows(max(X.shape[1], k if self.degree < 3 else pair_count(k)))
        values = np.empty(len(X))
        for cut in slices(len(X), rows):
            values[cut] = self._values(X[cut])
        return values

    def _values(self, X: NDArray) -> NDArray:
        powers = self._power_coefficients
        values = np.full(len(X), powers[0])
        if self.degree == 0:
            return values
        Z = X if self.V is None else X @ self.V
        values += Z @ powers[1]
        if self.degree >= 2:
            values += np.einsum("sa,sa->s", Z @ powers[2], Z)
        if self.degree >= 3:
            pairs = pair_products(Z, np.empty((len(Z), pair_count(Z.shape[1]))))
            values += np.einsum("sa,sa->s", pairs @ powers[3], Z)
            if self.degree == 4:
                values += np.einsum("sa,sa->s", pairs @ powers[4], pairs)
        return values

    @cached_property
    def _power_coefficients(self) -> list[NDArray]:
        """Coefficients of 1, z, z z, and of (pairs, z) and (pairs, pairs) for the orders 3 and 4."""
        k = len(self.tensors[1]) if self.degree else 0
        first, second = np.triu_indices(k)
        times = np.where(first == second, 1.0, 2.0)
        T = [np.asarray(tensor, dtype=np.float64) for tensor in self.tensors]
        powers = [T[0].copy(), *(tensor.copy() for tensor in T[1:3])]
        if self.degree >= 2:
            powers[0] -= np.trace(T[2]) / 2
            powers[2] /= 2
        if self.degree >= 3:
            powers[1] -= np.einsum("abb->a", T[3]) / 2
            powers.append(times[:, None] * T[3][first, second] / 6)
        if self.degree == 4:
            traced = np.einsum("abcc->ab", T[4])
            powers[0] += np.trace(traced) / 8
            powers[2] -= traced / 4
            powers.append(times[:, None] * T[4][first, second][:, first, second] * times / 24)
        return powers


def hermite_regression(
    blocks: Iterable[Block],
    degree: int,
    V: ArrayLike | None = None,
    *,
    control: Callable[[NDArray], NDArray] | None = None,
    workers: int | None = None,
) -> HermitePolynomial:
    r"""Least-squares fit of y by all polynomials of :math:`z = V^\top x` up to a degree, read off as Hermite moments.

    .. math:: \hat c = \arg\min_c \sum_s \Bigl( y_s - \sum_{|\beta| \le q} c_\beta\, h_\beta(z_s) \Bigr)^2, \qquad
        \hat T_\beta = \sqrt{\beta!}\; \hat c_\beta, \qquad h_\beta(z) = \prod_i He_{\beta_i}(z_i) / \sqrt{\beta_i!}.

    For standard Gaussian x the :math:`h_\beta` are orthonormal, so :math:`\hat T` estimates the same moments as
    averaging :math:`y\, He_j` does, without the noise that the fitted orders make in each other.

    Parameters
    ----------
    blocks : iterable of (X, y)
        Arrays of shapes (rows, d) and (rows,); ``[(X, y)]`` for a sample in memory.
    degree : int
        The q, 0 to 4.
    V : array, shape (d, k), optional
        Orthonormal columns; the whole space if not given.
    control : callable, optional
        Maps rows (r, d) to values (r,) that are subtracted from y first.
    workers : int, optional
        Threads; as many as BLAS would use if not given. The result does not depend on it.

    Returns
    -------
    HermitePolynomial

    Raises
    ------
    InputError
        If a block or V is malformed, V is not orthonormal, the rows are fewer than the p = C(k + q, q) coefficients, or
        p is above 2048 with q above 2; or if p is above 2048 and `blocks` can be iterated over only once.

    Warns
    -----
    UserWarning
        If a fit by conjugate gradients stops short of a relative residual of 1e-10.

    Notes
    -----
    One pass with ``n p**2 / 2`` multiply-adds and ``O(p**2)`` memory a worker for p up to 2048 (k = 62 at degree 2,
    k = 12 at degree 4) and for every linear fit. A quadratic with more coefficients than that is fitted by conjugate
    gradients on the normal equations: ``1.5 n k**2`` multiply-adds a step and ``O(k**2)`` memory, in about 20 steps for
    n = 10 p, 70 for 2 p and 400 for 1.1 p. If the design is singular (z on a few points) the solution of least norm is
    taken.

    With r the residual, an entry's standard error is about :math:`\sqrt{\beta!\, \mathbb E[r^2] / (n - p)}`: worse than
    averaging when n is close to p.
    """
    most = 4  # as many orders as HermiteMoments accumulates
    if degree not in range(most + 1):
        raise InputError(f"degree must be an integer from 0 to {most}, found {degree!r}")
    stream, d = opened(blocks)
    basis = None if V is None else _orthonormal(V, d)
    k = d if basis is None else basis.shape[1]

    def seen(X: NDArray) -> NDArray:
        return X if basis is None else X @ basis

    def left(X: NDArray, y: NDArray) -> NDArray:
        return y if control is None else y - control(X)

    if degree < 2 or comb(k + degree, degree) <= _MAX_DIRECT:
        return HermitePolynomial(_direct_fit(stream, seen, left, (d, k), degree, workers), basis)
    if degree > 2:
        raise InputError(
            f"a fit of degree {degree} in {k} dimensions has {comb(k + degree, degree)} coefficients, but at most "
            f"{_MAX_DIRECT} can be fitted: lower the degree or give a V with fewer columns"
        )
    return HermitePolynomial(_iterative_quadratic(reiterable(blocks), seen, left, (d, k), workers), basis)


Seen: TypeAlias = Callable[[NDArray], NDArray]  # x to z
Left: TypeAlias = Callable[[NDArray, NDArray], NDArray]  # x and y to the labels to be fitted


def _direct_fit(
    blocks: Iterator[Block], seen: Seen, left: Left, dims: tuple[int, int], degree: int, workers: int | None
) -> tuple[NDArray, ...]:
    """Normal equations of all normalised Hermite products, solved by a factorisation."""
    d, k = dims
    size = comb(k + degree, degree)

    def kernel(X: NDArray, y: NDArray) -> Sums:
        Z, y = seen(X), left(X, y)
        rows = gram_rows(size + 1)
        workspace, scratch = np.empty((2, size + 1, min(rows, len(y))))
        gram, product = np.zeros((2, size + 1, size + 1))
        for cut in slices(len(y), rows):
            features = workspace[:, : len(y[cut])]
            _hermite_products(Z[cut], degree, features[:-1], scratch[:, : len(y[cut])])
            features[-1] = y[cut]
            gram += np.matmul(features, features.T, out=product)
        return gram, np.array([float(len(y))])

    gram, (count,) = pass_sum(kernel, blocks, max(d, size + 1), workers)
    _check_rows(int(count), size, degree, k)
    coefficients = _solve(gram[:-1, :-1] / count, gram[:-1, -1] / count)
    return _tensors(coefficients[_product_plan(k, degree)[1]], k, degree)


def _hermite_products(Z: NDArray, degree: int, out: NDArray, scratch: NDArray) -> None:
    """Fill out (p, n) with the normalised Hermite products of the rows of Z (n, k), in the order of `_product_plan`."""
    k = Z.shape[1]
    out[0] = 1.0
    if degree == 1:
        out[1:] = Z.T
        return
    H = hermite_values(Z.T, degree)
    for j in range(2, degree + 1):
        H[j] /= sqrt(factorial(j))
    for rows, factors, power, variables in _product_plan(k, degree)[0]:
        np.take(out[: rows.start], factors, axis=0, out=out[rows], mode="clip")
        out[rows] *= np.take(H[power], variables, axis=0, out=scratch[: len(variables)], mode="clip")


@cache
def _product_plan(k: int, degree: int) -> tuple[list[tuple[slice, NDArray, int, NDArray]], NDArray]:
    """How each product is an earlier one times one polynomial, and the row of each multi-index, order by order.

    The steps are (rows, rows of the factors, order of the polynomials, their variables): the polynomial takes all the
    copies of the last variable of a multi-index.
    """
    steps: list[tuple[slice, NDArray, int, NDArray]] = []
    row_of, start = np.zeros(comb(k + degree, degree), dtype=np.intp), 1
    for j in range(1, degree + 1):
        table = multi_indices(k, j)
        copies = np.sum(table == table[:, -1:], axis=1)
        for power in range(1, j + 1):
            (chosen,) = np.nonzero(copies == power)
            factors = comb(k + j - power - 1, k) + _positions(table[chosen, : j - power], k)
            rows = slice(start, start + len(chosen))
            steps.append((rows, row_of[factors], power, table[chosen, -1]))
            row_of[comb(k + j - 1, k) + chosen] = np.arange(start, rows.stop)
            start = rows.stop
    return steps, row_of


def _positions(table: NDArray, k: int) -> NDArray:
    """Positions of non-decreasing multi-indices, the rows of `table`, among all of their order."""
    digits = k ** np.arange(table.shape[1])[::-1]
    return np.searchsorted(multi_indices(k, table.shape[1]) @ digits, table @ digits)


def _solve(gram: NDArray, moment: NDArray) -> NDArray:
    """Solution of the normal equations; that of least norm where they are singular."""
    with one_blas_thread():
        try:
            return scipy.linalg.cho_solve(scipy.linalg.cho_factor(gram), moment)
        except np.linalg.LinAlgError:
            values, vectors = scipy.linalg.eigh(gram)
            kept = values > len(values) * np.finfo(float).eps * values[-1]
            return vectors[:, kept] @ ((moment @ vectors[:, kept]) / values[kept])


def _tensors(coefficients: NDArray, k: int, degree: int) -> tuple[NDArray, ...]:
    """Hermite moments of the polynomial with these coefficients."""
    tensors, start = [coefficients[0].copy()], 1
    for j in range(1, degree + 1):
        scale = np.sqrt(factorial(j) / multiplicities(k, j))
        tensors.append(unpack(coefficients[start : start + len(scale)] * scale, k, j))
        start += len(scale)
    return tuple(tensors)


def _iterative_quadratic(
    blocks: Iterable[Block], seen: Seen, left: Left, dims: tuple[int, int], workers: int | None
) -> tuple[NDArray, ...]:
    r"""Quadratic fit by conjugate gradients.

    Unknowns c_0, c_1 and S with the value :math:`c_0 + c_1^\top z + (z^\top S z - \mathrm{tr} S) / \sqrt 2`: features
    orthonormal for Gaussian z, so that the normal matrix is near the identity. Their transposed product is a moment.
    """
    d, k = dims

    def transposed(values: Callable[[NDArray, NDArray, NDArray], NDArray]) -> tuple[NDArray, int]:
        """Mean of the features times the values, a function of x, z and y; and the number of rows."""

        def kernel(X: NDArray, y: NDArray) -> Sums:
            Z = seen(X)
            f = values(X, Z, y)
            return np.array([f.sum(), len(f)]), f @ Z, *gram_sums(Z, f)

        (scalar, count), vector, matrix = pass_sum(kernel, opened(blocks)[0], max(d, k), workers)
        matrix[np.diag_indices(k)] -= scalar
        return np.concatenate([[scalar], vector, matrix.ravel() / np.sqrt(2)]) / count, int(count)

    def polynomial(unknowns: NDArray) -> HermitePolynomial:
        linear, quadratic = unknowns[1 : k + 1], unknowns[k + 1 :].reshape(k, k)
        return HermitePolynomial((unknowns[0], linear, (quadratic + quadratic.T) / np.sqrt(2)))

    def normal(unknowns: NDArray) -> NDArray:
        fit = polynomial(unknowns)
        return transposed(lambda _X, Z, _y: fit(Z))[0]

    workers = worker_count(workers)
    moment, count = transposed(lambda X, _Z, y: left(X, y))
    _check_rows(count, comb(k + 2, 2), 2, k)
    operator = LinearOperator((len(moment), len(moment)), matvec=normal, dtype=np.float64)
    with one_blas_thread():
        unknowns, unfinished = cg(operator, moment, x0=moment, rtol=_CG_RTOL, maxiter=_CG_STEPS)
    if unfinished:
        warn(
            f"the quadratic fit stopped after {_CG_STEPS} steps short of the least squares: its {comb(k + 2, 2)} "
            f"coefficients need more rows than {count}",
            stacklevel=3,
        )
    return polynomial(unknowns).tensors


def _check_rows(count: int, size: int, degree: int, k: int) -> None:
    if count < size:
        raise InputError(
            f"a fit of degree {degree} in {k} dimensions has {size} coefficients and needs as many rows, found {count}"
        )


def _orthonormal(V: ArrayLike, d: int) -> NDArray:
    basis = checked_basis(V, d)
    error = np.abs(basis.T @ basis - np.eye(basis.shape[1])).max()
    if error > 1e-8:  # half of the digits: a basis that was orthonormal, and was written down or rounded
        raise InputError(f"V must have orthonormal columns, but V.T @ V differs from the identity by {error:.1e}")
    return basis
