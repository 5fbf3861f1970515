"""The default recovery: several ways to a start, one refinement, and a stop at a certificate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.misfit import ScoreTest, score_test
from twolayer.recover.exchange import exchange, missing_units, with_unit
from twolayer.recover.fit import EXACT, Fit, Report, explore, polish
from twolayer.recover.reflections import unlifted
from twolayer.recover.starts import SecondMoment, amplitude_signs, random_start, second_moment
from twolayer.refine import UnitsProblem
from twolayer.refine.problem import Vector

__all__ = ["Found", "NoiseEvidence", "portfolio"]

_ROWS_PER_PARAMETER = 10  # what a search needs at most; the other rows judge its result
_LIFT_ROWS_PER_PARAMETER = 2.5
_NOISE_ROWS_PER_PARAMETER = 2.5
_MOST_STARTS = 8
_LEAST_P_VALUE = 1e-6
_GAIN_PER_PARAMETER, _GAIN_OFFSET = 4.0, 40.0
_WEAKEST_UNIT_SHARE = 0.1


@dataclass(frozen=True)
class NoiseEvidence:
    """What speaks for or against the residual being noise.

    Attributes
    ----------
    test : ScoreTest
    extra_unit_gain : float
        Decrease of ‖r‖² by one more unit, in units of the noise variance.
    threshold : float
        What noise alone is allowed to give there.
    has_power : bool
        Whether a unit of a tenth of the mean strength would have been noticed.
    """

    test: ScoreTest
    extra_unit_gain: float
    threshold: float
    has_power: bool

    @property
    def is_noise(self) -> bool:
        """Whether nothing of the inputs was found in the residual."""
        return self.test.p_value > _LEAST_P_VALUE and self.extra_unit_gain < self.threshold


@dataclass(frozen=True)
class Found:
    """Where the search ended.

    Attributes
    ----------
    fit : Fit
        Of the network itself, at a minimum over all rows.
    lifted_loss : float or None
        The least loss of a lifted fit, relative to ‖y‖².
    held_out : array of bool, shape (n,), or None
        Rows kept from the search.
    held_out_loss : float or None
        Mean squared residual on them, before they were used.
    evidence : NoiseEvidence or None
        None where the fit is exact.
    """

    fit: Fit
    lifted_loss: float | None
    held_out: NDArray[np.bool_] | None
    held_out_loss: float | None
    evidence: NoiseEvidence | None


class _Search:
    """The samples, the part of them that is searched on, and what has been found so far."""

    def __init__(
        self, X: NDArray, y: NDArray, width: int, activation: Activation, has_bias: bool, rng: np.random.Generator, report: Report
    ):
        self.X, self.y, self.width, self.activation, self.has_bias = X, y, width, activation, has_bias
        self.rng, self.report = rng, report
        n, d = X.shape
        largest = self.problem(X[:2], y[:2], np.ones(width), is_lifted=True).n_parameters
        rows = _ROWS_PER_PARAMETER * largest + 20 * d
        self.held_out = None
        self.rows_X, self.rows_y = X, y
        if n > 1.1 * rows:
            chosen = np.zeros(n, bool)
            chosen[rng.choice(n, rows, replace=False)] = True
            self.held_out, self.rows_X, self.rows_y = ~chosen, np.ascontiguousarray(X[chosen]), y[chosen]
        self.can_lift = len(self.rows_X) >= _LIFT_ROWS_PER_PARAMETER * largest
        self.best: Fit | None = None
        self.lifted_loss: float | None = None

    def problem(self, X: NDArray, y: NDArray, amplitudes: Vector, *, is_lifted: bool) -> UnitsProblem:
        """The problem on some rows; fixed signs where σ is homogeneous, +1 where the lifted σ is odd."""
        law = self.activation.reflection
        is_lifted = is_lifted and len(law.polynomial) <= 3 and any(law.polynomial)
        signs = None
        if self.activation.degree:
            signs = np.ones_like(amplitudes) if is_lifted and law.sign < 0 else np.sign(amplitudes)
        return UnitsProblem(
            X, y, self.activation, self.width, signs=signs, has_bias=self.has_bias, is_lifted=is_lifted
        )

    def run(self) -> Fit:
        """Try starts until one is exact or leaves only noise; the best otherwise."""
        spectrum = second_moment(self.rows_X, self.rows_y)
        for attempt in range(_MOST_STARTS):
            lifts = self.can_lift and (attempt % 2 == 0 or self.lifted_loss is None)
            if lifts and self.lifted_loss is not None and self.lifted_loss <= EXACT:
                lifts = False  # the lift fits, and no network does: another lifted start would end there again
            fit = self.attempt(spectrum, attempt, lifts)
            if fit is not None:
                return fit
            if self.lifted_loss is not None and self.lifted_loss <= EXACT and attempt >= 1:
                break
        assert self.best is not None
        return self.best

    def attempt(self, spectrum: SecondMoment, attempt: int, lifts: bool) -> Fit | None:
        """One start and its exchanges; the fit if it can be the end of the search."""
        amplitudes = amplitude_signs(self.activation, self.width, spectrum)
        if attempt >= 2:
            amplitudes = amplitudes * np.where(self.rng.random(self.width) < 0.2, -1.0, 1.0)
        problem = self.problem(self.rows_X, self.rows_y, amplitudes, is_lifted=lifts)
        start = random_start(problem, spectrum, amplitudes if problem.signs is None else problem.signs, self.rng)
        stage = "lifted" if problem.is_lifted else "plain"
        fit = explore(problem, start, self.report, f"{stage} start {attempt + 1}")
        ended = self.settle(fit)
        if ended is None:
            ended = self.settle(exchange(fit, self.report, self.rng))
        return ended

    def settle(self, fit: Fit) -> Fit | None:
        """Turn a fit into one of the network; return it if it is exact or leaves only noise."""
        if fit.problem.is_lifted:
            if self.lifted_loss is None or fit.loss < self.lifted_loss:
                self.lifted_loss = fit.loss
            plain, point = unlifted(fit.problem, fit.point)
            fit = explore(plain, point, self.report, "network", max_steps=60)
        if fit.is_exact or self.might_be_noise(fit):
            fit = polish(fit.problem, fit.point, self.report)
        if self.best is None or fit.loss < self.best.loss:
            self.best = fit
        if fit.is_exact or (self.might_be_noise(fit) and noise_evidence(fit, self.report, self.rng).is_noise):
            return fit
        return None

    def might_be_noise(self, fit: Fit) -> bool:
        """Whether there are rows enough to tell noise from a misfit."""
        return fit.problem.n_rows >= _NOISE_ROWS_PER_PARAMETER * fit.problem.n_parameters


def noise_evidence(fit: Fit, report: Report, rng: np.random.Generator) -> NoiseEvidence:
    """Test the residual of a minimum: against fixed features, and against one more unit."""
    problem = fit.problem
    n, p = problem.n_rows, problem.n_parameters
    variance = fit.loss * problem.energy / max(n - p, 1)
    test = score_test(problem, fit.point, rng)
    threshold = _GAIN_PER_PARAMETER * (problem.n_columns + 1) + _GAIN_OFFSET
    v, theta = problem.units(fit.point)
    strength = float(np.mean(np.var(problem.unit_block(slice(0, min(4096, n)), theta) * v, axis=0)))
    has_power = threshold * variance / n <= _WEAKEST_UNIT_SHARE * strength
    gain = 0.0
    if test.p_value > _LEAST_P_VALUE:
        residual = -problem.residual(fit.point)
        for sign, row in missing_units(problem, residual, rng):
            wider = explore(*with_unit(problem, fit.point, sign, row), report, "one unit more", max_steps=30)
            gain = max(gain, (fit.loss - wider.loss) * problem.energy / variance)
            if gain >= threshold:
                break
    return NoiseEvidence(test, gain, threshold, has_power)


def portfolio(
    X: NDArray,
    y: NDArray,
    width: int,
    activation: Activation,
    *,
    has_bias: bool,
    rng: np.random.Generator,
    report: Report,
) -> Found:
    r"""Search for the network of a given width that explains the samples.

    1. Signs of the outer weights from the inertia of T_2, scale from the variance, random directions.
    2. The lifted model, refined by Gauss-Newton: with rows enough, most starts end at the global minimum. With fewer than
       2.5 rows a parameter, the network itself.
    3. Orientations decoded, the network refined.
    4. If that is not the end: units exchanged for what the residual moments ask for, then new starts.
    5. The end is a residual at rounding, or one that passes for noise.

    The search uses at most 10 rows a parameter; the others then judge and refine its result.

    Parameters
    ----------
    X, y : arrays, shapes (n, d) and (n,)
    width : int
    activation : Activation
    has_bias : bool
    rng : Generator
    report : callable
        Called with (stage, step, loss).

    Returns
    -------
    Found
    """
    search = _Search(X, y, width, activation, has_bias, rng, report)
    fit = search.run()
    held_out_loss = None
    if search.held_out is not None:
        whole = search.problem(X, y, fit.problem.units(fit.point)[0], is_lifted=False)
        residual = whole.residual(fit.point)
        held_out_loss = float(np.mean(residual[search.held_out] ** 2))
        fit = Fit(whole, fit.point, float(residual @ residual) / whole.energy)
    fit = polish(fit.problem, fit.point, report)
    evidence = None if fit.is_exact else noise_evidence(fit, report, rng)
    return Found(fit, search.lifted_loss, search.held_out, held_out_loss, evidence)
