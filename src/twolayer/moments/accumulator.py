"""Hermite moments of a sample, accumulated over blocks of rows."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import frozen_array
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.moments.pairs import pair_count, pair_positions, pair_products
from twolayer.one_line import in_one_line
from twolayer.rows import blocks as slices
from twolayer.rows.passes import Block, Sums, add_signed_gram, gram_rows, opened, pass_sum, sorted_by
from twolayer.symtensor import flatten, multi_indices, unpack

__all__ = ["HermiteMoments", "checked_basis"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class HermiteMoments:
    r"""Empirical Hermite moments up to order 4, in the whole space or seen through a matrix V.

    .. math:: \hat T_j = \frac1n \sum_{s=1}^n y_s\, He_j(x_s)(V, \dots, V), \qquad
        \mathbb E\, \hat T_j = \sum_i a_i\, m_{j,i}\, (V^\top \bar w_i)^{\otimes j},

    the second equation for standard Gaussian x and :math:`y = \sum_i a_i \sigma(w_i^\top x + b_i)`, with
    :math:`\bar w_i = w_i / \|w_i\|` and :math:`m_{j,i} = \mathbb E[\sigma(\|w_i\| g + b_i) He_j(g)]` [1]_. With
    :math:`z = V^\top x` and :math:`G = V^\top V`, the tensors are, "sym" summing over the distinct placements,

    .. math:: He_2 = z^{\otimes 2} - G, \quad He_3 = z^{\otimes 3} - \mathrm{sym}(z \otimes G), \quad
        He_4 = z^{\otimes 4} - \mathrm{sym}(z \otimes z \otimes G) + \mathrm{sym}(G \otimes G),

    with 3 placements at order 3, then 6 and 3; V need not have orthonormal columns.

    An accumulator holds plain sums over rows, so it can be made block by block and merged. It holds them twice, for the
    even rows of each block and for the odd ones: their difference measures the noise.

    Parameters
    ----------
    sums : tuple of arrays
        Sums over the (even, odd) rows, in this order: of 1, of y, of y z, of y z z, of y z z z as pairs times k, of
        y z z z z as pairs times pairs; as many as the order needs. :meth:`from_blocks` makes them.
    gram : array, shape (k, k)
        :math:`V^\top V`; the identity in the whole space.
    V : array, shape (d, k), or None
        None for the whole space.

    Notes
    -----
    Cost ``n (d k + k**2 / 2)`` at order 2, ``n k**3 / 2`` more at order 3 and ``n k**4 / 8`` more at order 4, in
    multiply-adds; memory ``O(k**2)``, ``O(k**3)``, ``O(k**4 / 4)`` a worker, and a block of rows; never ``d**3`` or
    ``n d**2``.

    An entry of :math:`\hat T_j` has a variance of at most :math:`j!\, \mathbb E[y^2 h^2] / n`, h a normalised Hermite
    polynomial of order j, and :math:`\|\hat T_j - \mathbb E\, \hat T_j\|_F^2` is about
    :math:`\mathbb E[y^2]\, j! \binom{k + j - 1}{j} / n` for orthonormal columns: at orders 3 and 4 mostly the noise of
    the lower orders of y, which :func:`~twolayer.moments.controlled_moments` removes. Where :math:`m_{j,i} = 0` the
    moment is blind to unit i (ReLU without bias: order 3). Inputs that are not standard Gaussian bias every order.

    References
    ----------
    .. [1] zhong2017recovery, Definition 5.1 and Claim 5.2 (with each of the three pairings of I ⊗̃ I counted once)
    """

    sums: Sums
    gram: NDArray
    V: NDArray | None = None

    @classmethod
    def from_blocks(
        cls,
        blocks: Iterable[Block],
        order: int = 2,
        V: ArrayLike | None = None,
        *,
        control: Callable[[NDArray], NDArray] | None = None,
        workers: int | None = None,
    ) -> "HermiteMoments":
        """Accumulate over blocks of rows.

        Parameters
        ----------
        blocks : iterable of (X, y)
            Arrays of shapes (rows, d) and (rows,); ``[(X, y)]`` for a sample in memory. Consumed once; a block is cut
            further, so it may have any size.
        order : int
            Highest order, 0 to 4.
        V : array, shape (d, k), optional
            The whole space if not given.
        control : callable, optional
            Maps rows (r, d) to values (r,) that are subtracted from y: a control variate, or a network whose residual
            is wanted. Runs in threads, on a chunk of rows at a time.
        workers : int, optional
            Threads; as many as BLAS would use if not given. The result is the same bits for any number.

        Returns
        -------
        HermiteMoments

        Raises
        ------
        InputError
            If a block is malformed or differs in width from V or another block, no row comes, a moment is not finite,
            or `order` or `workers` is out of range.
        """
        most = 4  # the formulas of Hermite entries, and of their pairs, end there
        if order not in range(most + 1):
            raise InputError(f"order must be an integer from 0 to {most}, found {order!r}")
        stream, d = opened(blocks)
        basis = None if V is None else checked_basis(V, d)

        def kernel(X: NDArray, y: NDArray) -> Sums:
            return _power_sums(X if basis is None else X @ basis, y if control is None else y - control(X), order)

        k = d if basis is None else basis.shape[1]
        sums = pass_sum(kernel, stream, max(d, _columns(k, order)), workers)
        return cls(sums, np.eye(k) if basis is None else basis.T @ basis, basis)

    @property
    def order(self) -> int:
        """Highest order held."""
        return len(self.sums) - 2

    @property
    def count(self) -> int:
        """Number of rows."""
        return int(self.sums[0].sum())

    def merge(self, other: "HermiteMoments") -> "HermiteMoments":
        """Moments of both samples together: associative and commutative, up to rounding.

        Raises
        ------
        InputError
            If `other` has another order or another V.
        """
        mine, its = (len(self.gram) if one.V is None else one.V for one in (self, other))
        if self.order != other.order or not np.array_equal(mine, its) or self.gram.shape != other.gram.shape:
            raise InputError(
                f"only moments of the same order and V can be merged, found orders {self.order} and {other.order}, "
                f"seen in {len(self.gram)} and {len(other.gram)} dimensions"
            )
        return HermiteMoments(tuple(a + b for a, b in zip(self.sums, other.sums, strict=True)), self.gram, self.V)

    def tensor(self, j: int) -> NDArray:
        r"""The moment :math:`\hat T_j`, dense: shape ``(k,) * j``, exactly symmetric.

        Raises
        ------
        InputError
            If `j` is above the order.
        """
        return self._of_rows(j, slice(None))

    def noise(self, j: int) -> float:
        r"""Noise level of :math:`\hat T_j`, half the distance of its halves.

        .. math:: \tfrac12\, \bigl\| \mathrm{flat}(\hat T_j^{even} - \hat T_j^{odd}) \bigr\|_{op},

        flattened as evenly as can be, :math:`\lfloor j/2 \rfloor` indices on the rows. Half the difference has the law
        of the error of :math:`\hat T_j` itself, so singular values below a small multiple of it are noise. It is one
        draw and not a mean: a factor of 1.5 to 2.5 is a usual margin. Infinite for a single row.

        Raises
        ------
        InputError
            If `j` is above the order.
        """
        if not self.sums[0].all():
            return float("inf")
        return _flattening_norm(self._of_rows(j, slice(0, 1)) - self._of_rows(j, slice(1, 2))) / 2

    def _of_rows(self, j: int, rows: slice) -> NDArray:
        """The moment of order j of the chosen halves."""
        if j not in range(self.order + 1):
            raise InputError(f"moments of orders 0 to {self.order} are held, order {j!r} is not")
        count, *totals = (part[rows].sum(axis=0) for part in self.sums[: j + 2])
        powers, k = [total / count for total in totals], len(self.gram)
        if j < 2:
            return powers[j]
        return unpack(_HERMITE_ENTRIES[j](powers, self.gram, pair_positions(k), *multi_indices(k, j).T), k, j)


def checked_basis(V: ArrayLike, d: int) -> NDArray:
    """V as a read-only float64 matrix with d rows, or InputError."""
    basis = frozen_array(V, "V", 2)
    if len(basis) != d or basis.shape[1] == 0:
        raise InputError(f"V must have shape ({d}, k), a row for each column of X, found {basis.shape}")
    return basis


def _columns(k: int, order: int) -> int:
    """Width of the widest rows that a pass of this order multiplies."""
    return k if order < 3 else pair_count(k)


def _power_sums(Z: NDArray, y: NDArray, order: int) -> Sums:
    """Sums of y times the powers of z, over the even and the odd rows of a chunk."""
    k, pairs = Z.shape[1], pair_count(Z.shape[1])
    shapes = ((), (), (k,), (k, k), (pairs, k), (pairs, pairs))[: order + 2]
    totals = tuple(np.zeros((2, *shape)) for shape in shapes)
    rows = gram_rows(_columns(k, order))
    workspace = [np.empty((min(rows, len(y)), width)) for width in (k, pairs if order >= 3 else 0)]
    workspace += [np.empty(shape) for shape in shapes[3:]]
    for cut in slices(len(y), rows):
        _add_block(totals, Z[cut], y[cut], *workspace)
    return totals


def _add_block(totals: Sums, Z: NDArray, y: NDArray, R: NDArray, pairs: NDArray, *products: NDArray) -> None:
    """Add a block's sums: its rows are sorted into even and odd, and within each by the sign of y."""
    order = len(totals) - 2
    arrangement, edges = sorted_by(2 * (np.arange(len(y)) % 2) + (y < 0), 4)
    y = y[arrangement]
    sign, root = np.sign(y), np.sqrt(np.abs(y))
    R = np.take(Z, arrangement, axis=0, out=R[: len(y)], mode="clip")
    if order >= 3:
        pairs = pair_products(np.sqrt(root)[:, None] * R, pairs)
    R *= root[:, None]
    for half, (start, middle, stop) in enumerate((edges[:3], edges[2:])):
        rows = slice(start, stop)
        totals[0][half] += stop - start
        totals[1][half] += y[rows].sum()
        if order >= 1:
            totals[2][half] += (sign * root)[rows] @ R[rows]
        if order >= 2:
            add_signed_gram(totals[3][half], R[rows], middle - start, products[0])
        if order >= 3:
            totals[4][half] += np.matmul(pairs[rows].T, sign[rows, None] * R[rows], out=products[1])
        if order >= 4:
            add_signed_gram(totals[5][half], pairs[rows], middle - start, products[2])


def _second(powers: list[NDArray], G: NDArray, _: NDArray, a: NDArray, b: NDArray) -> NDArray:
    return powers[2][a, b] - powers[0] * G[a, b]


def _third(powers: list[NDArray], G: NDArray, pair: NDArray, a: NDArray, b: NDArray, c: NDArray) -> NDArray:
    mean = powers[1]
    return powers[3][pair[a, b], c] - mean[a] * G[b, c] - mean[b] * G[a, c] - mean[c] * G[a, b]


def _fourth(
    powers: list[NDArray], G: NDArray, pair: NDArray, a: NDArray, b: NDArray, c: NDArray, d: NDArray
) -> NDArray:
    entries = powers[4][pair[a, b], pair[c, d]]
    for p, q, r, s in ((a, b, c, d), (a, c, b, d), (a, d, b, c)):
        entries = entries - powers[2][p, q] * G[r, s] - powers[2][r, s] * G[p, q] + powers[0] * G[p, q] * G[r, s]
    return entries


# Distinct entries of the Hermite moment, from the means of y times the powers of z (orders 3 and 4 packed in pairs).
_HERMITE_ENTRIES: dict[int, Callable[..., NDArray]] = {2: _second, 3: _third, 4: _fourth}


def _flattening_norm(T: NDArray) -> float:
    """Operator norm of the flattening of a symmetric tensor; the length of a vector, the absolute value of a number."""
    match T.ndim:
        case 2:
            return _spectral_norm(T)
        case 3:
            rows = flatten(T)
            return float(np.sqrt(_spectral_norm(rows @ rows.T)))
        case 4:  # the operator on symmetric matrices, in the orthonormal basis of the pairs
            a, b = np.triu_indices(len(T))
            scale = np.where(a == b, 1.0, np.sqrt(2.0))
            return _spectral_norm(T[a, b][:, a, b] * scale[:, None] * scale)
        case _:
            return float(np.linalg.norm(T))


def _spectral_norm(symmetric: NDArray) -> float:
    return float(np.abs(np.linalg.eigvalsh(symmetric)).max())
