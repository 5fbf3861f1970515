"""How many units? The least width that explains the rows, from a guess by singular values."""

from dataclasses import dataclass

import numpy as np

from twolayer.activation import Activation
from twolayer.model.fit import Fit
from twolayer.model.problem import Matrix, Vector
from twolayer.moments import controlled_moments
from twolayer.search.rough_fits import RoughFits, is_as_good

__all__ = ["WidthSearch", "guessed_width", "least_width"]


@dataclass(frozen=True)
class WidthSearch:
    """Where a search over widths ended.

    Attributes
    ----------
    width : int
        The least that explains the rows; the best where none does.
    fits : dict of int to Fit
        The best of each width that was tried.
    is_explained : bool
        Whether it leaves nothing that a wider network, or the score test, sees.
    """

    width: int
    fits: dict[int, Fit]
    is_explained: bool

    @property
    def is_exact(self) -> bool:
        """Whether it leaves rounding only."""
        return self.fits[self.width].is_exact


def guessed_width(X: Matrix, y: Vector, rng: np.random.Generator) -> int:
    r"""Singular values of the moments that stand out of their noise, at least 1: a first guess of the width.

    The flattenings of :math:`T_j = \sum_i a_i c_j w_i^{\otimes j}` have rank m at most. Those of T_2 (d × d), T_3
    (d × d²) and T_4 (packed, d(d + 1)/2 square) are estimated on either half of the rows; singular values of their mean
    beyond the spectral norm of half their difference are counted, and the largest count is taken. It is d at most by
    T_2 and T_3; units that T_4 cannot show for want of rows are left to the residual.
    """
    n, d = X.shape
    # fourth moments of 24 inputs have 20 000 entries, and want rows for a matrix of 300
    halves = np.array_split(rng.permutation(n), 2)
    order = 4 if d <= 24 and n > 4 * (d + 1) * (d + 2) else 2
    order = 2 if n < 4 * (d + 2) else order
    one, other = (controlled_moments([(X[rows], y[rows])], order, degree=1) for rows in halves)
    counts = [1]
    for j in range(2, order + 1):
        first, second = (_flattened(half.tensor(j)) for half in (one, other))
        noise = float(np.linalg.norm((first - second) / 2, 2))
        counts.append(int(np.sum(np.linalg.svd((first + second) / 2, compute_uv=False) > noise)))
    return max(counts)


def _flattened(T: Matrix) -> Matrix:
    """A matrix with half of the axes in its rows; of order four over pairs i ≤ j, so that norms are kept."""
    d = len(T)
    if T.ndim < 4:
        return T.reshape(d, -1)
    i, j = np.triu_indices(d)
    fold = np.where(i == j, 1.0, np.sqrt(2.0))
    return T[i, j][:, i, j] * np.outer(fold, fold)


def least_width(rough: RoughFits, activation: Activation, guess: int, most: int | None = None) -> WidthSearch:
    """The least width whose model explains the rows: upwards until one does, then down until none does.

    The lifted model counts hyperplanes, however the units on them are turned. Upwards from the guess and a fifth, by
    halves, while there are rows for it. Exact labels end this at once; under noise the next width must be no better,
    and the score test must see nothing. Downwards by bisection, each width from what is left of a wider fit without its
    least important units, and from a new start. The width at which no unit can be spared is believed after some new
    starts at the two widths below.

    Notes
    -----
    Costs a start for each width upwards, some 2 log2(width) of them downwards, and 5 at the end.
    """
    fits: dict[int, Fit] = {}
    reference = _upwards(rough, activation, guess + max(1, guess // 5), most, fits)
    if reference is None:
        width = min(fits, key=lambda w: fits[w].loss)
        return WidthSearch(width, fits, is_explained=False)
    search = _Downwards(rough, activation, reference, fits)
    search.bisect(
        max((w for w in fits if w < reference.problem.width and not is_as_good(fits[w], reference)), default=0)
    )
    while search.is_shortened():
        pass
    return WidthSearch(search.fit.problem.width, fits, is_explained=True)


class _Downwards:
    """From a fit that explains the rows to the narrowest that does."""

    def __init__(self, rough: RoughFits, activation: Activation, reference: Fit, fits: dict[int, Fit]) -> None:
        self.rough, self.activation, self.reference, self.fits = rough, activation, reference, fits
        self.fit = reference

    def take(self, fit: Fit) -> bool:
        """Keep a narrower fit; go on from it if it is as good as the reference."""
        _keep(self.fits, fit)
        is_good = is_as_good(fit, self.reference)
        if is_good and fit.problem.width < self.fit.problem.width:
            self.fit = fit
        return is_good

    def bisect(self, low: int) -> None:
        """Widths between one that is too narrow, as far as was seen, and the present one."""
        while self.fit.problem.width - low > 1:
            middle = (low + self.fit.problem.width) // 2
            pruned = self.rough.shortened(self.fit, middle)
            if not self.take(pruned) and not self.take(self.rough.lifted(middle, self.activation)):
                low = middle

    def is_shortened(self) -> bool:
        """Whether a unit or two can be spared, after all."""
        width = self.fit.problem.width
        if width > 1 and self.take(self.rough.narrower(self.fit, self.reference)):
            return True
        fresh = [width - 1, width - 2] * 2
        return any(self.take(self.rough.lifted(one, self.activation)) for one in fresh if one >= 1)


def _upwards(
    rough: RoughFits, activation: Activation, width: int, most: int | None, fits: dict[int, Fit]
) -> Fit | None:
    """The first fit that explains the rows; None where rows or patience end."""
    best: Fit | None = None
    for _ in range(8):  # 25 times the guess
        if fits and (not rough.has_rows(width, activation) or (most is not None and width > most)):
            break
        fit = rough.lifted(width, activation)
        _keep(fits, fit)
        if fit.is_exact:
            return fit
        if best is not None and is_as_good(best, fit) and rough.passes_for_noise(best):
            return best
        best = fit
        width += max(2, width // 2)
    return best if best is not None and rough.passes_for_noise(best) else None


def _keep(fits: dict[int, Fit], fit: Fit) -> None:
    width = fit.problem.width
    if width not in fits or fit.loss < fits[width].loss:
        fits[width] = fit
