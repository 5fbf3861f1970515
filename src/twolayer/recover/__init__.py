"""From samples to a network and a certificate: one method, one file."""

import time
from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from twolayer.activation import Activation
from twolayer.activation import activation as parse_activation
from twolayer.arrays import whole_number
from twolayer.errors import InputError
from twolayer.recover.judgement import judge
from twolayer.recover.label_units import LabelUnits
from twolayer.recover.methods import RECOVERIES, Recovery
from twolayer.recover.result import RecoveryError, Result, Step
from twolayer.refine.threads import threads_over_rows
from twolayer.sources import check_magnitude, check_samples

__all__ = ["RECOVERIES", "Recovery", "RecoveryError", "Result", "Step", "recover"]


def recover(
    X: ArrayLike,
    y: ArrayLike,
    width: int,
    activation: str | Activation,
    *,
    bias: bool = False,
    method: str = "auto",
    rng: np.random.Generator | int | None = None,
    progress: Callable[[str, int, float], None] | None = None,
) -> Result:
    r"""Recover the two-layer network that made the samples, with a certificate.

    .. math:: y = \sum_{i=1}^m a_i\, \sigma(w_i\cdot x + b_i) + c

    is solved for a, W and, if asked for, b and c. The signs of a are not given. The answer is exact where the labels
    are noiseless, and has standard errors where they are not. It is certified only if nothing of the inputs is left
    in the residual, the rows are enough to tell, and no other network near it fits.

    Parameters
    ----------
    X : array, shape (n, d)
        Inputs. The theory wants them standard Gaussian; the refinement takes any, and whitens for itself.
    y : array, shape (n,)
        Labels.
    width : int
        The m.
    activation : str or Activation
        The σ.
    bias : bool
        Whether the units have biases (and the network a constant).
    method : str
        A key of `RECOVERIES`.
    rng : Generator, int or None
        Of the random starts.
    progress : callable, optional
        Called with (stage, step, relative loss) as the work goes on.

    Returns
    -------
    Result
        ``.network``, ``.status`` (its value is the advice), ``.certificate``, ``.history``, and ``.unwrap()``.

    Raises
    ------
    InputError
        If the samples are not finite numbers of matching shapes, or too large or too small to be squared, y is
        constant, the rows are not more than the parameters (the least number is named), or the activation, the width or
        the method is none.

    Notes
    -----
    A start costs some 30 to 100 steps of O(n m d) multiply-adds each (times about 20), with at most 10 rows a
    parameter; the others are passed over a few times. Memory beyond the samples is O(n m), and that of the rows
    searched on. Orders of the samples needed, noiseless: 2 rows a parameter for squared ReLU, 4 for ReLU with many
    units.

    References
    ----------
    zhong2017recovery (setting, moments, conditioning); the lift and the exchange of units are this library's own.
    """
    X, y = check_samples(X, y)
    check_magnitude(X, y)
    width = whole_number(width, "width")
    sigma = parse_activation(activation)
    if method not in RECOVERIES:
        raise InputError(f"method must be one of {', '.join(RECOVERIES)}, found {method!r}")
    _check_size(X.shape, width, sigma, bias)
    if not X.any():
        raise InputError("X must vary, found zeros only: they do not determine a network")
    if np.ptp(y) == 0:
        raise InputError(f"y must vary, found the constant {y[0]:g}: a constant does not determine a network")
    began, history = time.perf_counter(), []

    def report(stage: str, step: int, loss: float) -> None:
        history.append(Step(stage, step, loss, time.perf_counter() - began))
        if progress is not None:
            progress(stage, step, loss)

    generator, units = np.random.default_rng(rng), LabelUnits.of(y, bias)
    with threads_over_rows():
        found = RECOVERIES[method].function(X, units.done(y), width, sigma, has_bias=bias, rng=generator, report=report)
        network, status, certificate = judge(found)
    certificate = units.certificate_undone(certificate, network)
    return Result(units.network_undone(network), status, certificate, tuple(history))


def n_parameters(d: int, width: int, activation: Activation, bias: bool) -> int:
    """Number of parameters of a network, the scale of homogeneous units counted once."""
    return width * (d + bias + (not activation.degree)) + bias


def _check_size(shape: tuple[int, int], width: int, activation: Activation, bias: bool) -> None:
    n, d = shape
    parameters = n_parameters(d, width, activation, bias)
    if n <= parameters:
        raise InputError(
            f"{width} units on {d} inputs have {parameters} parameters and need at least {parameters + 1} rows,"
            f" found {n}"
        )
