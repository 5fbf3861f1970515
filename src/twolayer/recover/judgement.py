"""From the end of a search to a status and a certificate."""

import numpy as np

from twolayer.certify import Certificate, Status, curvature, singular_value_conditioning, standard_errors
from twolayer.network import TwoLayerNetwork
from twolayer.recover.fit import EXACT
from twolayer.recover.portfolio import Found
from twolayer.recover.reflections import network_of
from twolayer.refine import UnitsProblem

__all__ = ["judge"]

_EXACT_ROWS_PER_PARAMETER = 1.5
_FLAT = 1e-10


def judge(found: Found) -> tuple[TwoLayerNetwork, Status, Certificate]:
    """Decide what can be claimed, and collect the evidence."""
    problem, point = found.fit.problem, found.fit.point
    network = network_of(problem, point)
    n, p = problem.n_rows, problem.n_parameters
    y = problem.y.astype(np.float64)
    spread = float(y.std()) or 1.0
    residual = float(np.sqrt(found.fit.loss * problem.energy / n))
    noise = float(np.sqrt(found.fit.loss * problem.energy / max(n - p, 1)))
    bend = _curvature(found)
    kappa, lambda_ = singular_value_conditioning(network)
    certificate = Certificate(
        n_rows=n,
        n_parameters=p,
        width=problem.width,
        residual=residual / spread,
        noise=noise,
        held_out_residual=None if found.held_out_loss is None else float(np.sqrt(found.held_out_loss)) / spread,
        kappa=kappa,
        lambda_=lambda_,
        curvature=bend,
        standard_errors=standard_errors(problem, point, noise),
        score_test=None if found.evidence is None else found.evidence.test,
        extra_unit_gain=None if found.evidence is None else found.evidence.extra_unit_gain,
        notes=(),
    )
    return network, _status(found, bend.smallest / max(bend.largest, 1e-300)), certificate


def _curvature(found: Found):
    problem, point = found.fit.problem, found.fit.point
    if found.held_out is not None and found.held_out.sum() >= 2 * problem.n_parameters:
        rows = np.flatnonzero(found.held_out)[: 20 * problem.n_parameters]
        kept = UnitsProblem(
            problem.X[rows], problem.y[rows], problem.activation, problem.width, signs=problem.signs, has_bias=problem.has_bias
        )
        return curvature(kept, point, True)
    return curvature(problem, point, False)


def _status(found: Found, flatness: float) -> Status:
    fit = found.fit
    n, p = fit.problem.n_rows, fit.problem.n_parameters
    if fit.is_exact:
        if flatness < _FLAT:
            return Status.NOT_IDENTIFIABLE
        return Status.CERTIFIED if n >= _EXACT_ROWS_PER_PARAMETER * p else Status.TOO_FEW_ROWS
    if found.lifted_loss is not None and found.lifted_loss <= EXACT:
        return Status.UNRESOLVED_REFLECTION
    if found.evidence is None or not found.evidence.is_noise:
        return Status.MISFIT
    if n < 2.5 * p or not found.evidence.has_power:
        return Status.TOO_FEW_ROWS
    if flatness < _FLAT:
        return Status.NOT_IDENTIFIABLE
    return Status.CERTIFIED_WITH_NOISE
