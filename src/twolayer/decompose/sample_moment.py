r"""Least squares for a Hermite moment of samples that is never formed, of any order."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import whole_number
from twolayer.decompose.cp_fit import RIDGES, fit_sum, ridge_stages
from twolayer.decompose.symmetric_sum import unit_rows
from twolayer.equality import equal_by_value
from twolayer.one_line import in_one_line
from twolayer.rows.passes import block_rows, pass_sum, real_sample

__all__ = ["MomentTerms", "SampleMoment", "moment_terms"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class MomentTerms:
    r"""Terms :math:`\sum_i \lambda_i u_i^{\otimes j}` near a moment of samples.

    Attributes
    ----------
    weights : array, shape (r,)
    factors : array, shape (r, d)
        Unit rows.
    explained : float
        The squared norm of the moment less that of what the terms leave of it.
    is_settled : bool
        Whether the descent ended before its step limit.
    """

    weights: NDArray
    factors: NDArray
    explained: float
    is_settled: bool


def moment_terms(
    X: ArrayLike,
    y: ArrayLike,
    order: int,
    rank: int,
    *,
    max_starts: int = 1,
    max_steps: int = 50,
    rng: np.random.Generator | int | None = None,
) -> MomentTerms:
    r"""Rank-one terms nearest to the Hermite moment of samples, through products with the inputs only.

    .. math:: \min_{\lambda, u} \Bigl\| \hat T_j - \sum_i \lambda_i u_i^{\otimes j} \Bigr\|_F^2, \qquad
        \hat T_j = \frac1n \sum_{s=1}^n y_s\, He_j(x_s),

    whose dependence on the terms needs no tensor [1]_: with :math:`t = u_i^\top x` and :math:`\|u_i\| = 1`,

    .. math:: \langle \hat T_j, u_i^{\otimes j} \rangle = \frac1n \sum_s y_s He_j(t_s), \quad
        \hat T_j(\cdot, u_i, \dots) = \frac1n \sum_s y_s \bigl(He_{j-1}(t_s)\, x_s - (j-1) He_{j-2}(t_s)\, u_i\bigr),

    and :math:`\langle u_i^{\otimes j}, u_l^{\otimes j} \rangle = (u_i^\top u_l)^j`. The steps are those of
    `least_squares`: damped Gauss-Newton with the normal matrix from inner products of factors, from random starts
    under a ridge that falls to zero.

    Parameters
    ----------
    X : array, shape (n, d)
        Inputs.
    y : array, shape (n,)
        Labels; less their fit by polynomials of degree below j, for less noise.
    order : int
        The j, at least 3.
    rank : int
        Number of terms.
    max_starts : int
        Random starts, of which the best is kept.
    max_steps : int
        Steps of the last stage.
    rng : Generator, int or None

    Returns
    -------
    MomentTerms

    Raises
    ------
    InputError
        If X or y is not as above, or `order` below 3, or `rank` or `max_starts` below 1.

    Notes
    -----
    An evaluation costs 2 n d r multiply-adds and a block of rows in memory, never d^j; a step ``O(r**2 d)`` for each of
    its conjugate gradients on top. The noise of the moment has a squared norm of about
    :math:`\mathbb E[y^2]\, j! \binom{d+j-1}{j} / n`, of which the terms take up a share, their number of parameters
    over that of distinct entries: where that is not small beside :math:`\|\lambda\|^2`, they fit noise.

    References
    ----------
    .. [1] S. Sherman, T. G. Kolda, Estimating higher-order moments using symmetric tensor decomposition, SIAM J. Matrix
       Anal. Appl. 41, 2020 (for plain moments; the Hermite form is this library's own).
    """
    X, y = real_sample(X, y)
    target = SampleMoment(X, y, whole_number(order, "order", 3))
    rank, max_starts = whole_number(rank, "rank"), whole_number(max_starts, "max_starts")
    rng = np.random.default_rng(rng)
    starts = (_from_random(target, X.shape[1], rank, max_steps, rng) for _ in range(max_starts))
    return max(starts, key=lambda terms: terms.explained)


@dataclass(frozen=True, eq=False)
class SampleMoment:
    r"""The moment :math:`\hat T_j` of samples, less some rank-one terms, known by its contractions.

    Attributes
    ----------
    X, y : arrays, shapes (n, d) and (n,)
    order : int
        The j.
    weights, factors : arrays, shapes (r,) and (r, d), or None
        The terms taken away, unit rows.
    """

    X: NDArray
    y: NDArray
    order: int
    weights: NDArray | None = None
    factors: NDArray | None = None

    def less(self, weights: NDArray, factors: NDArray) -> "SampleMoment":
        """What the moment itself leaves without these terms."""
        return SampleMoment(self.X, self.y, self.order, weights, factors)

    @property
    def floor(self) -> float:
        """Nothing: the norm of the moment, of which the misfit falls short, is not known."""
        return -np.inf

    @cached_property
    def misfit(self) -> float:
        r"""Squared norm less that of the moment.

        .. math:: \sum_{il} \lambda_i \lambda_l (u_i^\top u_l)^j
            - 2 \sum_i \lambda_i \langle \hat T_j, u_i^{\otimes j} \rangle
        """
        if self.weights is None or self.factors is None:
            return 0.0
        values = np.einsum("ia,ia->i", self._own_image, self.factors)
        gram = (self.factors @ self.factors.T) ** self.order
        return float(self.weights @ (gram @ self.weights - 2 * values))

    def contracted(self, factors: NDArray) -> NDArray:
        r"""Row i is the contraction with u_i in all places but one: shape (r, d)."""
        if self.weights is None or self.factors is None:
            return self._moment_contracted(factors)
        image = self._own_image if factors is self.factors else self._moment_contracted(factors)
        overlaps = (factors @ self.factors.T) ** (self.order - 1)
        return image - (overlaps * self.weights) @ self.factors

    @cached_property
    def _own_image(self) -> NDArray:
        assert self.factors is not None
        return self._moment_contracted(self.factors)

    def _moment_contracted(self, factors: NDArray) -> NDArray:
        d, r = self.X.shape[1], len(factors)

        def kernel(X: NDArray, y: NDArray) -> tuple[NDArray, ...]:
            image, below = np.zeros((r, d)), np.zeros(r)
            rows = block_rows(d + 3 * r)
            for first in range(0, len(y), rows):
                x, label = X[first : first + rows], y[first : first + rows, None]
                t = x @ factors.T
                low, high = np.ones_like(t), t
                for p in range(1, self.order - 1):
                    low, high = high, t * high - p * low
                image += (high * label).T @ x
                below += (low * label).sum(axis=0)
            return image, below

        image, below = pass_sum(kernel, [(self.X, self.y)], d + 3 * r, None)
        return (image - (self.order - 1) * below[:, None] * factors) / len(self.y)


def _from_random(target: SampleMoment, d: int, rank: int, max_steps: int, rng: np.random.Generator) -> MomentTerms:
    """One start: random factors, weights in proportion to what they see, the ridge stages, and the last stage."""
    factors = unit_rows(rng.standard_normal((rank, d)))
    values = np.einsum("ia,ia->i", target.contracted(factors), factors)
    energy = float(values @ (factors @ factors.T) ** target.order @ values)
    weights = values * float(values @ values) / (energy or 1.0)
    weights, factors = ridge_stages(target, weights, factors, RIDGES, 20)  # steps are dear: each passes over the rows
    fit, is_settled = fit_sum(target, weights, factors, max_steps=max_steps)
    return MomentTerms(fit.weights, fit.factors, -fit.left_over.misfit, is_settled)
