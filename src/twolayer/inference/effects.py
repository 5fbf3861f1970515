"""What an input does to the output, all else as it is."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from twolayer.inference.estimates import Estimates
from twolayer.inference.hypotheses import input_place
from twolayer.inference.parameters import Vector
from twolayer.one_line import in_one_line
from twolayer.rows import some_rows

__all__ = ["Effect", "effect_of"]

_ROWS = 500  # over which an effect is averaged: its spread over rows is then known to some per cent


@in_one_line
@dataclass(frozen=True, eq=False)
class Effect:
    r"""Partial dependence :math:`v \mapsto \frac1n\sum_i f(x_i \text{ with } x_{ij} = v)` with its standard error.

    Attributes
    ----------
    name : str
        Of the input.
    at, mean, error : arrays, shape (k,)
        Values of the input, the mean value of the network there, and one standard error of it (delta method).
    """

    name: str
    at: Vector
    mean: Vector
    error: Vector


def effect_of(found: Estimates, X: ArrayLike, input: str | int, points: int = 41, output: int = 0) -> Effect:  # noqa: A002
    """The effect of one input, at points from its least value to its largest, averaged over at most 500 rows.

    Raises
    ------
    InputError
        If there is no such input.
    """
    layout = found.layout
    place = input_place(layout.inputs, input)
    inputs: Any = np.asarray(X, np.float64)
    drawn = some_rows(len(inputs), _ROWS)
    rows = inputs if drawn is None else inputs[drawn]
    at = np.linspace(inputs[:, place].min(), inputs[:, place].max(), points)
    C = layout.basis.T @ found.covariance @ layout.basis
    mean, error = np.empty(points), np.empty(points)
    for k, value in enumerate(at):
        moved = rows.copy()
        moved[:, place] = value
        J = np.zeros(layout.basis.shape[1])
        for _, j, block in layout.derivatives(moved):
            if j == output:
                J += block.sum(axis=0) / len(rows)
        mean[k] = layout.network(moved).reshape(len(rows), -1)[:, output].mean()
        error[k] = np.sqrt(max(float(J @ C @ J), 0.0))
    return Effect(layout.inputs[place], at, mean, error)
