"""The default recovery: several ways to a start, one refinement, and a stop where only rounding or noise is left."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.evidence.found import Found
from twolayer.evidence.noise import NoiseEvidence
from twolayer.evidence.score_test import score_test
from twolayer.model.fit import EXACT, ROUNDING, Fit
from twolayer.model.problem import UnitsProblem
from twolayer.model.reflections import unlifted
from twolayer.model.units import has_affine_law, straight_units
from twolayer.refine.explore import Report, explore, polish
from twolayer.rows import some_rows
from twolayer.samples import Samples
from twolayer.search.exchange import exchange, prune
from twolayer.search.growth import grown_and_pruned
from twolayer.search.inactive import seen_part, without_idle_units
from twolayer.search.noise import noise_evidence
from twolayer.search.plan import PLAN, SearchPlan
from twolayer.search.session import Session
from twolayer.search.starts import STARTS, first_start

__all__ = ["search", "unlifted_search"]


def search(
    samples: Samples,
    width: int,
    activation: Activation,
    *,
    may_lift: bool = True,
    plan: SearchPlan = PLAN,
    rng: np.random.Generator,
    report: Report,
) -> Found:
    r"""Search for the network of a given width that explains the samples.

    1. A start of the table `STARTS`: the first by the moments that show the units.
    2. The lifted model, refined by Gauss-Newton: with rows enough, most starts end at the global minimum. With fewer
       than 2.5 rows a parameter, and in the first start where the lift is quadratic, the network itself.
    3. Orientations decoded, the network refined.
    4. With biases, a lifted fit that is stuck grows by units of either sign, and gives up as many. Units that no row
       shows are left out; what is then left of the lift is an affine part of the network.
    5. If that is not the end: units exchanged for what the residual moments ask for, then the next start.
    6. The end is a residual at rounding, or one that passes for noise.

    The search uses some 10 rows a parameter; the others then judge and refine its result. If it is exact on its rows
    and not on those, they show what few rows do: another search, and a third, have those among theirs that agree least.

    Parameters
    ----------
    samples : Samples
    width : int
    activation : Activation
    may_lift : bool
        Whether the lift may be used; without it, to see its worth.
    plan : SearchPlan
    rng : Generator
    report : callable
        Called with (stage, step, loss).

    Returns
    -------
    Found
    """
    wanted = np.zeros(0, int)
    for _ in range(plan.searches):
        part = _Search(samples, width, activation, may_lift, plan, rng, report, wanted)
        fit, held_out_loss = part.run(), None
        if part.is_everything:
            break
        whole, point = part.on(samples.problem(1, activation), fit)
        residual = whole.residual(point)
        held_out_loss = None if part.held_out is None else float(np.mean(residual[part.held_out] ** 2))
        was_exact, fit = fit.is_exact, polish(whole, point, report)
        if fit.is_exact or not was_exact:
            break
        wanted = np.argsort(-np.abs(residual))
    if (
        fit.is_exact
        and fit.problem.width == width
        and (fit.problem.is_lifted or straight_units(fit.problem, fit.point).any())
    ):
        fit = seen_part(fit, report)
    found = Found(fit, part.session.lifted_loss, part.held_out, held_out_loss, None, width)
    return found if fit.is_exact else replace(found, noise=part.noise_of(fit))


def unlifted_search(
    samples: Samples, width: int, activation: Activation, *, rng: np.random.Generator, report: Report
) -> Found:
    """The search without its lift, to see what the lift is worth."""
    return search(samples, width, activation, may_lift=False, rng=rng, report=report)


class _Search:
    """The part of the samples that is searched on, and what has been found so far."""

    def __init__(
        self,
        samples: Samples,
        width: int,
        activation: Activation,
        may_lift: bool,
        plan: SearchPlan,
        rng: np.random.Generator,
        report: Report,
        wanted: NDArray[np.intp],
    ):
        self.held_out: NDArray[np.bool_] | None = None
        parameters = Session(samples, width, activation, rng, report, None, may_lift, plan).n_parameters(width)
        rows = plan.rows_per_parameter * parameters + plan.rows_per_input * samples.dim
        # to keep back less than a tenth of the rows would judge nothing, and cost a polish on all of them
        drawn = some_rows(samples.n_rows, rows, rng) if samples.n_rows > 1.1 * rows else None
        if drawn is not None:
            chosen = np.zeros(samples.n_rows, bool)
            chosen[drawn] = True
            chosen[wanted[: rows // 2]] = True
            self.held_out, samples = ~chosen, samples.at(chosen)
        samples, whitening = samples.whitened()
        self.is_everything = drawn is None and whitening is None
        self.session = Session(samples, width, activation, rng, report, whitening, may_lift, plan)
        self.rounding, self.is_best_polished = samples.rounding, False
        self.best: Fit | None = None

    def run(self) -> Fit:
        """Try starts until one is exact or leaves only noise; the best otherwise."""
        session, report, rng = self.session, self.session.report, self.session.rng
        for number, start in enumerate(STARTS.values()):
            # where the lift fits and no network does, another lifted start would only end there again
            is_in_vain = session.lifted_loss is not None and session.lifted_loss <= EXACT
            if is_in_vain and number >= 2:
                break
            session.may_lift = session.may_lift and not is_in_vain
            fit = prune(start(session), session.width, report)
            if fit.problem.is_lifted and session.samples.has_bias and not fit.is_exact:
                fit = grown_and_pruned(fit, report, rng)
            ended = self.settle(fit) or self.settle(exchange(fit, report, rng))
            if ended is not None:
                return ended
        assert self.best is not None
        return self.best if self.is_best_polished else polish(self.best.problem, self.best.point, report)

    def settle(self, fit: Fit) -> Fit | None:
        """Turn a fit into one of the network; return it if it is exact or leaves only noise."""
        session, report = self.session, self.session.report
        if fit.problem.is_lifted:
            if fit.is_exact and session.samples.has_bias and fit.problem.width > session.samples.dim:
                fit = without_idle_units(fit, report)  # orientations of many units are not searched in vain
            lifted = fit
            if session.lifted_loss is None or fit.loss < session.lifted_loss:
                session.lifted_loss = fit.loss
            fit = explore(*unlifted(fit.problem, fit.point), report, "network", max_steps=60)
            if lifted.is_exact and not fit.is_exact and has_affine_law(lifted.problem):
                return polish(lifted.problem, lifted.point, report)
        might_be_noise = self.might_be_noise(fit)
        if might_be_noise or (fit.is_exact and self.is_everything and fit.loss > ROUNDING):
            fit = polish(fit.problem, fit.point, report)
        if self.best is None or fit.loss < self.best.loss:
            self.best, self.is_best_polished = fit, might_be_noise or fit.is_exact
        if fit.is_exact:
            return fit
        is_noise = might_be_noise and noise_evidence(fit, self.fresh, report, session.rng, self.rounding).is_noise
        return fit if is_noise else None

    def might_be_noise(self, fit: Fit) -> bool:
        """Whether a fit is a candidate for one that leaves only noise, and worth a polish."""
        plan, problem = self.session.plan, fit.problem
        if fit.is_exact or problem.n_rows < plan.noise_rows * problem.n_parameters:
            return False
        if fit.loss <= self.rounding**2:
            return True
        return score_test(problem, fit.point, self.session.rng).p_value > plan.clearly_misfit

    def fresh(self, width: int) -> Fit:
        """A fit of another width from a new first start."""
        return first_start(replace(self.session, width=width))

    def on(self, rows: UnitsProblem, fit: Fit) -> tuple[UnitsProblem, NDArray[np.float64]]:
        """The problem and the point of a fit of this search on other rows of the samples' own inputs."""
        problem, whitening = fit.problem.on(rows.X, rows.y), self.session.whitening
        return problem, fit.point if whitening is None else whitening.invert_point(fit.problem, fit.point, problem)

    def noise_of(self, fit: Fit) -> NoiseEvidence:
        """Evidence for noise in what a fit on all rows leaves; of very many rows, on some drawn at random.

        What a search on those cannot see may still be seen by a score test, and by standard errors, of all rows.
        """
        session, p = self.session, fit.problem.n_parameters
        some = fit.problem.some(max(session.plan.judged_rows * p, session.plan.judged_entries // p))
        judged = fit if some is fit.problem else polish(some, fit.point, session.report)

        def fresh(width: int) -> Fit:
            problem, point = self.on(some, self.fresh(width))
            return explore(problem, point, session.report, "fresh start on the judging rows")

        evidence = noise_evidence(judged, fresh, session.report, session.rng, self.rounding)
        if evidence.is_noise and evidence.test is not None and judged is not fit:
            evidence = evidence.with_test(score_test(fit.problem, fit.point, session.rng))
        return evidence
