"""Rows whose labels do not fit."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from twolayer.arrays import real_number
from twolayer.errors import InputError
from twolayer.inference.estimates import Estimates

__all__ = ["SuspectRow", "suspect_rows"]


@dataclass(frozen=True)
class SuspectRow:
    """A row whose label is farther from the network than noise takes it.

    Attributes
    ----------
    row : int
        Counted from 0.
    label, value : float
        Its label, and that of the network.
    studentised : float
        The residual in its own standard errors, the row itself left out of the estimate of the noise.
    p_value : float
        Chance that the largest of all n is as large, by Bonferroni's bound; at most 1.
    """

    row: int
    label: float
    value: float
    studentised: float
    p_value: float


def suspect_rows(found: Estimates, X: ArrayLike, y: ArrayLike, level: float = 0.05) -> tuple[SuspectRow, ...]:
    r"""Rows with externally studentised residuals that noise does not explain, the worst first.

    With the leverage :math:`h_i = J_i H^{-1} J_i^\top` and s_{(i)} the noise without row i,

    .. math:: t_i = \frac{r_i}{s_{(i)}\sqrt{1 - h_i}}, \qquad
        s_{(i)}^2 = \frac{(n-p)\,s^2 - r_i^2/(1-h_i)}{n - p - 1}

    has the t distribution with n - p - 1 degrees of freedom where the label is no outlier. Of n rows the largest is
    suspect if n times its p-value is below the level.

    Raises
    ------
    InputError
        If there are several outputs, or the covariance is not the classical one.

    Notes
    -----
    Several outliers hide each other: leave out those found, fit again, look again. With noise that is not Gaussian,
    heavy tails are called suspect.
    """
    from scipy.special import stdtr

    layout = found.layout
    if layout.network.n_outputs > 1 or found.kind != "classical":
        raise InputError("suspect rows are those of one output, by the classical covariance")
    level = real_number(level, "level", 0)
    inputs, labels = np.asarray(X, np.float64), np.asarray(y, np.float64)
    value = layout.network(inputs)
    r, n = labels - value, len(labels)
    h = (found.value_errors(inputs) / max(found.noise, 1e-300)) ** 2
    left = np.maximum(1 - h, 1e-12)  # a row met whatever its label has nothing left to judge it by
    rest = np.maximum((found.freedom * found.noise**2 - r**2 / left) / max(found.freedom - 1, 1), 1e-300)
    t = np.where(h < 1 - 1e-9, r / np.sqrt(rest * left), 0.0)
    # what exact labels leave is rounding, which has no law
    t = np.where(np.abs(r) > 1e-9 * max(float(labels.std()), 1e-300), t, 0.0)
    p = np.minimum(2 * n * np.asarray(stdtr(found.freedom - 1, -np.abs(t))), 1.0)
    worst = [int(i) for i in np.argsort(-np.abs(t), kind="stable") if p[i] < level]
    return tuple(SuspectRow(i, float(labels[i]), float(value[i]), float(t[i]), float(p[i])) for i in worst)
