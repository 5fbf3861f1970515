"""The default recovery: several ways to a start, one refinement, and a stop at a certificate."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.coordinates.inputs import ChangeOfInputs, principal_inputs, span_of_units, whitening_of
from twolayer.evidence.score_test import score_test
from twolayer.model import UnitsProblem
from twolayer.model.problem import Vector
from twolayer.model.reflections import unlifted
from twolayer.moments import SecondMoment, second_moment
from twolayer.refine.fit import EXACT, ROUNDING, Fit, Report, explore, explore_patiently, explore_roughly, polish
from twolayer.search.crowded import crowded_fit, spare_units
from twolayer.search.exchange import exchange, prune
from twolayer.search.growth import grown_and_pruned
from twolayer.search.noise import NoiseEvidence, noise_evidence
from twolayer.search.starts import amplitude_signs, moment_directions, odd_terms, principal_directions, random_start
from twolayer.search.unseen import has_affine_law, seen_part, straight_units, without_idle_units

__all__ = ["Found", "portfolio"]

_ROWS_PER_PARAMETER = 10  # what a search needs at most; the other rows judge its result
_JUDGING_ROWS_PER_PARAMETER = 20
_JUDGING_ENTRIES = 20_000_000  # of a Jacobian, up to which all rows judge
_ROWS_PER_PRINCIPAL_PARAMETER = 20
_LIFT_ROWS_PER_PARAMETER = 2.5
_NOISE_ROWS_PER_PARAMETER = 2.5
_MOST_STARTS = 6
_SEARCHES = 3
_CROWD = 2  # units an input
_SIGN_DOUBT = 0.2
_WIDE_ATTEMPT = 3
_SMALL = 200  # parameters below which a start costs less than principal inputs or moments do
_TURNS, _STEPS_OF_A_TURN, _NEAR = 3, 4, 1e-3  # of the span of the units; the loss at which it need not turn again
_NO_SIGNAL = 1e-8
_CLEARLY_MISFIT = 1e-12


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
    width : int or None
        The number of units asked for, where that is not the number of the fit.
    """

    fit: Fit
    lifted_loss: float | None
    held_out: NDArray[np.bool_] | None
    held_out_loss: float | None
    evidence: NoiseEvidence | None
    width: int | None = None


def portfolio(
    X: NDArray,
    y: NDArray,
    width: int,
    activation: Activation,
    *,
    has_bias: bool,
    is_lifted: bool = True,
    rounding: float = 0.0,
    rng: np.random.Generator,
    report: Report,
) -> Found:
    r"""Search for the network of a given width that explains the samples.

    1. Signs of the outer weights from the inertia of T_2, scale from the variance, random directions. The first start
       explores in the span of the leading eigenvectors of T_2 only, where a step costs little. Of odd σ
       without biases T_2 shows nothing, and directions and signs are those of the terms of T_3.
    2. The lifted model, refined by Gauss-Newton: with rows enough, most starts end at the global minimum. With fewer
       than 2.5 rows a parameter, and in the first start where the lift is quadratic, the network itself.
    3. Orientations decoded, the network refined.
    4. With biases, a lifted fit that is stuck grows by units of either sign, and gives up as many. Units that no row
       shows are left out; what is then left of the lift is an affine part of the network.
    5. If that is not the end: units exchanged for what the residual moments ask for, then new starts, one of them
       half as wide again and pruned.
    6. The end is a residual at rounding, or one that passes for noise.

    The search uses some 10 rows a parameter; the others then judge and refine its result. If it is exact on its rows
    and not on those, they show what few rows do: another search, and a third, have those among theirs that agree least.

    Parameters
    ----------
    X, y : arrays, shapes (n, d) and (n,)
    width : int
    activation : Activation
    has_bias : bool
    is_lifted : bool
        Whether the lift may be used; without it, to see its worth.
    rounding : float
        Relative error of the labels as they were given.
    rng : Generator
    report : callable
        Called with (stage, step, loss).

    Returns
    -------
    Found
    """
    wanted = np.zeros(0, int)
    for _ in range(_SEARCHES):
        search = _Search(X, y, width, activation, has_bias, is_lifted, rng, report, rounding, wanted)
        fit, held_out_loss = search.run(), None
        if search.is_everything:
            break
        whole = search.problem(X, y, fit.problem.units(fit.point)[0], is_lifted=fit.problem.is_lifted)
        point = fit.point if search.whitening is None else search.whitening.undone(fit.problem, fit.point, whole)
        residual = whole.residual(point)
        held_out_loss = None if search.held_out is None else float(np.mean(residual[search.held_out] ** 2))
        was_exact, fit = fit.is_exact, polish(whole, point, report)
        if fit.is_exact or not was_exact:
            break
        wanted = np.argsort(-np.abs(residual))
    if fit.is_exact and fit.problem.width == width and (fit.problem.is_lifted or straight_units(fit).any()):
        fit = seen_part(fit, report)
    evidence = None
    if not fit.is_exact:
        some = _thinned(fit, report)
        evidence = noise_evidence(some, lambda width: search.fresh_on(some.problem, width), report, rng, rounding)
        if evidence.is_noise and evidence.test is not None and some is not fit:
            evidence = evidence.with_test(score_test(fit.problem, fit.point, rng))
    return Found(fit, search.lifted_loss, search.held_out, held_out_loss, evidence, width)


def _thinned(fit: Fit, report: Report) -> Fit:
    """The fit on every so many of very many rows, where the search for a better one would take too long on all.

    What such a search cannot see there may still be seen by the standard errors, which are of all rows.
    """
    p = fit.problem.n_parameters
    stride = fit.problem.n_rows // max(_JUDGING_ROWS_PER_PARAMETER * p, _JUDGING_ENTRIES // p)
    if stride < 2:
        return fit
    return polish(fit.problem.on(fit.problem.X[::stride], fit.problem.y[::stride]), fit.point, report)


class _Search:
    """The samples, the part of them that is searched on, and what has been found so far."""

    def __init__(
        self,
        X: NDArray,
        y: NDArray,
        width: int,
        activation: Activation,
        has_bias: bool,
        may_lift: bool,
        rng: np.random.Generator,
        report: Report,
        rounding: float,
        wanted: NDArray[np.intp],
    ):
        self.X, self.y, self.width, self.activation, self.has_bias = X, y, width, activation, has_bias
        self.rng, self.report, self.may_lift, self.rounding = rng, report, may_lift, rounding
        n, d = X.shape
        rows = _ROWS_PER_PARAMETER * self.n_parameters(width) + 20 * d
        self.held_out = None
        if n > 1.1 * rows:
            chosen = np.zeros(n, bool)
            chosen[rng.choice(n, rows, replace=False)] = True
            chosen[wanted[: rows // 2]] = True
            self.held_out, self.X, self.y = ~chosen, np.ascontiguousarray(X[chosen]), y[chosen]
        self.whitening = whitening_of(self.X, has_bias)
        if self.whitening is not None:
            self.X = self.whitening.done(self.X)
        self.is_everything = self.held_out is None and self.whitening is None
        self.spectrum: SecondMoment = second_moment(self.X, self.y)
        self.c2, self.c3 = map(float, activation.hermite_coefficients(3)[2:])
        self.has_second_moment = abs(self.c2) > _NO_SIGNAL
        self.has_quadratic_lift = len(activation.reflection.polynomial) == 3
        self.is_small = self.n_parameters(width) < _SMALL
        self.best: Fit | None = None
        self.is_best_polished = False
        self.lifted_loss: float | None = None

    def problem(self, X: NDArray, y: NDArray, amplitudes: Vector, *, is_lifted: bool) -> UnitsProblem:
        """The problem on some rows; fixed signs where σ is homogeneous, +1 where the lifted σ is odd."""
        law = self.activation.reflection
        is_lifted = is_lifted and self.may_lift and len(law.polynomial) <= 3 and any(law.polynomial)
        signs = None
        if self.activation.degree:
            signs = np.ones_like(amplitudes) if is_lifted and law.sign < 0 else np.sign(amplitudes)
        return UnitsProblem(
            X, y, self.activation, len(amplitudes), signs=signs, has_bias=self.has_bias, is_lifted=is_lifted
        )

    def n_parameters(self, width: int) -> int:
        """Number of parameters of the lifted model."""
        return self.problem(self.X[:1], self.y[:1], np.ones(width), is_lifted=True).n_parameters

    def can_lift(self, width: int) -> bool:
        """Whether there are rows enough for the lifted model."""
        return len(self.X) >= _LIFT_ROWS_PER_PARAMETER * self.n_parameters(width)

    def run(self) -> Fit:
        """Try starts until one is exact or leaves only noise; the best otherwise."""
        for attempt in range(_MOST_STARTS):
            # where the lift fits and no network does, another lifted start would only end there again
            lift_is_exact = self.lifted_loss is not None and self.lifted_loss <= EXACT
            if lift_is_exact and attempt >= 2:
                break
            width = self.width + (self.width + 1) // 2 if attempt == _WIDE_ATTEMPT else self.width
            lifts = self.can_lift(width) and attempt % 3 != 2 and not lift_is_exact
            is_crowded = attempt == 0 and self.width > _CROWD * self.X.shape[1]
            fit = self.crowded() if is_crowded else prune(self.start(width, lifts, attempt), self.width, self.report)
            if fit.problem.is_lifted and self.has_bias and not fit.is_exact:
                fit = grown_and_pruned(fit, self.report, self.rng)
            ended = self.settle(fit) or self.settle(exchange(fit, self.report, self.rng))
            if ended is not None:
                return ended
        assert self.best is not None
        return self.best if self.is_best_polished else polish(self.best.problem, self.best.point, self.report)

    def start(self, width: int, lifts: bool, attempt: int) -> Fit:
        """Explore from a new start: in the span of T_2, then by the moments, then at random with some signs doubted.

        The first start does without a quadratic lift: its parameters are many, and T_2 has shown the signs.
        """
        amplitudes = amplitude_signs(self.c2, width, self.spectrum)
        directions, kind = None, ""
        if attempt == 0 and self.has_second_moment:
            lifts = lifts and not self.has_quadratic_lift
            principal = None if self.is_small else principal_inputs(self.spectrum, width)
            if principal is not None:
                return self.principal_start(*principal, amplitudes, lifts)
            directions = principal_directions(self.spectrum, width, self.rng)
        elif attempt == 0 and not self.has_bias and not self.is_small and abs(self.c3) > _NO_SIGNAL:
            terms = odd_terms(self.X, self.spectrum.rest, width, self.rng)
            directions, kind = terms.factors, "moment "
            amplitudes = np.where(terms.weights * self.c3 < 0, -1.0, 1.0)
        elif attempt == 1 and (self.has_second_moment or self.has_bias):
            directions, kind = moment_directions(self.X, self.y, width, self.spectrum, self.rng), "moment "
        if attempt > 1:
            amplitudes = amplitudes * np.where(self.rng.random(width) < _SIGN_DOUBT, -1.0, 1.0)
        problem = self.problem(self.X, self.y, amplitudes, is_lifted=lifts)
        point = random_start(problem, self.spectrum, amplitudes, self.rng, directions)
        kind = ("lifted " if problem.is_lifted else "plain ") + (kind if directions is not None else "")
        return explore(problem, point, self.report, f"{kind}start {attempt + 1}")

    def crowded(self) -> Fit:
        """A start for many more units than inputs, with some to spare at first."""
        width = self.width + spare_units(self.problem(self.X, self.y, np.ones(self.width), is_lifted=True))
        amplitudes = amplitude_signs(self.c2, width, self.spectrum)
        lifts = self.can_lift(width) and not self.has_quadratic_lift
        problem = self.problem(self.X, self.y, amplitudes, is_lifted=lifts)
        point = random_start(problem, self.spectrum, amplitudes, self.rng)
        return crowded_fit(problem, point, self.width, self.report, self.rng)

    def principal_start(self, change: ChangeOfInputs, spectrum: SecondMoment, amplitudes: Vector, lifts: bool) -> Fit:
        """Explore in few dimensions, which costs little, and then from there in all of them.

        If a few steps there do not lead to the minimum, they have turned the span of the units to where it should be,
        and another start in that span sees much more of them than one in the span of T_2. There are always rows enough
        in few dimensions for a lift by few parameters.
        """
        for turn in range(_TURNS):
            fit = self.principal_fit(change, spectrum, amplitudes, lifts, is_first=turn == 0)
            stage = "lifted principal start 1" if fit.problem.is_lifted else "plain principal start 1"
            fit = explore(fit.problem, fit.point, self.report, stage, max_steps=_STEPS_OF_A_TURN)
            if fit.loss <= _NEAR or turn == _TURNS - 1:
                break
            change = span_of_units(fit.problem.units(fit.point)[1][:, : self.X.shape[1]])
            spectrum = second_moment(change.done(self.X), self.y)
            amplitudes = amplitude_signs(self.c2, len(amplitudes), spectrum)
        return explore(fit.problem, fit.point, self.report, stage)

    def principal_fit(
        self, change: ChangeOfInputs, spectrum: SecondMoment, amplitudes: Vector, lifts: bool, *, is_first: bool
    ) -> Fit:
        """A fit by units in the span of few inputs, as a point of the problem in all of them; not refined there."""
        mapped = change.done(self.X)
        problem = self.problem(mapped, self.y, amplitudes, is_lifted=not self.has_quadratic_lift)
        rows = slice(None, _ROWS_PER_PRINCIPAL_PARAMETER * problem.n_parameters if is_first else None)
        problem = problem.on(mapped[rows], self.y[rows])
        refine = explore_roughly if is_first else explore_patiently
        fit = refine(problem, random_start(problem, spectrum, amplitudes, self.rng), self.report, "principal inputs")
        problem, point = fit.problem, fit.point
        if problem.is_lifted and not lifts:
            problem, point = unlifted(problem, point)
        whole = self.problem(self.X, self.y, problem.units(point)[0], is_lifted=problem.is_lifted)
        return Fit(whole, change.undone(problem, point, whole), fit.loss)

    def fresh(self, width: int) -> Fit:
        """A fit of another width from a new start."""
        return self.start(width, self.can_lift(width), 0)

    def fresh_on(self, judged: UnitsProblem, width: int) -> Fit:
        """A fit of another width from a new start, found on the rows of the search and refined on those of `judged`."""
        fit = self.fresh(width)
        problem = fit.problem.on(judged.X, judged.y)
        point = fit.point if self.whitening is None else self.whitening.undone(fit.problem, fit.point, problem)
        return explore(problem, point, self.report, "fresh start on the judging rows")

    def settle(self, fit: Fit) -> Fit | None:
        """Turn a fit into one of the network; return it if it is exact or leaves only noise."""
        if fit.problem.is_lifted:
            if fit.is_exact and self.has_bias and fit.problem.width > self.X.shape[1]:
                fit = without_idle_units(fit, self.report)  # orientations of many units are not searched in vain
            lifted = fit
            if self.lifted_loss is None or fit.loss < self.lifted_loss:
                self.lifted_loss = fit.loss
            fit = explore(*unlifted(fit.problem, fit.point), self.report, "network", max_steps=60)
            if lifted.is_exact and not fit.is_exact and has_affine_law(lifted.problem):
                return polish(lifted.problem, lifted.point, self.report)
        might_be_noise = (
            not fit.is_exact
            and fit.problem.n_rows >= _NOISE_ROWS_PER_PARAMETER * fit.problem.n_parameters
            and (fit.loss <= self.rounding**2 or score_test(fit.problem, fit.point, self.rng).p_value > _CLEARLY_MISFIT)
        )
        if might_be_noise or (fit.is_exact and self.is_everything and fit.loss > ROUNDING):
            fit = polish(fit.problem, fit.point, self.report)
        if self.best is None or fit.loss < self.best.loss:
            self.best, self.is_best_polished = fit, might_be_noise or fit.is_exact
        if fit.is_exact:
            return fit
        is_noise = might_be_noise and noise_evidence(fit, self.fresh, self.report, self.rng, self.rounding).is_noise
        return fit if is_noise else None
