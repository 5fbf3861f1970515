"""Recovery from several outputs that share their units: starts, one refinement, a stop at rounding or noise."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.evidence.shared_score_test import shared_score_test
from twolayer.evidence.shared_verdict import SharedFound
from twolayer.model.fit import EXACT, ROUNDING
from twolayer.model.shared_reflections import unlifted_units
from twolayer.model.shared_units import Matrix, SharedFit, SharedUnits
from twolayer.refine.explore import Report
from twolayer.refine.progress import Stopping
from twolayer.refine.variable_projection import is_formed, variable_projection
from twolayer.rows import some_rows
from twolayer.samples import Samples
from twolayer.search.plan import PLAN, SearchPlan
from twolayer.search.shared_noise import shared_noise_evidence
from twolayer.search.shared_starts import SHARED_STARTS, SharedSession
from twolayer.search.shared_units_seen import seen_units
from twolayer.search.shared_width import thinned_units, with_missing_units

__all__ = ["explored", "polished", "search_outputs"]


def search_outputs(
    samples: Samples,
    width: int,
    activation: Activation,
    *,
    plan: SearchPlan = PLAN,
    rng: np.random.Generator,
    report: Report,
) -> SharedFound:
    r"""Search for the network of a given width that explains the samples of several outputs.

    1. A start of the table `SHARED_STARTS`: directions that diagonalise the moments of all outputs, or random ones.
    2. The lifted model by `variable_projection`: outer weights of any sign, and either orientation of a unit, are one
       point of it, so that most starts end at the global minimum.
    3. Where it does not, units for which the residual of all outputs asks are added, and as many given up.
    4. Orientations decoded, the network refined; of many rows, on all of them at the end.
    5. The end is a residual at rounding, or one that passes for noise. Noise that is not independent and alike in all
       outputs is made so, by the covariance of what is left, and the network fitted once more.

    Parameters
    ----------
    samples : Samples
    width : int
    activation : Activation
    plan : SearchPlan
    rng : Generator
    report : callable
        Called with (stage, step, loss).

    Returns
    -------
    SharedFound
    """
    wanted = np.zeros(0, int)
    for _ in range(plan.searches):
        part = _SharedSearch(samples, width, activation, plan, rng, report, wanted)
        fit, held_out_loss = part.run(), None
        if part.is_everything:
            break
        whole, theta = part.on(samples, fit)
        there = whole.fit(theta)
        if part.held_out is not None:
            held_out_loss = float(np.mean(there.residual[part.held_out] ** 2))
        was_exact, fit = fit.is_exact, polished(whole, theta, report)
        if fit.is_exact or not was_exact:
            break
        wanted = np.argsort(-np.sum(there.residual**2, axis=1))
    if fit.is_exact:
        fit = seen_units(fit, explored, report)
        return SharedFound(fit, part.lifted_loss, part.held_out, held_out_loss, None, width)
    fit, mixing = _decorrelated(fit, report)
    noise = shared_noise_evidence(fit, part.fresh, explored, report, rng, samples.rounding)
    return SharedFound(fit, part.lifted_loss, part.held_out, held_out_loss, noise, width, mixing)


def explored(problem: SharedUnits, theta: Matrix, report: Report, stage: str, max_steps: int = 200) -> SharedFit:
    """Refine a start until it is exact or has ceased to make headway, as `explore` does for one output."""
    patience, least_gain = (8, 0.15) if is_formed(problem) else (12, 0.05)
    return _refined(problem, theta, Stopping(max_steps, patience=patience, least_gain=least_gain), report, stage)


def polished(problem: SharedUnits, theta: Matrix, report: Report, stage: str = "polish") -> SharedFit:
    """Refine to the minimum, to rounding."""
    return _refined(problem, theta, Stopping(60, floor=ROUNDING, patience=3, least_gain=1e-9), report, stage)


def _refined(problem: SharedUnits, theta: Matrix, stopping: Stopping, report: Report, stage: str) -> SharedFit:
    stopping.report = lambda step, loss: report(stage, step, loss)
    return variable_projection(problem, theta, stopping)


@dataclass(eq=False)
class _SharedSearch:
    """The part of the samples that is searched on, and what has been found so far."""

    given: Samples
    width: int
    activation: Activation
    plan: SearchPlan
    rng: np.random.Generator
    report: Report
    wanted: NDArray[np.intp]

    def __post_init__(self) -> None:
        samples, self.held_out = self.given, None
        lifted = samples.shared_problem(self.width, self.activation, is_lifted=True)
        rows = self.plan.rows_per_parameter * lifted.n_parameters // samples.n_outputs
        rows = max(rows, 3 * lifted.n_features) + self.plan.rows_per_input * samples.dim
        samples, self.whitening = samples.whitened()
        self.moments, drawn = samples, None
        if samples.n_rows > 1.1 * rows:  # to keep back less than a tenth would judge nothing
            drawn = some_rows(samples.n_rows, rows, self.rng)
        if drawn is not None:
            chosen = np.zeros(samples.n_rows, bool)
            chosen[drawn] = True
            chosen[self.wanted[: rows // 2]] = True
            self.held_out, samples = ~chosen, samples.at(chosen)
        self.samples, self.is_everything = samples, drawn is None and self.whitening is None
        self.lifted_loss: float | None = None
        self.best: SharedFit | None = None

    def problem(self, width: int, *, is_lifted: bool) -> SharedUnits:
        """The problem of so many units on the rows of the search; lifted only where there are rows enough for it."""
        lifted = self.samples.shared_problem(width, self.activation, is_lifted=is_lifted)
        shared = width * (lifted.n_columns - bool(self.activation.degree))
        left = lifted.n_rows - lifted.n_features
        if is_lifted and left * lifted.n_outputs < self.plan.lift_rows * shared:
            return lifted.resized(width, is_lifted=False)
        return lifted

    def run(self) -> SharedFit:
        """Try starts until one is exact or leaves only noise; the best otherwise."""
        session = SharedSession(self.moments, self.width, self.activation, self.rng)
        for name, start in SHARED_STARTS.items():
            theta = start(session)
            if theta is None:
                continue
            fit = self.start(theta, self.width, name)
            ended = self.settle(fit) or (None if fit.is_exact else self.settle(self.regrown(fit)))
            if ended is not None:
                return ended
            if self.lifted_loss is not None and self.lifted_loss <= EXACT:
                break  # where the lift fits and no network does, another start would only end there again
        assert self.best is not None
        return polished(self.best.problem, self.best.theta, self.report)

    def start(self, theta: Matrix, width: int, name: str) -> SharedFit:
        """Explore from units, and leave those out that are too many."""
        problem = self.problem(len(theta), is_lifted=True)
        stage = f"{'lifted' if problem.is_lifted else 'plain'} start: {name}"
        fit = explored(problem, theta, self.report, stage)
        if len(theta) > width:
            fit = explored(fit.problem.resized(width), thinned_units(fit, width), self.report, stage)
        return fit

    def regrown(self, fit: SharedFit) -> SharedFit:
        """Units for which the residual asks are added, and as many given up, while that lowers the loss."""
        failures = 0
        for _ in range(8):  # each that succeeds takes 3 % at least: more would be a wandering
            count = max(2, self.width // 3)
            theta = with_missing_units(fit, count, self.rng)
            wide = explored(self.problem(len(theta), is_lifted=True), theta, self.report, "more units")
            trial = explored(wide.problem.resized(self.width), thinned_units(wide, self.width), self.report, "fewer")
            failures = failures + 1 if trial.loss > 0.97 * fit.loss else 0
            fit = min(fit, trial, key=lambda one: one.loss)
            if fit.is_exact or failures == 2:
                break
        return fit

    def settle(self, fit: SharedFit) -> SharedFit | None:
        """Turn a fit into one of the network; return it if it is exact or leaves only noise."""
        if fit.problem.is_lifted:
            lifted = fit
            if self.lifted_loss is None or fit.loss < self.lifted_loss:
                self.lifted_loss = fit.loss
            fit = explored(*unlifted_units(fit), self.report, "network", 60)
            if lifted.is_exact and not fit.is_exact and lifted.problem.lift_degree == 1:
                return polished(lifted.problem, lifted.theta, self.report)
        might_be_noise = self.might_be_noise(fit)
        if might_be_noise or (fit.is_exact and self.is_everything and fit.loss > ROUNDING):
            fit = polished(fit.problem, fit.theta, self.report)
        if self.best is None or fit.loss < self.best.loss:
            self.best = fit
        if fit.is_exact:
            return fit
        if not might_be_noise:
            return None
        plain, _ = _decorrelated(fit, self.report)
        evidence = shared_noise_evidence(plain, self.fresh, explored, self.report, self.rng, self.samples.rounding)
        return fit if evidence.is_noise else None

    def might_be_noise(self, fit: SharedFit) -> bool:
        """Whether a fit is a candidate for one that leaves only noise, and worth a polish."""
        problem = fit.problem
        if fit.is_exact or problem.n_equations < self.plan.noise_rows * problem.n_parameters:
            return False
        if fit.loss <= self.samples.rounding**2:
            return True
        return shared_score_test(_decorrelated_labels(fit)[0], self.rng).p_value > self.plan.clearly_misfit

    def fresh(self, problem: SharedUnits) -> SharedFit:
        """A fit of as many units as a problem has, from a new start of random directions, on its rows."""
        session = SharedSession(self.moments, problem.width, self.activation, self.rng)
        theta = session.units(session.random_directions(problem.width))
        whitened = problem.X.shape == self.samples.X.shape and problem.X is self.samples.X
        if not whitened and self.whitening is not None:
            theta = self.whitening.invert_rows(theta)
        lifted = explored(problem.resized(problem.width, is_lifted=True), theta, self.report, "fresh start")
        return explored(*unlifted_units(lifted), self.report, "fresh start, network", 60)

    def on(self, samples: Samples, fit: SharedFit) -> tuple[SharedUnits, Matrix]:
        """The problem and the units of a fit of this search on the samples' own inputs."""
        problem = samples.shared_problem(fit.problem.width, self.activation, is_lifted=fit.problem.is_lifted)
        return problem, fit.theta if self.whitening is None else self.whitening.invert_rows(fit.theta)


def _decorrelated(fit: SharedFit, report: Report) -> tuple[SharedFit, Matrix | None]:
    """The fit to labels in which the noise is independent and alike in all outputs, and the way back.

    Where outputs have noise of very different sizes, the noise of the large ones is in what the first fit leaves of the
    small ones: the covariance is taken anew until it stays.
    """
    whole: Matrix | None = None
    for _ in range(6):  # each takes a factor of some √n from such a share
        moved, mixing = _decorrelated_labels(fit)
        if mixing is None:
            break
        fit = polished(moved.problem, moved.theta, report)
        whole = mixing if whole is None else mixing @ whole
        sizes = np.linalg.svd(mixing, compute_uv=False)
        if sizes[0] < 1.1 * sizes[-1]:
            break
    return fit, whole


def _decorrelated_labels(fit: SharedFit) -> tuple[SharedFit, Matrix | None]:
    r"""A fit with labels :math:`Y\,\Sigma^{-1/2}`, Σ the covariance of what it leaves; not refined.

    Least squares of these is the maximum likelihood of Gaussian noise of that covariance. Directions of labels that are
    met almost exactly are taken to have a millionth of the largest deviation, or they would drown the others.
    """
    problem, left = fit.problem, fit.residual
    freedom = problem.n_rows - problem.n_parameters / problem.n_outputs
    if freedom < 2 * problem.n_outputs:
        return fit, None
    values, vectors = np.linalg.eigh(left.T @ left / freedom)
    if not values[-1] > 0:
        return fit, None
    deviations = np.sqrt(np.maximum(values, 1e-12 * values[-1]))
    mixing = (vectors * deviations) @ vectors.T
    unmixing = (vectors / deviations) @ vectors.T
    scale = float(np.sqrt(problem.energy / np.sum((problem.Y @ unmixing) ** 2)))
    moved = problem.on(problem.X, problem.Y @ unmixing * scale)
    return replace(moved.fit(fit.theta), losses=fit.losses), mixing / scale
