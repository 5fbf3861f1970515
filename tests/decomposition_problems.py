"""Planted sums of rank-one terms, and the distance of a decomposition from them, from the definitions."""

from itertools import permutations

import numpy as np
from scipy.optimize import linear_sum_assignment


def power_of(u, order):
    """u ⊗ ... ⊗ u by repeated outer products."""
    term = np.array(1.0)
    for _ in range(order):
        term = np.multiply.outer(term, u)
    return term


def sum_of(weights, factors, order):
    """Σ λ_i u_i^⊗p, term by term."""
    return sum(weight * power_of(u, order) for weight, u in zip(weights, factors, strict=True))


def factors_of(d, rank, kind, rng):
    """Unit rows: orthogonal, gaussian, coherent (cosines near 0.7), or conditioned (singular values 1 to 10)."""
    U = rng.standard_normal((rank, d)) / np.sqrt(d)
    if kind == "orthogonal":
        U = np.linalg.qr(U.T)[0].T
    if kind == "coherent":
        U = U + 1.5 * rng.standard_normal(d) / np.sqrt(d)
    if kind == "conditioned":
        left, _, right = np.linalg.svd(U, full_matrices=False)
        U = left * np.linspace(1, 10, len(left.T)) @ right
    return U / np.linalg.norm(U, axis=1, keepdims=True)


def planted(d, rank, order, seed, kind="gaussian"):
    """Weights of both signs with moduli in [0.5, 2], unit factors, and their sum.

    The stream of random numbers is one that no search draws from, or a random start could be the truth itself.
    """
    rng = np.random.default_rng((seed, d, rank, order, 2017))
    factors = factors_of(d, rank, kind, rng)
    weights = rng.uniform(0.5, 2, rank) * np.where(np.arange(rank) % 2, -1.0, 1.0)
    return weights, factors, sum_of(weights, factors, order)


def symmetric_noise(d, order, seed):
    """A symmetrised Gaussian tensor of Frobenius norm one."""
    E = np.random.default_rng((seed, d, order, 5)).standard_normal((d,) * order)
    E = sum(E.transpose(axes) for axes in permutations(range(order)))
    return E / np.linalg.norm(E)


def noisy(T, level, seed):
    """T with noise of relative Frobenius norm `level`."""
    return T + level * np.linalg.norm(T) * symmetric_noise(len(T), T.ndim, seed)


def factor_distances(factors, truth):
    """Distance of each true factor to its partner, up to sign, in the best matching."""
    apart = np.linalg.norm(factors[:, None] - truth, axis=2)
    mirrored = np.linalg.norm(factors[:, None] + truth, axis=2)
    distance = np.minimum(apart, mirrored)
    rows, columns = linear_sum_assignment(distance)
    return distance[rows, columns][np.argsort(columns)]


def term_distance(found, weights, factors):
    """Largest distance between matched terms: of factors, and of weights relative to the largest.

    The sign of a factor is free; for odd order it takes the sign of the weight with it, for even order it does not.
    """
    apart = np.linalg.norm(found.factors[:, None] - factors, axis=2)
    mirrored = np.linalg.norm(found.factors[:, None] + factors, axis=2)
    turned = -found.weights if found.order % 2 else found.weights
    scale = np.abs(weights).max()
    distance = np.minimum(
        np.maximum(apart, np.abs(found.weights[:, None] - weights) / scale),
        np.maximum(mirrored, np.abs(turned[:, None] - weights) / scale),
    )
    rows, columns = linear_sum_assignment(distance)
    return distance[rows, columns].max()
