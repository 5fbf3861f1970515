"""Is what a fit leaves over noise, or is there still something of the inputs in it?"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.special import fdtrc

from twolayer.hermite import hermite_values
from twolayer.model import UnitsProblem
from twolayer.model.preconditioner import kernel_preconditioner
from twolayer.model.problem import Matrix, Vector
from twolayer.solvers import conjugate_gradients

__all__ = ["MOST_DENSE_PARAMETERS", "Features", "ScoreTest", "f_test", "score_test"]

MOST_DENSE_PARAMETERS = 1000  # up to which a normal matrix is formed and inverted: a second
_ORDERS = (1, 2, 3, 4, 5)  # of Hermite polynomials of the units' own preactivations


@dataclass(frozen=True)
class ScoreTest:
    """Outcome of a score test for lack of fit.

    Attributes
    ----------
    statistic : float
        F statistic of the features on the residual; about 1 for noise.
    p_value : float
        Chance that noise gives as much.
    n_features : int
    """

    statistic: float
    p_value: float
    n_features: int


def score_test(problem: UnitsProblem, point: Vector, rng: np.random.Generator) -> ScoreTest:
    r"""Rao's score test of a least-squares fit against everything that a set of features could add to it.

    With the Jacobian J and the residual r at the minimum, features G (n, q) fixed beforehand, and V the part of GᵀG
    that is orthogonal to J,

    .. math:: V = G^\top G - G^\top J (J^\top J)^{-1} J^\top G, \qquad
        F = \frac{r^\top G V^{-1} G^\top r / q}{\|r\|^2/(n-p)}

    has the F distribution with q and n - p degrees of freedom if r is Gaussian noise and the model locally linear. The
    features are what a wrong activation and a missing unit leave: Hermite polynomials of order 1 to 5 of the units' own
    preactivations, summed with the outer weights and with random signs, quadratics in random directions, ‖x‖², and a
    constant. Mixtures of them that J spans but for a two-hundredth of their squares are left out.

    Parameters
    ----------
    problem : UnitsProblem
    point : array, shape (p,)
        A minimum.
    rng : Generator

    Notes
    -----
    O(n p²) up to 1000 parameters, above that q solves by conjugate gradients. It fails to see a misfit that is
    orthogonal to its features, or smaller than the noise of n rows.
    """
    features = Features.of(problem, point, rng)
    p = problem.n_parameters
    if p <= MOST_DENSE_PARAMETERS:
        gram, cross, score, energy = _dense_products(problem, point, features)
    else:
        gram, cross, score, energy = _matrix_free_products(problem, point, features)
    return f_test(gram, cross, score, energy, problem.n_rows - p)


class Features:
    """The features of a score test, on blocks of rows.

    Parameters
    ----------
    W : array, shape (m, d)
        Rows of the units.
    strength : array, shape (m,)
        What each adds to the labels, with its sign.
    rng : Generator
    """

    def __init__(self, W: Matrix, strength: Vector, rng: np.random.Generator):
        self.directions = W / np.maximum(np.linalg.norm(W, axis=1, keepdims=True), 1e-300)
        signs = rng.choice([-1.0, 1.0], (2, len(W)))
        self.weights = np.vstack([strength, signs * strength]).T
        ridges = rng.standard_normal((6, W.shape[1]))
        self.ridges = ridges / np.linalg.norm(ridges, axis=1, keepdims=True)

    @classmethod
    def of(cls, problem: UnitsProblem, point: Vector, rng: np.random.Generator) -> "Features":
        """Those of a fit of one output."""
        v, theta = problem.units(point)
        strength = v * problem.some(4096).unit_block(slice(None), theta).std(axis=0)  # to some per cent
        return cls(theta[:, : problem.X.shape[1]], strength, rng)

    @property
    def count(self) -> int:
        """Number of features."""
        return len(_ORDERS) * self.weights.shape[1] + len(self.ridges) + 2

    def __call__(self, X: Matrix) -> Matrix:
        """The features of a block of inputs, (b, count)."""
        X = X.astype(np.float64, copy=False)
        own = hermite_values(X @ self.directions.T, max(_ORDERS))
        parts = [own[j] @ self.weights for j in _ORDERS]
        parts += [(X @ self.ridges.T) ** 2 - 1, np.einsum("ij,ij->i", X, X)[:, None] - X.shape[1]]
        parts.append(np.ones((len(X), 1)))
        return np.hstack(parts)


def f_test(gram: Matrix, cross: Matrix, score: Vector, energy: float, freedom: int) -> ScoreTest:
    """The test from GᵀG, its part in the span of J, Gᵀr, ‖r‖², and the n - p degrees of freedom of the residual."""
    scale = np.sqrt(np.maximum(gram.diagonal(), 1e-300))
    values, vectors = np.linalg.eigh((gram - cross) / np.outer(scale, scale))
    kept = values > 5e-3  # a two-hundredth: what J spans but for less, rounding and curvature make
    projections = vectors[:, kept].T @ (score / scale)
    q = int(kept.sum())
    freedom -= q
    if q == 0 or freedom < 1 or energy == 0:
        return ScoreTest(0.0, 1.0, q)
    explained = float(np.sum(projections**2 / values[kept]))
    statistic = (explained / q) / (max(energy - explained, 1e-300) / freedom)
    return ScoreTest(statistic, float(fdtrc(q, freedom, statistic)), q)


def _dense_products(problem: UnitsProblem, point: Vector, features: Features) -> tuple[Matrix, Matrix, Vector, float]:
    """GᵀG, its part in the span of J, Gᵀr and ‖r‖²."""
    q, p = features.count, problem.n_parameters
    gram, score, JG, H, energy = np.zeros((q, q)), np.zeros(q), np.zeros((p, q)), np.zeros((p, p)), 0.0
    for rows, r, J in problem.jacobian_blocks(point):
        G = features(problem.X[rows])
        gram, score, JG, energy = gram + G.T @ G, score + G.T @ r, JG + J.T @ G, energy + float(r @ r)
        H = H + J.T @ J
    scale = 1 / np.sqrt(np.maximum(H.diagonal(), 1e-300))
    values, vectors = np.linalg.eigh(H * np.outer(scale, scale))
    kept = values > 1e-12 * values[-1]
    JG = vectors[:, kept].T @ (scale[:, None] * JG)
    return gram, JG.T @ (JG / values[kept][:, None]), score, energy


def _matrix_free_products(
    problem: UnitsProblem, point: Vector, features: Features
) -> tuple[Matrix, Matrix, Vector, float]:
    at = problem.linearize(point)
    residual = problem.residual(point)
    gram, score = np.zeros((features.count, features.count)), np.zeros(features.count)
    for rows in problem.blocks():
        G = features(problem.X[rows])
        gram, score = gram + G.T @ G, score + G.T @ residual[rows]
    JG = np.column_stack([problem.pull_back(at, column) for column in _columns(problem, features)])
    precondition = kernel_preconditioner(problem, at, 0.0)
    solved = [
        conjugate_gradients(lambda u: problem.gauss_newton_product(at, u), g, precondition, 1e-6, 60) for g in JG.T
    ]
    return gram, JG.T @ np.column_stack(solved), score, float(residual @ residual)


def _columns(problem: UnitsProblem, features: Features) -> Iterator[Vector]:
    for j in range(features.count):
        yield np.concatenate([features(problem.X[rows])[:, j] for rows in problem.blocks()])
