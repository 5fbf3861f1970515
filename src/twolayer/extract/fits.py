r"""The joint fit of all units that have been read, and what it makes of them."""

from dataclasses import dataclass

import numpy as np

from twolayer.activation import activation
from twolayer.extract.lines import Matrix, Vector
from twolayer.model import UnitsProblem
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.refine import Stopping, levenberg_marquardt

__all__ = [
    "FitRules",
    "fit_ramps",
    "fit_smooth",
    "inactive_at_the_origin",
    "missing_ramp",
    "missing_step",
    "ramp_parts",
]

RELU = activation("relu")


@dataclass(frozen=True)
class FitRules:
    """How the joint fit, and the search for one unit more, are stopped.

    Attributes
    ----------
    worth_keeping : float
        Share of its outer weight that a guessed unit must get in the linear fit: a guess that was read right gets all
        of it, and one that explains nothing, rounding.
    max_steps : int
        Of Levenberg-Marquardt, in the joint fit. From units that were read it takes 5 to 20.
    floor : float
        Relative loss that counts as zero: the square of 5 roundings of float64.
    patience, least_gain : int, float
        The fit ends where so many steps bring less than this part of the loss. At rounding a step brings nothing, and
        before it far more.
    first_damping : float
        Of the joint fit of smooth units.
    starts : int
        Random starts for a missing unit, half of them of either sign where it is a ramp. Of 60 networks that lacked one
        of 4 or 10 units, one start of the right sign found a ramp in three of four, and a step in 59 of 60; where
        several are missing, fewer do.
    start_steps, start_patience, start_gain : int, int, float
        Of each: it has only to find the valley, as the joint fit goes on from the best.
    """

    worth_keeping: float = 1e-2
    max_steps: int = 60
    floor: float = 1e-30
    patience: int = 3
    least_gain: float = 0.2
    first_damping: float = 1e-2
    starts: int = 40
    start_steps: int = 25
    start_patience: int = 4
    start_gain: float = 1e-3

    def joint(self) -> Stopping:
        """When the joint fit ends."""
        return Stopping(self.max_steps, floor=self.floor, patience=self.patience, least_gain=self.least_gain)

    def start(self) -> Stopping:
        """When a start for one unit ends."""
        return Stopping(self.start_steps, patience=self.start_patience, least_gain=self.start_gain)


def ramp_parts(network: TwoLayerNetwork) -> tuple[Matrix, Vector, Vector]:
    """Rows (w, b) with |a| = 1, their signs, and the affine function left when each σ is made even, (d + 1,)."""
    even = network.balanced()
    rows = np.column_stack([even.W, even.b])
    P = Polynomial() if even.polynomial is None else even.polynomial
    linear = np.r_[np.zeros(network.dim) if P.linear is None else P.linear, P.constant]
    return rows, even.a, linear + even.a @ rows / 2


def fit_ramps(rows: Matrix, X: Matrix, y: Vector, rules: FitRules = FitRules()) -> TwoLayerNetwork:
    r"""The relu network with an affine part that fits best, from good guesses of its hyperplanes.

    The model :math:`\sum_i v_i |\theta_i\cdot\tilde x|/2 + \ell\cdot\tilde x`, x̃ = (x, 1), is homogeneous in x̃: a row
    is divided by ‖x̃‖, so that rows of every size have the same weight. First v and ℓ by linear least squares, where
    guesses that explain nothing get none; then everything by Levenberg-Marquardt.
    """
    full, y = _homogeneous(X, y)
    design = np.column_stack([np.abs(full @ rows.T) / 2, full])
    coefficients = np.asarray(np.linalg.lstsq(design, y, rcond=None)[0], np.float64)
    v, linear = coefficients[: len(rows)], coefficients[len(rows) :]
    kept = np.abs(v) > rules.worth_keeping
    theta, signs = rows[kept] * np.abs(v[kept])[:, None], np.sign(v[kept])
    problem = UnitsProblem(full, y, RELU, int(kept.sum()), signs=signs, is_lifted=True)
    theta, linear = _refined_ramps(problem, problem.join(theta, linear=linear), rules)
    polynomial = linear - signs @ theta / 2
    return TwoLayerNetwork(signs, theta[:, :-1], theta[:, -1], RELU, Polynomial(polynomial[-1], polynomial[:-1]))


def inactive_at_the_origin(network: TwoLayerNetwork) -> TwoLayerNetwork:
    """The relu units, without the affine part, so turned that they are 0 at the origin."""
    rows, signs, _ = ramp_parts(network)
    rows = rows * np.where(rows[:, -1:] > 0, -1, 1)
    return TwoLayerNetwork(signs, rows[:, :-1], rows[:, -1], RELU)


def missing_ramp(
    network: TwoLayerNetwork, X: Matrix, y: Vector, rng: np.random.Generator, rules: FitRules = FitRules()
) -> Matrix:
    """The row (1, d + 1) of the one ramp that explains most of what the network leaves, by many random starts."""
    full, left = _homogeneous(X, y - network(X))
    best, found = np.inf, np.zeros((1, full.shape[1]))
    for start in range(rules.starts):
        sign = np.ones(1) if start % 2 else -np.ones(1)
        problem = UnitsProblem(full, left, RELU, 1, signs=sign, is_lifted=True)
        row = rng.standard_normal((1, full.shape[1])) * np.std(left)
        fit = levenberg_marquardt(problem, problem.join(row), rules.start())
        if fit.loss < best:
            best, found = fit.loss, problem.units(fit.point)[1].copy()
    return found


def missing_step(
    network: TwoLayerNetwork, X: Matrix, y: Vector, rng: np.random.Generator, rules: FitRules = FitRules()
) -> TwoLayerNetwork:
    """The one unit that explains most of what the network leaves, by many random starts."""
    left = y - network(X)
    problem = UnitsProblem(X, left, network.activation, 1, has_bias=True)
    length = np.median(np.linalg.norm(network.W, axis=1)) if network.width else 1.0 / np.std(X)
    best, found = np.inf, np.zeros(0)
    for _ in range(rules.starts):
        row = rng.standard_normal((1, X.shape[1] + 1)) * length / np.sqrt(X.shape[1])
        start = problem.join(row, np.array([np.std(left)]))
        fit = levenberg_marquardt(problem, start, rules.start())
        if fit.loss < best:
            best, found = fit.loss, fit.point
    a, theta = problem.units(found)
    return TwoLayerNetwork(a, theta[:, :-1], theta[:, -1], network.activation)


def fit_smooth(network: TwoLayerNetwork, X: Matrix, y: Vector, rules: FitRules = FitRules()) -> TwoLayerNetwork:
    """The network that fits best near a guess whose σ is smooth, amplitudes and an affine or constant part included."""
    sigma = network.activation
    features = sigma(X @ network.W.T + network.b)
    has_linear = len(sigma.reflection.polynomial) == 2 and sigma.reflection.sign > 0
    design = np.column_stack([features, X, np.ones(len(X))] if has_linear else [features, np.ones(len(X))])
    coefficients = np.asarray(np.linalg.lstsq(design, y, rcond=None)[0], np.float64)
    a, rest = coefficients[: network.width], coefficients[network.width :]
    kept = np.abs(a) > rules.worth_keeping * np.abs(network.a)
    a, theta = a[kept], np.column_stack([network.W, network.b])[kept]
    problem = UnitsProblem(X, y, sigma, len(a), has_bias=True, is_lifted=has_linear)
    if not has_linear:
        z = problem.join(theta, a, constant=float(rest[-1]))
        z = levenberg_marquardt(problem, z, rules.joint(), rules.first_damping).point
        polynomial = Polynomial(problem.constant(z))
    else:
        # the lifted unit is σ(t) - t/2
        z = problem.join(theta, a, linear=rest + a @ theta / 2)
        z = levenberg_marquardt(problem, z, rules.joint(), rules.first_damping).point
        a, theta = problem.units(z)
        left = problem.linear_part(z) - a @ theta / 2
        polynomial = Polynomial(left[-1], left[:-1])
    a, theta = problem.units(z)
    return TwoLayerNetwork(a, theta[:, :-1], theta[:, -1], sigma, polynomial)


def _homogeneous(X: Matrix, y: Vector) -> tuple[Matrix, Vector]:
    full = np.column_stack([X, np.ones(len(X))])
    size = np.linalg.norm(full, axis=1)
    return full / size[:, None], y / size


def _refined_ramps(problem: UnitsProblem, z: Vector, rules: FitRules) -> tuple[Matrix, Vector]:
    if problem.width:
        z = levenberg_marquardt(problem, z, rules.joint()).point
    return problem.units(z)[1], problem.linear_part(z)
