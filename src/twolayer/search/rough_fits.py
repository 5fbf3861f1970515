"""Fits of any width and any activation on the same rows, by few starts: to compare them, not to keep them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.coordinates.inputs import whitening_of
from twolayer.evidence.score_test import score_test
from twolayer.model import UnitsProblem
from twolayer.model.problem import Vector
from twolayer.model.reflections import unlifted
from twolayer.moments import SecondMoment, second_moment
from twolayer.refine.fit import Fit, Report, explore
from twolayer.search.exchange import narrower_fits, without_unit
from twolayer.search.noise import gain_ratio
from twolayer.search.starts import amplitude_signs, principal_directions, random_start

__all__ = ["RoughFits", "is_as_good", "without_redundant_unit"]

_SIGN_DOUBT = 0.2
_MOST_STEPS = 120
_LIFT_ROWS_PER_PARAMETER = 2.5
_NO_SIGNAL = 1e-8
_PASSES_FOR_NOISE = 1e-4  # of the p-value of the score test
_ROWS_FOR_REDUNDANCY = 4096
_REDUNDANCY_RIDGE = 1e-9
_LEAST_GROWTH = 0.1
_AS_GOOD = 1.0  # of the gain by more units, relative to a generous bound for noise


@dataclass
class RoughFits:
    """What is fitted to, and how.

    Attributes
    ----------
    X, y : arrays, shapes (n, d) and (n,)
    has_bias : bool
    rng : Generator
    report : callable
    rounding : float
        Relative error of the labels as they were given.
    """

    X: NDArray
    y: Vector
    has_bias: bool
    rng: np.random.Generator
    report: Report
    rounding: float = 0.0

    def __post_init__(self) -> None:
        self.whitening = whitening_of(self.X, self.has_bias)
        if self.whitening is not None:
            self.X = self.whitening.done(self.X)
        self.spectrum: SecondMoment = second_moment(self.X, self.y)
        self.started: set[tuple[int, Activation]] = set()

    def lifted(self, width: int, activation: Activation) -> Fit:
        """From a new start, of the lifted model where rows allow it; the first by what T_2 says, then with doubts."""
        c2 = float(activation.hermite_coefficients(2)[2])
        amplitudes, directions = amplitude_signs(c2, width, self.spectrum), None
        if (width, activation) in self.started:
            amplitudes = amplitudes * np.where(self.rng.random(width) < _SIGN_DOUBT, -1.0, 1.0)
        elif abs(c2) > _NO_SIGNAL:
            directions = principal_directions(self.spectrum, width, self.rng)
        self.started.add((width, activation))
        problem = self._problem(width, activation, amplitudes)
        point = random_start(problem, self.spectrum, amplitudes, self.rng, directions)
        return explore(problem, point, self.report, f"{width} units of {activation.name}", _MOST_STEPS)

    def as_network(self, fit: Fit) -> Fit:
        """The fit without its lift."""
        if not fit.problem.is_lifted:
            return fit
        return explore(*unlifted(fit.problem, fit.point), self.report, "network", max_steps=60)

    def shortened(self, fit: Fit, width: int) -> Fit:
        """A fit of fewer units, refined from what is left without those that the others make up for."""
        problem, point = fit.problem, fit.point
        while problem.width > width:
            problem, point = without_redundant_unit(problem, point)
        return explore(problem, point, self.report, f"{width} units are left")

    def narrower(self, fit: Fit, reference: Fit) -> Fit:
        """A fit with one unit fewer: the first that is as good as a reference, else the best."""
        best = self.shortened(fit, fit.problem.width - 1)
        if not is_as_good(best, reference):
            for trial in narrower_fits(fit, self.report):
                best = min(best, trial, key=lambda one: one.loss)
                if is_as_good(best, reference):
                    break
        return best

    def passes_for_noise(self, fit: Fit) -> bool:
        """Whether the score test sees nothing in what a fit leaves; a test that rows too few pass at once."""
        if fit.problem.n_rows < _LIFT_ROWS_PER_PARAMETER * fit.problem.n_parameters:
            return False
        if fit.loss <= self.rounding**2:
            return True
        return score_test(fit.problem, fit.point, self.rng).p_value > _PASSES_FOR_NOISE

    def has_rows(self, width: int, activation: Activation) -> bool:
        """Whether there are 1.5 rows for each parameter of a network."""
        return len(self.X) >= 1.5 * self.n_parameters(width, activation)

    def n_parameters(self, width: int, activation: Activation) -> int:
        """Number of parameters of a network."""
        return self._plain(width, activation, np.ones(width)).n_parameters

    def _problem(self, width: int, activation: Activation, amplitudes: Vector) -> UnitsProblem:
        law = activation.reflection
        if any(law.polynomial) and len(law.polynomial) <= 3:
            signs = None
            if activation.degree:
                signs = np.ones(width) if law.sign < 0 else np.sign(amplitudes)
            problem = UnitsProblem(
                self.X, self.y, activation, width, signs=signs, has_bias=self.has_bias, is_lifted=True
            )
            if problem.n_rows >= _LIFT_ROWS_PER_PARAMETER * problem.n_parameters:
                return problem
        return self._plain(width, activation, amplitudes)

    def _plain(self, width: int, activation: Activation, amplitudes: Vector) -> UnitsProblem:
        signs = np.sign(amplitudes) if activation.degree else None
        return UnitsProblem(self.X, self.y, activation, width, signs=signs, has_bias=self.has_bias)


def is_as_good(narrow: Fit, reference: Fit) -> bool:
    """Whether a fit explains the rows as well as a wider one: to rounding where that does, else but for noise."""
    return narrow.is_exact if reference.is_exact else gain_ratio(narrow, reference) < _AS_GOOD


def without_redundant_unit(problem: UnitsProblem, point: Vector) -> tuple[UnitsProblem, Vector]:
    r"""The problem and the point without the unit that the others best make up for.

    With Φ the values :math:`v_i\psi(\theta_i\cdot\tilde x)` of the units, beside a constant and a linear part where
    the model has them, unit j adds :math:`1/(G^{-1})_{jj}` to what the others say in the mean square,
    :math:`G = \Phi^\top\Phi/n`; without it the outer weight of unit i grows by the factor
    :math:`1 - (G^{-1})_{ij}/(G^{-1})_{jj}`. Dead units, doubles, and units that are split in two or three go first.
    """
    rows = slice(0, min(_ROWS_FOR_REDUNDANCY, problem.n_rows))
    v, theta = problem.units(point)
    values = problem.unit_block(rows, theta) * v
    parts = [values, np.ones((len(values), 1))]
    if problem.has_linear_row:
        parts.append(problem.inputs(rows)[:, : problem.X.shape[1]])
    columns = np.hstack(parts)
    G = columns.T @ columns / len(columns)
    ridge = _REDUNDANCY_RIDGE * float(G.diagonal()[: problem.width].mean())
    inverse = np.linalg.inv(G + ridge * np.eye(len(G)))
    unit = int(np.argmax(inverse.diagonal()[: problem.width]))
    growth = np.maximum(1 - inverse[: problem.width, unit] / inverse[unit, unit], _LEAST_GROWTH)
    growth[unit] = 1.0
    return without_unit(problem, _grown(problem, point, growth), unit)


def _grown(problem: UnitsProblem, point: Vector, growth: Vector) -> Vector:
    """The point with each unit so many times as strong."""
    point = point.copy()
    rows, coefficients = problem.split(point)
    if problem.signs is None:
        coefficients[: problem.width] *= growth
    else:
        assert problem.activation.degree
        rows[: problem.width] *= (growth ** (1 / problem.activation.degree))[:, None]
    return point
