"""Slow definitions, and exact Gaussian designs: what the library's formulas are held against."""

from functools import cache
from itertools import pairwise, product
from math import factorial

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from numpy.polynomial.legendre import leggauss
from scipy.integrate import quad_vec


def hermite(j, t):
    """He_j(t) by its sum, j! Σ_i (-1)^i t^(j-2i) / (i! (j-2i)! 2^i), not by recurrence."""
    terms = [(-1) ** i * t ** (j - 2 * i) / (factorial(i) * factorial(j - 2 * i) * 2**i) for i in range(j // 2 + 1)]
    return factorial(j) * sum(terms)


def gaussian_mean(f, cuts=()):
    """E f(g), g ~ N(0, 1), for f of arrays or scalars, by adaptive quadrature between the cuts."""
    edges = [-16.0, *sorted(cut for cut in cuts if abs(cut) < 16), 16.0]
    pieces = [
        quad_vec(
            lambda g: f(g) * np.exp(-g * g / 2), low, high, epsabs=1e-15, epsrel=1e-12, points=(low / 2 + high / 2,)
        )
        for low, high in pairwise(edges)
    ]
    return sum(value for value, *_ in pieces) / np.sqrt(2 * np.pi)


def gaussian_grid(dim, size):
    """Points (size**dim, dim) and weights, as a sample exactly N(0, I) for polynomials of degree up to 2 size - 1."""
    nodes, weights = hermegauss(size)
    points = np.array(list(product(nodes, repeat=dim)))
    masses = np.array([np.prod(cell) for cell in product(weights / weights.sum(), repeat=dim)])
    return points, masses


def gaussian_pair_mean(f, u, w, cosine, kinks=()):
    """E[f(u·x) f(w·x)] from two norms and a cosine, by Gauss-Legendre panels split at 0 against the joint density.

    Right for f analytic but at 0 and the `kinks` that varies on no shorter a scale than 1/8, and |cosine| up to 0.99 or
    equal to 1.
    """
    cuts, other_cuts = (tuple(kink / norm for kink in kinks if kink) for norm in (u, w))
    if abs(cosine) == 1:
        g, rule = _panels((*cuts, *(cosine * cut for cut in other_cuts)))
        return np.sum(rule * np.exp(-g * g / 2) * f(u * g) * f(cosine * w * g)) / np.sqrt(2 * np.pi)
    (g, rule), (h, other_rule) = _panels(cuts), _panels(other_cuts)
    return (rule * f(u * g)) @ _pair_density(cosine, cuts, other_cuts) @ (other_rule * f(w * h))


@cache
def _pair_density(cosine, cuts, other_cuts):
    g, h = _panels(cuts)[0], _panels(other_cuts)[0]
    form = (g[:, None] ** 2 - 2 * cosine * g[:, None] * h + h**2) / (1 - cosine**2)
    return np.exp(-form / 2) / (2 * np.pi * np.sqrt(1 - cosine**2))


@cache
def _panels(cuts):
    """Gauss-Legendre nodes and weights in panels of a quarter or less on [-9, 9], split at the cuts."""
    nodes, weights = leggauss(14)
    edges = np.unique([*np.arange(-9, 9.25, 0.25), *(cut for cut in cuts if abs(cut) < 9)])
    left, length = edges[:-1, None], np.diff(edges)[:, None]
    return (left + (1 + nodes) * length / 2).ravel(), (weights * length / 2).ravel()
