"""The search for a ridge fit: many cheap starts, the best of them followed, the evidence over those that live."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.network import TwoLayerNetwork
from twolayer.ridge.descent import Descent, levenberg_marquardt, quasi_newton
from twolayer.ridge.fit import RidgeFit
from twolayer.ridge.likelihood import Gaussian, Likelihood
from twolayer.ridge.objective import Objective
from twolayer.ridge.plan import PLAN, RidgePlan
from twolayer.ridge.prior import Prior
from twolayer.ridge.starts import grown_start, random_start

__all__ = ["refitted", "ridge_fit"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def ridge_fit(
    X: Matrix,
    Y: Matrix,
    width: int,
    activation: Activation,
    *,
    has_bias: bool,
    alpha: float | None = None,
    weights: Vector | None = None,
    likelihood: Likelihood | None = None,
    start: TwoLayerNetwork | None = None,
    rng: np.random.Generator,
    plan: RidgePlan = PLAN,
) -> RidgeFit:
    r"""Fit a network with a ridge on its weights.

    .. math:: \min_{A, W, b, c}\ \sum_l \omega_l\,\ell(f(x_l), y_l) + \tfrac\alpha2 (\|A\|^2 + \|W\|^2),

    biases and constant free. Without an α, each input has one of its own, the biases have one and the outer weights
    have one, and they are found as the fixed points :math:`\alpha_g = \sigma^2\gamma_g/\|z_g\|^2` that maximise the
    evidence [1]_, the network refined in between [2]_.

    Starts are grown and random in turn, as many as the problem is cheap. After a first look, the best are followed to a
    minimum: under a weak ridge, where units stay apart and much detail is fitted, and under a strong one, where a unit
    dies unless it does more than noise could. The fit of highest evidence is kept, or of lowest penalised loss where α
    is given. The evidence of a dead network, a constant, is sometimes the highest although there is something to learn:
    a constant is kept only if no network predicts rows held out in turn better. Where labels are classes, the
    ridges found are scaled by what suits rows held out in turn.

    Parameters
    ----------
    X, Y : arrays, shapes (n, d) and (n, q)
        Standardised, if one α is to suit all weights.
    width : int
    activation : Activation
    has_bias : bool
    alpha : float, optional
        Positive.
    weights : array, shape (n,), optional
        The ω, positive; ones by default.
    likelihood : Likelihood, optional
        Gaussian by default.
    start : TwoLayerNetwork, optional
        The only start: it is followed to a minimum.
    rng : Generator
    plan : RidgePlan

    Returns
    -------
    RidgeFit

    Notes
    -----
    Up to 500 parameters (150 of classes), a step takes n p² / 2 multiply-adds; there are 4 to 24 starts of some 25
    steps, and a quarter of them takes some 50 more. Beyond, the steps are quasi-Newton ones, a few hundred of n m (2D +
    3q). With more inputs than rows the fit is done in the row space of `X`, which the ridge does not notice, under one
    α. It fails by ending at a local minimum.

    References
    ----------
    .. [1] MacKay (1992), A practical Bayesian framework for backpropagation networks.
    .. [2] Foresee and Hagan (1997), Gauss-Newton approximation to Bayesian learning.
    """
    axes = np.linalg.svd(X, full_matrices=False)[2] if X.shape[1] > len(X) and start is None else None
    objective = Objective.of(
        X if axes is None else X @ axes.T,
        Y,
        np.ones(len(X)) if weights is None else weights,
        activation,
        width,
        has_bias=has_bias,
        likelihood=likelihood or Gaussian(),
    )
    search = _Search(objective, axes, alpha, rng, plan)
    with np.errstate(over="ignore", invalid="ignore"):  # trial points far out overflow: they are passed over
        if start is not None:
            return search.from_one(objective.point_of(start))
        if alpha is not None:
            return min(search.fits(), key=lambda fit: fit.value)
        return search.of_highest_evidence()


class _Search:
    """A problem, and how it is searched."""

    def __init__(
        self,
        objective: Objective,
        axes: Matrix | None,
        alpha: float | None,
        rng: np.random.Generator,
        plan: RidgePlan,
    ):
        self.objective, self.axes, self.alpha, self.rng, self.plan = objective, axes, alpha, rng, plan
        self.is_dense = plan.is_dense(objective.n_parameters, has_scale=objective.likelihood.has_scale)
        rows = objective.total_weight
        self.weak, self.strong = plan.weak * rows, plan.strong * float(np.sqrt(rows))

    def prior(self, alpha: float) -> Prior:
        """Ridges that are all equal, of as many groups as may move."""
        if self.alpha is not None or self.axes is not None or not self.is_dense:
            return Prior.single(self.objective, alpha)
        return Prior.by_input(self.objective, alpha)

    def fit(self, descent: Descent) -> RidgeFit:
        return RidgeFit(self.objective, descent.point, descent.prior, self.axes)

    # -- the starts ----------------------------------------------------------------------------------------------------

    def first_looks(self, objective: Objective) -> list[Descent]:
        """Every start after a few steps under a weak ridge, the best first."""
        plan, looks = self.plan, []
        for number in range(self.n_starts(objective)):
            prior = self.prior(self.weak * plan.weaker if number // 2 % 2 else self.weak)
            z = random_start(objective, self.rng) if number % 2 else grown_start(objective, self.rng, self.weak, plan)
            if self.is_dense:
                look = levenberg_marquardt(objective, z, prior, plan.first_steps, moves_ridge=False, plan=plan)
            else:
                look = quasi_newton(objective, z, prior, plan.quasi_newton_steps // 2)
            looks.append(look)
        return sorted(looks, key=lambda look: look.value if np.isfinite(look.value) else np.inf)

    def n_starts(self, objective: Objective) -> int:
        """As many as the problem is cheap."""
        plan, p = self.plan, objective.n_parameters
        if not self.is_dense:
            return 2
        overhead = 7e5 * objective.n_outputs  # what a step of the smallest problem takes
        cost = objective.n_rows * p**2 / 4 + p**3 / 3 + overhead
        return int(np.clip(plan.work / cost, plan.fewest_starts, plan.most_starts))

    # -- the best of them followed -------------------------------------------------------------------------------------

    def fits(self) -> Iterator[RidgeFit]:
        """Minima that the best starts lead to."""
        objective, plan = self.objective, self.plan
        if not self.is_dense:
            yield from self.large_fits()
            return
        some = objective.some(plan.rows_per_parameter * objective.n_parameters, self.rng)
        looks = self.first_looks(some)
        count = max(1, round(plan.followed * len(looks)))
        if self.alpha is not None:
            for look in looks[:count]:
                yield self.fit(self.followed(objective, look.point.z, self.alpha, moves=False))
            return
        ends = [self.followed(some, look.point.z, look.prior.mean) for look in looks[:count]]
        for look in looks[: max(1, count // 2)]:
            settled = self.followed(some, look.point.z, self.strong, plan.settling_steps, moves=False)
            ends.append(self.followed(some, settled.point.z, self.strong))
            single = Prior.single(some, self.strong)
            ends.append(levenberg_marquardt(some, settled.point.z, single, plan.steps, moves_ridge=True, plan=plan))
        if some is objective:
            yield from map(self.fit, ends)
            return
        best = max(ends, key=lambda end: RidgeFit(some, end.point, end.prior).log_evidence)
        steps = plan.last_steps
        yield self.fit(levenberg_marquardt(objective, best.point.z, best.prior, steps, moves_ridge=True, plan=plan))

    def followed(
        self, objective: Objective, z: Vector, alpha: float, steps: int | None = None, *, moves: bool = True
    ) -> Descent:
        steps = self.plan.steps if steps is None else steps
        return levenberg_marquardt(objective, z, self.prior(alpha), steps, moves_ridge=moves, plan=self.plan)

    def large_fits(self) -> Iterator[RidgeFit]:
        """The same for many parameters, under one ridge."""
        look, plan = self.first_looks(self.objective)[0], self.plan
        if self.alpha is not None:
            yield self.fit(quasi_newton(self.objective, look.point.z, self.prior(self.alpha), plan.steps * 10))
            return
        for alpha in (self.weak, self.strong) if self.objective.likelihood.has_scale else (self.strong,):
            end = replace(look, prior=self.prior(alpha))
            for _ in range(plan.quasi_newton_rounds):
                end = quasi_newton(self.objective, end.point.z, end.prior, plan.quasi_newton_steps)
                fit = self.fit(end)
                end = replace(end, prior=fit.better_prior)
            yield fit

    def from_one(self, z: Vector) -> RidgeFit:
        """The minimum that one point leads to, the ridge first where the evidence wants it for that point."""
        prior = self.prior(self.weak if self.alpha is None else self.alpha)
        here = RidgeFit(self.objective, self.objective.at(z), prior, self.axes)
        for _ in range(8 if self.alpha is None else 0):  # a ridge changes fivefold at most each time
            here = replace(here, prior=here.better_prior)
        return refitted(here, z, moves_ridge=self.alpha is None, plan=self.plan)

    # -- classes -------------------------------------------------------------------------------------------------------

    def rescaled(self, best: RidgeFit) -> RidgeFit:
        """The fit with all ridges scaled by what suits rows held out in turn.

        Where classes are nearly separated, the curvature of the likelihood vanishes, and with it what the evidence
        counts as determined: it asks for a ridge that leaves probabilities too dull.
        """
        objective, plan = self.objective, self.plan
        if objective.n_rows < plan.judged_rows:
            return best
        losses = np.zeros(len(plan.scales))
        fold = self.rng.permutation(objective.n_rows) % plan.folds
        for held in range(plan.folds if objective.n_rows * objective.n_parameters < plan.fold_entries else 1):
            seen, unseen = objective.at_rows(fold != held), objective.at_rows(fold == held)
            z = best.point.z
            for number, scale in enumerate(plan.scales):  # from the strongest on, which forgets what was held out
                z = self.under(seen, z, best.prior.scaled(scale)).point.z
                losses[number] += unseen.at(z).loss
        scale = plan.scales[int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))]
        return self.fit(self.under(objective, best.point.z, best.prior.scaled(scale)))

    def under(self, objective: Objective, z: Vector, prior: Prior) -> Descent:
        """A minimum under given ridges."""
        if self.is_dense:
            return levenberg_marquardt(objective, z, prior, self.plan.settling_steps, moves_ridge=False, plan=self.plan)
        return quasi_newton(objective, z, prior, self.plan.quasi_newton_steps)

    # -- constants -----------------------------------------------------------------------------------------------------

    def of_highest_evidence(self) -> RidgeFit:
        """The fit of highest evidence among those that live; a constant only if held-out rows have nothing better."""
        fits = list(self.fits())
        best = max(fits, key=lambda fit: fit.log_evidence)
        if best.explained >= self.plan.live:
            return best if self.objective.likelihood.has_scale else self.rescaled(best)
        living = [fit for fit in fits if fit.explained >= self.plan.live]
        alpha = self.alpha_of_held_out_rows() if self.objective.n_rows >= self.plan.judged_rows else self.weak
        if alpha is None:
            return best
        fixed = _Search(self.objective, self.axes, alpha, self.rng, self.plan)
        living += [fit for fit in fixed.fits() if fit.explained >= self.plan.live]
        return max(living, key=lambda fit: fit.explained, default=best)

    def alpha_of_held_out_rows(self) -> float | None:
        """The ridge of the lowest loss on rows held out in turn; None where that of the constant is lower."""
        objective, plan = self.objective, self.plan
        alphas = self.weak * np.geomspace(1.0, 1e3, 4)
        losses = np.zeros(len(alphas) + 1)
        fold = self.rng.permutation(objective.n_rows) % plan.folds
        for held in range(plan.folds):
            seen, unseen = objective.at_rows(fold != held), objective.at_rows(fold == held)
            if seen.n_rows == 0 or unseen.n_rows == 0:
                continue
            z = grown_start(seen, self.rng, self.weak, plan)
            for number, alpha in enumerate(alphas):
                z = self.under(seen, z, self.prior(float(alpha))).point.z
                losses[number] += unseen.at(z).loss
            constant = seen.likelihood.constant(seen.Y, seen.weights) * seen.has_bias
            outputs = np.tile(constant, (unseen.n_rows, 1))
            losses[-1] += float(unseen.weights @ unseen.likelihood.losses(outputs, unseen.Y))
        best = int(np.argmin(np.where(np.isfinite(losses), losses, np.inf)))
        return None if best == len(alphas) else float(alphas[best])


def refitted(fit: RidgeFit, z: Vector, *, moves_ridge: bool = True, plan: RidgePlan = PLAN) -> RidgeFit:
    """The fit that another point leads to, on the same samples and from the same ridges."""
    objective = fit.objective
    with np.errstate(over="ignore", invalid="ignore"):
        if plan.is_dense(objective.n_parameters, has_scale=objective.likelihood.has_scale):
            end = levenberg_marquardt(objective, z, fit.prior, plan.steps, moves_ridge=moves_ridge, plan=plan)
        else:
            end = quasi_newton(objective, z, fit.prior, plan.steps * 10)
    return RidgeFit(objective, end.point, end.prior, fit.axes)
