r"""Control variates: moments of what a least-squares polynomial leaves of y.

Hermite tensors of different orders are orthogonal, so a polynomial p subtracted from y changes the moment of order j by
nothing but p's own, which is known. What it takes away is variance: the moments of order 3 and 4 of y itself are mostly
noise of its lower orders.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.moments.accumulator import HermiteMoments
from twolayer.moments.regression import HermitePolynomial, hermite_regression
from twolayer.one_line import in_one_line
from twolayer.rows.passes import Block, reiterable
from twolayer.symtensor import transform

__all__ = ["ControlledMoments", "controlled_moments"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class ControlledMoments:
    r"""Hermite moments estimated with a polynomial p as control variate.

    .. math:: \hat T_j = \mathbb E[p(x)\, He_j(V^\top x)] + \frac1n \sum_s (y_s - p(x_s))\, He_j(V^\top x_s),

    the expectation over standard Gaussian x. Made by :func:`controlled_moments`.

    Parameters
    ----------
    residual : HermiteMoments
        Moments of :math:`y - p(x)`.
    expected : tuple of arrays
        Moments of p, for orders 0 to ``residual.order``.
    fits : tuple of HermitePolynomial
        Their sum is p.
    """

    residual: HermiteMoments
    expected: tuple[NDArray, ...]
    fits: tuple[HermitePolynomial, ...]

    @property
    def order(self) -> int:
        """Highest order held."""
        return self.residual.order

    @property
    def count(self) -> int:
        """Number of rows."""
        return self.residual.count

    def tensor(self, j: int) -> NDArray:
        r"""The moment :math:`\hat T_j`, dense: shape ``(k,) * j``, symmetric.

        Raises
        ------
        InputError
            If `j` is above `order`.
        """
        return self.residual.tensor(j) + self.expected[j]

    def noise(self, j: int) -> float:
        """Noise level of the moment of order j, as :meth:`HermiteMoments.noise`."""
        return self.residual.noise(j)


def controlled_moments(
    blocks: Iterable[Block],
    order: int = 4,
    V: ArrayLike | None = None,
    *,
    degree: int | None = None,
    workers: int | None = None,
) -> ControlledMoments:
    r"""Hermite moments with a least-squares polynomial of degree 1 or 2 as control variate.

    The polynomial is fitted on :math:`(1, x)` or on :math:`(1, x, xx^\top)`; with a V, the linear part is fitted in the
    whole space and the quadratic part, to what that leaves, in :math:`z = V^\top x`.

    Parameters
    ----------
    blocks : iterable of (X, y)
        Arrays of shapes (rows, d) and (rows,), to be iterated over several times; ``[(X, y)]`` for a sample in memory.
    order : int
        Highest order, 1 to 4.
    V : array, shape (d, k), optional
        Orthonormal columns; the whole space if not given.
    degree : int, optional
        Degree of the control variate, 1 or 2. If not given, 1 for moments up to order 2 and 2 above.
    workers : int, optional
        Threads; as many as BLAS would use if not given. The result does not depend on it.

    Returns
    -------
    ControlledMoments

    Raises
    ------
    InputError
        If a block, V, `order` or `degree` is not as above, `blocks` can be iterated over only once, or the rows are
        fewer than the coefficients of a fit: d + 1, and (k + 1)(k + 2) / 2 for the quadratic.

    Notes
    -----
    Costs the fits (:func:`hermite_regression`) and one pass of :class:`HermiteMoments`. The variance of an entry of
    order j is at most :math:`j!\, \mathbb E[(y - p)^2 h^2] / n` instead of :math:`j!\, \mathbb E[y^2 h^2] / n`, h a
    normalised Hermite polynomial: label noise and the orders above the degree remain. Orders up to the degree are the
    coefficients of the fit itself.

    Being fitted to the same rows, p also takes a little of the orders above its degree with it: a quadratic with q
    coefficients shrinks :math:`\hat T_3` by a factor of about :math:`1 - 3 q / n` (a fit to other rows would not, but
    leaves more variance than that is worth). Choose degree 1 where n is less than a few times q.
    """
    if order not in range(1, 5):
        raise InputError(f"order must be an integer from 1 to 4, found {order!r}")
    degree = min(max(order - 1, 1), 2) if degree is None else degree
    if degree not in (1, 2):
        raise InputError(f"degree must be 1 or 2, found {degree!r}")
    blocks = reiterable(blocks)
    fits = [hermite_regression(blocks, degree if V is None else 1, workers=workers)]
    if V is not None and degree == 2:
        fits.append(hermite_regression(blocks, 2, V, control=fits[0], workers=workers))

    def control(X: NDArray) -> NDArray:
        return np.add.reduce([fit(X) for fit in fits])

    residual = HermiteMoments.from_blocks(blocks, order, V, control=control, workers=workers)
    return ControlledMoments(residual, _expected(fits, residual), tuple(fits))


def _expected(fits: list[HermitePolynomial], like: HermiteMoments) -> tuple[NDArray, ...]:
    """Moments of the sum of the fits, seen through the same V."""
    expected = [np.zeros((len(like.gram),) * j) for j in range(like.order + 1)]
    for fit in fits:
        for j, tensor in enumerate(fit.tensors[: like.order + 1]):
            seen = transform(tensor, like.V) if fit.V is None and like.V is not None else tensor
            expected[j] = expected[j] + seen
    return tuple(expected)
