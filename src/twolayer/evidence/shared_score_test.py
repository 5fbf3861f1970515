"""Is what a fit of several outputs leaves noise, or is there still something of the inputs in it?"""

import numpy as np
from scipy.linalg import solve_triangular

from twolayer.evidence.score_test import Features, ScoreTest, f_test
from twolayer.model.shared_units import SharedFit
from twolayer.solvers import GramSolver

__all__ = ["shared_score_test"]

_WORK = 2e10  # multiply-adds: some seconds; of more rows than that, some are drawn


def shared_score_test(fit: SharedFit, rng: np.random.Generator) -> ScoreTest:
    r"""Rao's score test of `score_test`, of all outputs together.

    Each feature may be in each output with a coefficient of its own, G ⊗ I_q. What Φ spans of the features is the same
    for all outputs; what the units span is :math:`N^\top H^{-1} N` with
    :math:`N_{i,(k,c)} = A_{ic}\,\nabla_i^\top\Pi G_k`. Noise is taken to be independent and alike in all outputs.

    Parameters
    ----------
    fit : SharedFit
        A minimum.
    rng : Generator

    Notes
    -----
    O(n (m D + f)²) multiply-adds; rows are drawn where that is above 2e10.
    """
    problem = fit.problem
    edge = fit.theta.size
    problem = problem.some(max(int(_WORK / (edge + problem.n_features) ** 2), 2 * problem.n_features))
    if problem is not fit.problem:
        fit = SharedFit(problem, fit.theta, fit.C, fit.loss)
    strength = np.linalg.norm(fit.A, axis=1) * problem.some(4096).values(fit.theta).std(axis=0)  # to some per cent
    features = Features(fit.theta[:, : problem.dim], strength, rng)
    whole = problem.grams(fit, lambda rows: features(problem.X[rows]))[0]
    end = edge + problem.n_features
    H, cross = problem.projected(fit, whole[:end, :end])
    explained = GramSolver.of(whole[edge:end, edge:end])(whole[edge:end, end:])
    projected = whole[end:, end:] - whole[end:, edge:end] @ explained
    beside = whole[:edge, end:] - cross @ explained
    q, k = problem.n_outputs, features.count
    N = (beside.reshape(problem.width, -1, k)[:, :, :, None] * fit.A[:, None, None, :]).reshape(edge, k * q)
    solver = GramSolver.of(H)  # flat directions, the scales of units among them, span nothing
    spanned = solve_triangular(solver.factor[0], solver.scale[:, None] * N, trans=1)
    gram, left = np.kron(whole[end:, end:], np.eye(q)), fit.residual
    linear = np.kron(whole[end:, end:] - projected, np.eye(q))
    score = np.zeros((k, q))
    for rows in problem.blocks():
        score += features(problem.X[rows]).T @ left[rows]
    freedom = problem.n_equations - problem.n_parameters
    return f_test(
        np.asarray(gram), np.asarray(linear + spanned.T @ spanned), score.ravel(), float(np.vdot(left, left)), freedom
    )
