"""Units of several outputs added where the residual asks for them, and left out where the others replace them."""

import numpy as np

from twolayer.model.shared_units import Matrix, SharedFit, Vector
from twolayer.moments import shared_moment
from twolayer.saliency import inverse_gram

__all__ = ["shared_saliency", "thinned_units", "with_missing_units"]


def shared_saliency(fit: SharedFit) -> Vector:
    r"""Squared error that each unit spares, (m,), if the others may change their outer weights to make up for it.

    :math:`\|A_i\|^2 / (G^{-1})_{ii}` with G = ΦᵀΦ: the outputs share the unit, and each pays for it.
    """
    some = fit.problem.some(max(4096, 4 * fit.problem.n_features))  # which show what the others can replace
    inverse = inverse_gram(_gram(SharedFit(some, fit.theta, fit.C, fit.loss)))
    spared = np.sum(fit.A**2, axis=1) / inverse.diagonal()[: fit.problem.width]
    return np.asarray(spared * (fit.problem.n_rows / some.n_rows))


def thinned_units(fit: SharedFit, width: int) -> Matrix:
    """Rows of the units that are left when those that the others replace best are left out, one at a time."""
    some = fit.problem.some(max(4096, 4 * fit.problem.n_features))
    G = _gram(SharedFit(some, fit.theta, fit.C, fit.loss))
    kept, beside = np.arange(fit.problem.width), np.arange(fit.problem.width, fit.problem.n_features)
    C = fit.C
    while len(kept) > width:
        places = np.r_[kept, beside]
        inverse = inverse_gram(G[np.ix_(places, places)])
        least = int(np.argmin(np.sum(C[: len(kept)] ** 2, axis=1) / inverse.diagonal()[: len(kept)]))
        C = np.delete(C - np.outer(inverse[:, least] / inverse[least, least], C[least]), least, axis=0)
        kept = np.delete(kept, least)
    return fit.theta[kept]


def with_missing_units(fit: SharedFit, count: int, rng: np.random.Generator) -> Matrix:
    r"""The units and so many more: half along what second moments of the residual show most of, half at random.

    The leading left singular vectors of :math:`[M_1 \dots M_q]`, with M_c the second moment of what is left of output
    c, span the directions of units that are missing, or that are in wrong places.
    """
    problem, d = fit.problem, fit.problem.dim
    V = shared_moment(problem.X, fit.residual).span(min(count, d))
    mixed = V @ rng.standard_normal((V.shape[1], (count + 1) // 2)) / np.sqrt(V.shape[1])
    rows = np.vstack([mixed.T, rng.standard_normal((count - mixed.shape[1], d)) / np.sqrt(d)])
    rows *= float(np.median(np.linalg.norm(fit.theta[:, :d], axis=1))) / np.linalg.norm(rows, axis=1, keepdims=True)
    if problem.has_bias:
        rows = np.hstack([rows, 0.5 * rng.standard_normal((count, 1)) * np.std(fit.theta[:, d])])
    return np.vstack([fit.theta, rows])


def _gram(fit: SharedFit) -> Matrix:
    G = np.zeros((fit.problem.n_features,) * 2)
    for rows in fit.problem.blocks():
        phi = fit.problem.features(rows, fit.theta)[1]
        G += phi.T @ phi
    return G
