"""Where a refinement begins if the inputs are not Gaussian: directions by score functions of a fitted mixture."""

import numpy as np
from numpy.typing import NDArray

from twolayer.decompose.joint_diagonalisation import joint_diagonalise
from twolayer.model.problem import Matrix, Vector
from twolayer.moments import GaussianMixture, score_matrix, score_slice

__all__ = ["fitted_density", "score_directions"]


def fitted_density(X: NDArray, rng: np.random.Generator) -> GaussianMixture | None:
    """The mixture of one to three Gaussians that the Bayesian information criterion prefers; None for want of rows."""
    n, d = X.shape
    best, least = None, np.inf
    for parts in (1, 2, 3):
        parameters = parts * (1 + d + d * (d + 1) // 2)
        if d > 60 or n < 3 * parameters:  # covariances of more inputs, or of fewer rows, are noise
            break
        density = GaussianMixture.fitted(X, parts, rng)
        criterion = parameters * np.log(n) - 2 * float(density.log_density(X).sum())
        if criterion < least:
            best, least = density, criterion
    return best


def score_directions(
    X: NDArray, rest: Vector, width: int, density: GaussianMixture, rng: np.random.Generator
) -> Matrix:
    r"""Rough directions of the units, by joint diagonalisation of the score moments of order two and three.

    In the span V of the leading eigenvectors of E[y S_2] these share their factors, as Hermite moments do for Gaussian
    inputs: :math:`V^\top \mathbb E[y\,S_3(\cdot,\cdot,v_c)]\,V` for each column v_c, and the matrix itself.

    Parameters
    ----------
    X : array, shape (n, d)
    rest : array, shape (n,)
        Labels less their affine part, which score moments do not see but for variance.
    width : int
        At most d.
    density : GaussianMixture
        Of the inputs.
    rng : Generator

    Returns
    -------
    array, shape (m, d)
        Unit rows, signs at random.

    Notes
    -----
    O(K n d² m) for K parts. The score functions of parts that are far apart are large between them, and where the
    mixture is a poor fit the moments have a bias: this is a start.
    """
    second = score_matrix(X, rest, density)
    values, vectors = np.linalg.eigh(second)
    V = vectors[:, np.argsort(-np.abs(values))[:width]]
    thirds = [V.T @ score_slice(X, rest, density, v) @ V for v in V.T]
    scale = max(float(np.linalg.norm(np.stack(thirds))), 1e-300)
    slices = [V.T @ second @ V / max(float(np.linalg.norm(second)), 1e-300), *(slice_ / scale for slice_ in thirds)]
    A = joint_diagonalise(np.stack([(C + C.T) / 2 for C in slices]), max_starts=2, rng=rng).A
    directions = (V @ A).T * rng.choice([-1.0, 1.0], (width, 1))
    return directions / np.linalg.norm(directions, axis=1, keepdims=True)
