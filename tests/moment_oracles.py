"""Slow definitions and exact Gaussian designs for the tests of the moments."""

from functools import reduce
from itertools import combinations_with_replacement
from math import pi, sqrt

import numpy as np

from oracles import gaussian_grid, hermite


def matchings(places):
    """All ways to pair off some of the places: (pairs, places left alone)."""
    if not places:
        yield (), ()
        return
    first, *rest = places
    for pairs, alone in matchings(rest):
        yield pairs, (first, *alone)
    for i, partner in enumerate(rest):
        for pairs, alone in matchings([*rest[:i], *rest[i + 1 :]]):
            yield ((first, partner), *pairs), alone


def naive_moment(X, y, j):
    """mean(y He_j(x)), He_j = Σ over matchings of (−1)^pairs · identities on the pairs · x on the others."""
    total = np.zeros((X.shape[1],) * j)
    letters = "abcdef"[:j]
    for pairs, alone in matchings(range(j)):
        terms = ["s", *(f"s{letters[i]}" for i in alone), *(letters[a] + letters[b] for a, b in pairs)]
        operands = [y, *[X] * len(alone), *[np.eye(X.shape[1])] * len(pairs)]
        total += (-1) ** len(pairs) * np.einsum(",".join(terms) + "->" + letters, *operands, optimize=True)
    return total / len(y)


def seen_through(T, *matrices):
    """Contract the first axis with the first matrix, and so on."""
    for matrix in matrices:
        T = np.tensordot(T, matrix, axes=(0, 0))
    return T


def outer(vectors):
    return reduce(np.multiply.outer, vectors, 1.0)


def assert_equal_to_rounding(actual, expected, size=None, ulps=1000):
    """Equal but for rounding of numbers as large as `size`."""
    size = np.abs(expected).max() if size is None else size
    np.testing.assert_allclose(actual, expected, rtol=0, atol=ulps * np.finfo(float).eps * size)


def data(n=501, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, np.maximum(X @ rng.standard_normal((d, 3)) + 0.3, 0) @ [2.0, -1.0, 0.7] + rng.standard_normal(n)


def basis(d=4, k=3, seed=5):
    return np.random.default_rng(seed).standard_normal((d, k))


def orthonormal(d=4, k=3, seed=5):
    return np.linalg.qr(basis(d, k, seed))[0]


def monomials(Z, degree):
    """All monomials of the columns up to a degree, one a column."""
    places = [c for j in range(degree + 1) for c in combinations_with_replacement(range(Z.shape[1]), j)]
    return np.column_stack([Z[:, list(c)].prod(axis=1) for c in places])


PHI = np.polynomial.Polynomial([0.4, -1.0, 0.8, 0.5, -0.3, 0.1, 0.05])


def polynomial_design(dim, units=3):
    """A sample that is exactly Gaussian for a network with the activation PHI, and the network's exact moments."""
    rng = np.random.default_rng(dim)
    W, b, v = rng.standard_normal((units, dim)), 0.5 * rng.standard_normal(units), np.array([1.5, -1.0, 0.8])
    X, masses = gaussian_grid(dim, 8)
    y = len(masses) * masses * (PHI(X @ W.T + b) @ v)
    g, g_masses = gaussian_grid(1, 12)
    norms = np.linalg.norm(W, axis=1)
    m = [
        [g_masses @ (PHI(s * g[:, 0] + c) * hermite(j, g[:, 0])) for s, c in zip(norms, b, strict=True)]
        for j in range(8)
    ]
    return X, y, W / norms[:, None], v * np.array(m)


def relu_design():
    """A sample of the plane, exactly Gaussian for bias-free ReLU units, cut at their kinks; and their exact moments."""
    angles, norms, v = np.array([0.3, 1.7, 4.0]), np.array([1.0, 0.6, 1.8]), np.array([1.0, -0.7, 1.2])
    kinks = np.sort(np.concatenate([angles + pi / 2, angles - pi / 2]) % (2 * pi))
    ends = np.append(kinks, kinks[0] + 2 * pi)
    t, t_rule = np.polynomial.legendre.leggauss(30)
    half = np.diff(ends)[:, None] / 2
    turn, turn_mass = (ends[:-1, None] + half * (1 + t)).ravel(), (half * t_rule).ravel() / (2 * pi)
    r, r_rule = np.polynomial.legendre.leggauss(80)
    r, r_mass = 7 * (1 + r), 7 * r_rule * (7 * (1 + r)) * np.exp(-((7 * (1 + r)) ** 2) / 2)
    X = (r[:, None, None] * np.stack([np.cos(turn), np.sin(turn)], axis=-1)).reshape(-1, 2)
    masses = np.multiply.outer(r_mass, turn_mass).ravel()
    W = np.column_stack([np.cos(angles), np.sin(angles)])
    y = len(masses) * masses * (np.maximum(X @ (norms[:, None] * W).T, 0) @ v)
    c0 = 1 / sqrt(2 * pi)
    return X, y, W, np.multiply.outer([c0, 0.5, c0, 0.0, -c0, 0.0, 3 * c0, 0.0], norms * v)


DESIGNS = {"plane": polynomial_design(2), "space": polynomial_design(3), "relu": relu_design()}


def population(design, j, *matrices):
    """Σ_i v_i m_{j,i} w̄_i^{⊗j} with each place seen through a matrix or a vector."""
    _, _, W, strengths = design
    return sum(s * outer([w @ matrix for matrix in matrices]) for w, s in zip(W, strengths[j], strict=True))


def assert_exact(actual, expected, design):
    """Right to 1e-10 of the design's own size."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10 * np.abs(design[3]).max())
