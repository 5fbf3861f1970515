r"""The landscape of a sine neuron: a deep well on a plain, and a wilderness of local minima once it is sampled."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import frozen_array, real_number, whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.one_line import in_one_line
from twolayer.teachers import Seed

__all__ = ["Landscape", "empirical_sine_risk", "sine_landscape", "sine_risk"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Landscape:
    r"""Risks over a square grid in the plane, to be drawn with ``contourf(first, second, population)``.

    Attributes
    ----------
    first, second : arrays, shape (r,)
        Values of w_1 and w_2.
    population, empirical : arrays, shape (r, r)
        Risks, entry (i, j) at w = (first[j], second[i]).
    truth : array, shape (2,)
        The w* of the labels.
    """

    first: NDArray[np.float64]
    second: NDArray[np.float64]
    population: NDArray[np.float64]
    empirical: NDArray[np.float64]
    truth: NDArray[np.float64]


def sine_risk(W: ArrayLike, truth: ArrayLike, frequency: float = 1.0) -> NDArray[np.float64]:
    r"""Population risk of a sine neuron, x ~ N(0, I_d).

    .. math:: R(w) = \mathbb E\bigl(\sin(2\pi L\,w \cdot x) - \sin(2\pi L\,w^* \cdot x)\bigr)^2
        = \tfrac12(1 - e^{-8\pi^2L^2\|w\|^2}) + \tfrac12(1 - e^{-8\pi^2L^2\|w^*\|^2})
        - e^{-2\pi^2L^2\|w - w^*\|^2} + e^{-2\pi^2L^2\|w + w^*\|^2}.

    (The lecture's text has the same w in both sines, and does not name the law of x.)

    Parameters
    ----------
    W : array, shape (r, d)
        One w a row.
    truth : array, shape (d,)
        The w*.
    frequency : float
        The L > 0, in the place of the dimension.

    Returns
    -------
    array, shape (r,)

    Raises
    ------
    InputError
        If shapes do not agree, or the frequency is negative or not finite.

    Notes
    -----
    From e^{-z} - 1 throughout, so that small risks, R(w*) = 0 first of all, keep their digits.

    References
    ----------
    .. [1] e2021hardness, "An illustration of the landscape of sine neuron"
    """
    W, truth, frequency = _problem(W, truth, frequency)
    scale = 2 * np.pi**2 * frequency**2
    own = -0.5 * np.expm1(-4 * scale * np.sum(W**2, axis=1)) - 0.5 * np.expm1(-4 * scale * np.sum(truth**2))
    far, near = (np.expm1(-scale * np.sum((W + sign * truth) ** 2, axis=1)) for sign in (1, -1))
    return own + far - near


def empirical_sine_risk(W: ArrayLike, truth: ArrayLike, X: ArrayLike, frequency: float = 1.0) -> NDArray[np.float64]:
    r"""Empirical risk of a sine neuron, :math:`\frac1n\sum_s(\sin(2\pi L\,w x_s) - \sin(2\pi L\,w^* x_s))^2`.

    Parameters
    ----------
    W, truth, frequency
        As `sine_risk`.
    X : array, shape (n, d)
        The sample, n ≥ 1.

    Returns
    -------
    array, shape (r,)

    Raises
    ------
    InputError
        As `sine_risk`, and if X is empty or has another number of columns.
    """
    W, truth, frequency = _problem(W, truth, frequency)
    X = frozen_array(X, "X", 2)
    if not len(X) or X.shape[1] != len(truth):
        raise InputError(f"X must have rows, and {len(truth)} columns like W, found shape {X.shape}")
    labels = np.sin(2 * np.pi * frequency * (X @ truth))
    risks = [np.mean((np.sin(2 * np.pi * frequency * (X @ w)) - labels) ** 2) for w in W]
    return np.array(risks)


def sine_landscape(
    truth: ArrayLike = (1.0, 0.0),
    frequency: float = 1.0,
    samples: int = 100,
    reach: float = 2.0,
    points: int = 101,
    rng: Seed = None,
) -> Landscape:
    r"""Population and empirical risk of a sine neuron of two inputs on a square grid.

    Parameters
    ----------
    truth : array, shape (2,)
        The w*.
    frequency : float
        The L.
    samples : int
        The n of the empirical risk, Gaussian.
    reach : float
        The grid is [-reach, reach]².
    points : int
        Along each side.
    rng : numpy.random.Generator or int or None

    Returns
    -------
    Landscape

    Raises
    ------
    InputError
        If truth has not two entries, or a number is out of its range.

    Notes
    -----
    points² · samples sines.
    """
    truth = frozen_array(truth, "truth", 1)
    if len(truth) != 2:
        raise InputError(f"a landscape is drawn over two inputs, found {len(truth)}")
    side = np.linspace(-1.0, 1.0, whole_number(points, "points")) * real_number(reach, "reach", least=0)
    X = np.random.default_rng(rng).standard_normal((whole_number(samples, "samples"), 2))
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    shape = (len(side), len(side))
    population = sine_risk(grid, truth, frequency).reshape(shape)
    return Landscape(side, side, population, empirical_sine_risk(grid, truth, X, frequency).reshape(shape), truth)


def _problem(W: ArrayLike, truth: ArrayLike, frequency: float) -> tuple[NDArray, NDArray, float]:
    W, truth = frozen_array(W, "W", 2), frozen_array(truth, "truth", 1)
    if W.shape[1] != len(truth):
        raise InputError(f"W must have {len(truth)} columns like truth, found {W.shape[1]}")
    return W, truth, real_number(frequency, "frequency", least=0)
