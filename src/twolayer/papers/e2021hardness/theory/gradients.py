r"""Theorem 5: how little the gradient of the square loss varies with the target, over a (nearly) orthonormal class.

The risk is :math:`R^f(\theta) = \mathbb E_x[(h(x;\theta) - f(x))^2]`, whose gradient is
:math:`2\,\mathbb E[h \nabla h] - 2\,\langle f, \nabla h \rangle`. The lecture drops the factor 2; with it, (9) reads

.. math:: \mathbb E_f\|\nabla R^f - \mathbb E_f \nabla R^f\|^2
    = \frac4{|F|}\sum_f \|\langle f, \nabla h \rangle\|^2 - 4\,\bigl\|\mathbb E_f \langle f, \nabla h \rangle\bigr\|^2
    \le \frac{4\,\mathbb E_x\|\nabla h\|^2}{|F|}.

For the complete class of parities, Parseval makes the sum equal to its bound, so that only the last term is lost.
Wherever a model is asked for, it is a function from inputs X (n, d) to its per-sample gradients (n, p): that of a
`TwoLayerNetwork` is `network_gradients`; that of a torch module is a few lines with ``torch.func.vmap`` and ``grad``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import first_nonfinite, frozen_array, real_array, whole_number
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.e2021hardness.theory.cube import cube, parity_coefficients, parity_values
from twolayer.teachers import Seed

__all__ = [
    "GradientVariance",
    "Gradients",
    "class_gradient_variance",
    "network_gradients",
    "parity_gradient_variance",
    "per_sample",
    "sampled_parity_gradient_variance",
]

Gradients = Callable[[NDArray[np.float64]], ArrayLike]


@dataclass(frozen=True)
class GradientVariance:
    r"""Variance of the gradient over a class of targets, beside its bound.

    Attributes
    ----------
    variance : float
        :math:`\mathbb E_f\|\nabla R^f - \mathbb E_f\nabla R^f\|^2`.
    standard_error : float
        Of the variance; 0 where it is exact.
    energy : float
        :math:`\mathbb E_x\|\nabla h(x;\theta)\|^2`.
    squared_mean : float
        :math:`4\|\mathbb E_f\langle f, \nabla h\rangle\|^2`, what the bound gives away; NaN where it is not computed.
    bound : float
        What Theorem 5 says, 4 · energy / |F| for an orthonormal class.
    """

    variance: float
    standard_error: float
    energy: float
    squared_mean: float
    bound: float


def network_gradients(network: TwoLayerNetwork) -> Gradients:
    r"""Per-sample gradients of a network in θ = (a, W row by row, b), as a function of X: shape (n, m(d + 2)).

    .. math:: \partial_{a_i} = \sigma(t_i), \qquad \partial_{w_i} = a_i \sigma'(t_i)\,x, \qquad
        \partial_{b_i} = a_i \sigma'(t_i), \qquad t_i = w_i \cdot x + b_i.

    The polynomial part is held fixed.
    """

    def gradients(X: NDArray[np.float64]) -> NDArray[np.float64]:
        t = X @ network.W.T + network.b
        slopes = network.a * network.activation.derivative(t)
        rows = (slopes[:, :, None] * X[:, None, :]).reshape(len(X), -1)
        return np.concatenate([network.activation(t), rows, slopes], axis=1)

    return gradients


def parity_gradient_variance(gradients: Gradients, d: int) -> GradientVariance:
    r"""Variance of the gradient over all 2^d parities, x uniform on {0,1}^d, exactly.

    As the parities average to the indicator of x = 0, it equals
    :math:`\frac4{2^d}\bigl(\mathbb E\|\nabla h\|^2 - 2^{-d}\|\nabla h(0)\|^2\bigr)` by Parseval; it is computed without
    that, from the correlation of every parity with every entry of the gradient.

    Parameters
    ----------
    gradients : callable
        From X (n, d) to per-sample gradients (n, p).
    d : int
        At most 16.

    Returns
    -------
    GradientVariance

    Raises
    ------
    InputError
        If d is above 16 (see `sampled_parity_gradient_variance`), or the gradients are not finite numbers of shape
        (n, p).

    Notes
    -----
    The fast Walsh-Hadamard transform: d 2^d p additions and memory for about 3 · 2^d p numbers. The variance is a sum
    over the parameters, so that a model too large can be done in parts.
    """
    largest = 16  # 2^16 parities, each on 2^16 points
    d = whole_number(d, "the number of inputs")
    if d > largest:
        raise InputError(f"the exact variance is for d up to {largest}, found d = {d}: use the sampled one")
    J = per_sample(gradients, cube(d))
    coefficients = parity_coefficients(J)
    energy = _energy(J)
    return GradientVariance(
        variance=4 * float(coefficients.var(axis=0).sum()),
        standard_error=0.0,
        energy=energy,
        squared_mean=4 * float((coefficients.mean(axis=0) ** 2).sum()),
        bound=4 * energy / 2**d,
    )


def sampled_parity_gradient_variance(
    gradients: Gradients, d: int, samples: int = 1024, pairs: int = 256, rng: Seed = None
) -> GradientVariance:
    r"""Variance of the gradient over all 2^d parities by Monte Carlo, without bias, at any d.

    For independent uniform parities f, f' and independent samples A, B of x,

    .. math:: 2\,\bigl\langle \mathbb E_A[(f - f')\nabla h],\; \mathbb E_B[(f - f')\nabla h] \bigr\rangle

    has the variance as its mean. (One sample in place of two would add the sampling noise, of order energy/samples,
    which is many times the variance itself.)

    Parameters
    ----------
    gradients : callable
        From X (n, d) to per-sample gradients (n, p).
    d : int
        Inputs.
    samples : int
        In each of A and B.
    pairs : int
        Independent repetitions, at least 2.
    rng : numpy.random.Generator or int or None

    Returns
    -------
    GradientVariance
        Energy, and with it the bound, are averages over the same samples.

    Raises
    ------
    InputError
        If a number is too small, or the gradients are not finite numbers of shape (n, p).

    Notes
    -----
    The standard error is of order energy/(samples √pairs): beyond d = log2(samples √pairs) it exceeds the variance, and
    what is seen is that nothing is seen. A smooth h correlates with few parities, of low degree, and as long as the
    pairs meet none of them, both the variance found and its standard error are too small: they are to be believed where
    pairs are many against 2^d over the number of those parities. Each repetition costs 2 · samples gradients.
    """
    d, samples = whole_number(d, "the number of inputs"), whole_number(samples, "samples")
    pairs = whole_number(pairs, "pairs", least=2)
    rng = np.random.default_rng(rng)
    products, energies = np.empty(pairs), np.empty(pairs)
    for pair in range(pairs):
        V = rng.integers(0, 2, (2, d))
        X = rng.integers(0, 2, (2 * samples, d)).astype(np.float64)
        J = per_sample(gradients, X)
        F = parity_values(X, V)
        differences = (F[:, 0] - F[:, 1]).reshape(2, samples)
        first, second = (differences[half] @ J[half * samples :][:samples] / samples for half in (0, 1))
        products[pair], energies[pair] = 2 * first @ second, _energy(J)
    energy = float(energies.mean())
    return GradientVariance(
        variance=float(products.mean()),
        standard_error=float(products.std(ddof=1) / np.sqrt(pairs)),
        energy=energy,
        squared_mean=float("nan"),
        bound=4 * energy / 2**d,
    )


def class_gradient_variance(gradients: Gradients, X: ArrayLike, F: ArrayLike) -> GradientVariance:
    r"""Variance of the gradient over a finite class of any functions, for x uniform on given points, exactly.

    With G the matrix of inner products of the functions on the points,
    :math:`\sum_f \langle f, g \rangle^2 \le \lambda_{\max}(G)\,\|g\|^2` for every g, so that

    .. math:: \mathrm{bound} = \frac{4\,\lambda_{\max}(G)\,\mathbb E\|\nabla h\|^2}{|F|}.

    This is Theorem 5 for an orthonormal class (λ = 1), and its extension for a nearly orthonormal one: where
    |G_ij| ≤ 1/n² for i ≠ j and G_ii = 1, λ ≤ 1 + 1/n (Gershgorin), and the lecture has 2.

    Parameters
    ----------
    gradients : callable
        From X (n, d) to per-sample gradients (n, p).
    X : array, shape (n, d)
        The points: a sample, or a whole cube.
    F : array, shape (n, r)
        Values of the r functions there.

    Returns
    -------
    GradientVariance
        Under the uniform law on the points, of which the bound holds whatever they are.

    Raises
    ------
    InputError
        If X and F do not agree, or the gradients are not finite numbers of shape (n, p).
    """
    X, F = frozen_array(X, "X", 2), frozen_array(F, "F", 2)
    if not (len(X) == len(F) > 0 and F.shape[1]):
        raise InputError(f"X and F must have the same rows, and F a column, found shapes {X.shape} and {F.shape}")
    J = per_sample(gradients, X)
    n, size = F.shape
    correlations = F.T @ J / n
    energy = _energy(J)
    largest = float(np.linalg.norm(F, 2) ** 2) / n
    return GradientVariance(
        variance=4 * float(correlations.var(axis=0).sum()),
        standard_error=0.0,
        energy=energy,
        squared_mean=4 * float((correlations.mean(axis=0) ** 2).sum()),
        bound=4 * largest * energy / size,
    )


def per_sample(gradients: Gradients, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gradients at each row of X, checked: finite, shape (n, p)."""
    J = real_array(gradients(X), "the per-sample gradients", 2)
    if len(J) != len(X):
        raise InputError(f"the per-sample gradients must have one row for each of {len(X)} inputs, found {len(J)}")
    if first_nonfinite(J) is not None:
        raise InputError("the per-sample gradients must be finite")
    return J.astype(np.float64, copy=False)


def _energy(J: NDArray[np.float64]) -> float:
    return float(np.vdot(J, J) / len(J))
