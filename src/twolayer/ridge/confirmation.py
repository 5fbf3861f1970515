"""Whether the network that a ridge fit ended at is the one that made the samples: judged, without another search."""

from dataclasses import replace
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from twolayer.coordinates import Coordinates
from twolayer.evidence import STANDARDS
from twolayer.evidence.found import Found
from twolayer.evidence.score_test import score_test
from twolayer.model import UnitsProblem
from twolayer.model.fit import Fit
from twolayer.network import TwoLayerNetwork
from twolayer.recover import Result, Step
from twolayer.refine.explore import explore, polish
from twolayer.samples import Samples, n_parameters
from twolayer.search.conclusion import concluded
from twolayer.search.inactive import seen_part
from twolayer.search.noise import noise_evidence
from twolayer.search.plan import PLAN
from twolayer.search.session import Session
from twolayer.search.starts import first_start

__all__ = ["confirmed"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]


def confirmed(
    X: Matrix, y: Vector, network: TwoLayerNetwork, *, has_bias: bool, rng: np.random.Generator
) -> Result | None:
    """The minimum of the squared error next to a network, judged as the end of a recovery is; None if it is hopeless.

    Hopeless is what has too few rows to be certified, and what a score test tells from noise. The rest is a polish and
    the tests of `recover`: bounded, as nothing is searched for.

    Parameters
    ----------
    X, y : arrays, shapes (n, d) and (n,)
    network : TwoLayerNetwork
        Of one output, with no more of a polynomial than a constant.
    has_bias : bool
    rng : Generator

    Notes
    -----
    A polish takes some 10 Gauss-Newton steps, the evidence for noise some 10 explorations of 40.
    """
    sigma, d = network.activation, X.shape[1]
    parameters = n_parameters(d, network.width, sigma, has_bias)
    if len(X) < STANDARDS.exact_rows_per_parameter * parameters or len(X) <= parameters + 1:
        return None
    samples = Samples.of(X, y, has_bias, network.width, sigma)
    history: list[Step] = []
    began = perf_counter()

    def report(stage: str, step: int, loss: float) -> None:
        history.append(Step(stage, step, loss, perf_counter() - began))

    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):  # trial points far out are passed over
        problem, point = _posed(samples, network)
        first = explore(problem, point, report, "from the ridge fit")
        if not first.is_exact and _is_hopeless(first, samples, parameters, rng):
            return None
        fit = polish(first.problem, first.point, report)
        found = Found(fit, width=network.width)
        if fit.is_exact:
            found = replace(found, fit=seen_part(fit, report))
        else:
            session = Session(samples, network.width, sigma, rng, report)

            def fresh(width: int) -> Fit:
                return first_start(replace(session, width=width))

            found = replace(found, noise=noise_evidence(fit, fresh, report, rng, samples.rounding))
        verdict = concluded(found, report, samples.coordinates)
    return Result(verdict.network, verdict.status, verdict.certificate, tuple(history))


def _is_hopeless(fit: Fit, samples: Samples, parameters: int, rng: np.random.Generator) -> bool:
    if fit.loss <= samples.rounding**2:
        return False
    if samples.n_rows < STANDARDS.noisy_rows_per_parameter * parameters:
        return True
    some = fit.problem.some(max(PLAN.judged_rows * parameters, PLAN.judged_entries // parameters))
    return bool(score_test(some, fit.point, rng).p_value <= STANDARDS.least_p_value)


def _posed(samples: Samples, network: TwoLayerNetwork) -> tuple[UnitsProblem, Vector]:
    """The unlifted problem on the samples, and the network as its point; of a homogeneous σ the signs are fixed."""
    own: Coordinates = samples.coordinates
    inside = own.apply_network(network)
    rows = np.column_stack([inside.W, inside.b]) if samples.has_bias else inside.W
    constant = 0.0 if inside.polynomial is None else float(inside.polynomial.constant)
    degree = network.activation.degree
    if not degree:
        problem = samples.problem(network.width, network.activation)
        return problem, problem.join(rows, inside.a, constant=constant)
    problem = samples.problem(network.width, network.activation, signs=np.where(inside.a < 0, -1.0, 1.0))
    return problem, problem.join(np.abs(inside.a)[:, None] ** (1 / degree) * rows, constant=constant)
