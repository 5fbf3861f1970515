r"""Closed forms for the step smoothed by a Gaussian: the one formula behind most activations.

With φ and Φ the standard Gaussian density and distribution and v ≥ 0, let :math:`\Phi_v(t) = \Phi(t/\sqrt v)` (the step
where v = 0) and :math:`\varphi_v = \Phi_v'`. Then relu' is :math:`\Phi_0`, :math:`\mathrm{erf} = 2\Phi_{1/2} - 1`,
:math:`\mathrm{gelu}(t) = t\,\Phi_1(t)`, and the logistic function is a mixture of :math:`\Phi_v` over v.

Adding a Gaussian of deviation s to the argument adds s² to v, and a Hermite coefficient is a derivative in the shift:
:math:`\mathbb E[f(sg+\mu)\,He_j(g)] = s^j\,\partial_\mu^j\,\mathbb E f(sg+\mu)`. So each function of coefficients takes
arrays `scale` (s ≥ 0) and `shift` (μ) of one shape and returns an array of shape ``(order + 1, *shape)``.
"""

from functools import cache

import numpy as np
import scipy  # its parts are imported on first use: scipy.special takes a fifth of a second
from numpy.typing import NDArray

__all__ = [
    "bump_coefficients",
    "bump_kernel",
    "determinant",
    "gaussian_density",
    "logistic_mixture",
    "ramp_coefficients",
    "sign_coefficients",
    "step_coefficients",
    "step_kernel",
]

_FAR = 39.0  # where the standard Gaussian density has underflowed to zero


def gaussian_density(t: NDArray) -> NDArray:
    """Density of N(0, 1) at t, in the dtype of t, without warning however far t is."""
    value = np.clip(t, -_FAR, _FAR)
    value = value * value
    value *= -0.5
    value = np.exp(value)
    value *= 0.3989422804014327
    return value


def bump_coefficients(order: int, scale: NDArray, shift: NDArray, variance: float) -> NDArray:
    r"""Coefficients :math:`\mathbb E[\varphi_v(sg+\mu)\,He_j(g)] = \tau^{-1}(s/\tau)^j\,He_j(-z)\,\varphi(z)`, v > 0.

    Here, as below, :math:`\tau^2 = v + s^2` and :math:`z = \mu/\tau`.
    """
    tau, z, ratio = _standardised(scale, shift, variance)
    return _hermite_functions(order, ratio, z) / tau


def step_coefficients(order: int, scale: NDArray, shift: NDArray, variance: float = 0.0) -> NDArray:
    r"""Coefficients of :math:`\Phi_v`: :math:`c_0 = \Phi(z)`, :math:`c_j = (s/\tau)^j\,He_{j-1}(-z)\,\varphi(z)`."""
    _, z, ratio = _standardised(scale, shift, variance)
    return np.concatenate([scipy.special.ndtr(z)[None], ratio * _hermite_functions(order, ratio, z)[:order]])


def sign_coefficients(order: int, scale: NDArray, shift: NDArray, variance: float = 0.0) -> NDArray:
    r"""Coefficients of :math:`2\Phi_v - 1`, without the cancellation."""
    coefficients = 2 * step_coefficients(order, scale, shift, variance)
    coefficients[0] = scipy.special.erf(_standardised(scale, shift, variance)[1] / np.sqrt(2))
    return coefficients


def ramp_coefficients(order: int, scale: NDArray, shift: NDArray, variance: float = 0.0) -> NDArray:
    r"""Coefficients of :math:`\int\Phi_v` (relu where v = 0).

    :math:`c_0 = \mu\,\Phi(z) + \tau\,\varphi(z)` and each later one is s times the one before it of :math:`\Phi_v`, so
    that for relu and b = μ/s, :math:`c_j = (-1)^j s\,He_{j-2}(b)\,\varphi(b)`, j ≥ 2 (awasthi2021efficient, Lemma 3.5).
    """
    tau, z, _ = _standardised(scale, shift, variance)
    mean = shift * scipy.special.ndtr(z) + tau * gaussian_density(z)
    return np.concatenate([mean[None], scale * step_coefficients(order, scale, shift, variance)[:order]])


def step_kernel(uu: NDArray, uw: NDArray, ww: NDArray, variance: float = 0.0, other: float = 0.0) -> NDArray:
    r""":math:`\mathbb E[\Phi_v(u\cdot x)\,\Phi_{v'}(w\cdot x)] = \tfrac14 + \tfrac1{2\pi}\arctan(u\cdot w/\sqrt D)`.

    Here, as below, :math:`D = (v + \|u\|^2)(v' + \|w\|^2) - (u\cdot w)^2`. With v = v' = 0 this is
    :math:`(\pi - \theta)/2\pi`.
    """
    return 0.25 + np.arctan2(uw, np.sqrt(determinant(uu, uw, ww, variance, other))) / (2 * np.pi)


def bump_kernel(uu: NDArray, uw: NDArray, ww: NDArray, variance: float, other: float) -> NDArray:
    r""":math:`\mathbb E[\varphi_v(u\cdot x)\,\varphi_{v'}(w\cdot x)] = 1/(2\pi\sqrt D)`."""
    return 1 / (2 * np.pi * np.sqrt(determinant(uu, uw, ww, variance, other)))


def determinant(uu: NDArray, uw: NDArray, ww: NDArray, variance: float = 0.0, other: float = 0.0) -> NDArray:
    """D of `step_kernel` as a sum of terms that are not negative; what is left of a square by rounding is none."""
    square = uu * ww
    gap = square - uw * uw
    gap = gap * (gap > 1e-15 * square)
    return variance * other + variance * ww + other * uu + gap


@cache
def logistic_mixture() -> tuple[tuple[float, ...], tuple[float, ...]]:
    r"""Weights p and variances v with :math:`1/(1+e^{-t}) = \sum_i p_i\,\Phi(t/\sqrt{v_i})` to 1e-15 on the whole line.

    The logistic law is a Gaussian of deviation 2K, K following Kolmogorov's law [1]_ with density
    :math:`8K\sum_n (-1)^{n-1} n^2 e^{-2n^2K^2}`, summed the other way round (Poisson) where K < 1. In log K its tails
    fall double-exponentially on both sides, so that the trapezoid rule converges geometrically: 20 nodes give 1e-10, 28
    give rounding.

    References
    ----------
    .. [1] Andrews and Mallows, Scale mixtures of normal distributions, 1974.
    """
    log_k, step = np.linspace(-1.75, 1.45, 28, retstep=True)
    k = np.exp(log_k)
    n = np.arange(1, 7)[:, None]
    decay = (2 * n - 1) ** 2 * np.pi**2 / (8 * k * k)
    small = np.sqrt(2 * np.pi) / k**2 * np.sum(np.exp(-decay) * (2 * decay - 1), axis=0)
    large = -8 * k * np.sum((-1.0) ** n * n**2 * np.exp(-2 * (n * k) ** 2), axis=0)
    weights = step * k * np.where(k < 1, small, large)
    return tuple(weights.tolist()), tuple((4 * k * k).tolist())


def _standardised(scale: NDArray, shift: NDArray, variance: float) -> tuple[NDArray, NDArray, NDArray]:
    """Return τ, z and s/τ of the formulas; the limits of z and s/τ where τ = 0."""
    tau = np.hypot(np.sqrt(variance), scale)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        z = np.where(tau > 0, shift / tau, np.sign(shift) * _FAR)
        ratio = np.where(tau > 0, scale / tau, 0.0)
    return tau, np.clip(z, -_FAR, _FAR), ratio


def _hermite_functions(order: int, ratio: NDArray, z: NDArray) -> NDArray:
    """Products ratio^j He_j(-z) φ(z) for j = 0..order, by the recurrence of He_j."""
    values = np.empty((order + 1, *z.shape))
    values[0] = gaussian_density(z)
    lean = -ratio * z
    if order > 0:
        values[1] = lean * values[0]
    for j in range(1, order):
        values[j + 1] = lean * values[j] - j * ratio**2 * values[j - 1]
    return values
