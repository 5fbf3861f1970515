"""Which function of one number is it? A chain of operators, told by its values to be an activation that is known."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation, activation
from twolayer.errors import InputError

__all__ = ["Bent", "Smooth", "identified"]

Array = NDArray[Any]
Vector = NDArray[np.float64]

_EXACT = 1e-12  # what is computed with numbers of single precision is computed in double here, and lines are lines
_MOST_KINKS = 9  # of a chain of clipped lines; more are a curve

# Those of the table that are not made of straight lines and need no argument, the likelier first.
_SMOOTH = (
    *(
        "tanh",
        "sigmoid",
        "gelu",
        "gelu_tanh",
        "silu",
        "softplus",
        "erf",
        "elu(1)",
        "selu",
        "mish",
        "softsign",
        "hardswish",
    ),
    *("squared_relu", "sine", "quadratic"),
)


@dataclass(frozen=True)
class Bent:
    r"""Straight lines: :math:`f(t) = c + s t + \sum_j \delta_j\,\mathrm{relu}(t - k_j)`.

    Attributes
    ----------
    kinks, changes : tuple of float
        The k, ascending, and by how much the slope changes there.
    slope, constant : float
        The s and c: the first of the lines.
    """

    kinks: tuple[float, ...]
    changes: tuple[float, ...]
    slope: float = 0.0
    constant: float = 0.0

    @property
    def is_affine(self) -> bool:
        """Whether there is but one line."""
        return not self.kinks

    def __call__(self, t: Vector) -> Vector:
        """The values."""
        ramps = sum(
            (change * np.maximum(t - kink, 0) for kink, change in zip(self.kinks, self.changes, strict=True)),
            np.zeros_like(t),
        )
        return self.constant + self.slope * t + ramps


@dataclass(frozen=True)
class Smooth:
    r"""An activation, moved and stretched: :math:`f(t) = c + s t + \alpha\,\sigma(\beta t)`.

    Attributes
    ----------
    activation : Activation
    weight, scale : float
        The α and β.
    slope, constant : float
        The s and c.
    """

    activation: Activation
    weight: float
    scale: float
    slope: float = 0.0
    constant: float = 0.0
    is_affine = False

    def __call__(self, t: Vector) -> Vector:
        """The values."""
        return self.constant + self.slope * t + self.weight * self.activation(self.scale * t)


class Clues(Protocol):
    """What is known of a function beside its values: see `Elementwise`."""

    @property
    def hints(self) -> tuple[str, ...]:
        """Activations that it may be."""

    @property
    def scales(self) -> tuple[float, ...]:
        """Factors that have been met beside its argument."""

    @property
    def marks(self) -> tuple[float, ...]:
        """Numbers that have been met beside it."""

    @property
    def operators(self) -> tuple[str, ...]:
        """Of which it is put together."""


def identified(
    function: Callable[[Array], Array], size: int, entries: NDArray[np.intp], clues: Clues, rtol: float
) -> tuple[list[Bent | Smooth], NDArray[np.intp]]:
    r"""Identify functions of one number, one for each entry, by their values.

    On 1 300 points of all sizes from 1e-6 to 1e6 and both signs, and beside the numbers of which the function is made,
    it must be straight lines that meet at kinks, or :math:`c + st + \alpha\sigma(\beta t)` with an activation of the
    table; then it is compared on as many points between them. c, s and α come from least squares on those within 30.

    Parameters
    ----------
    function : callable
        From values t, (n, size), to (n, size).
    size : int
    entries : array of int
        Those to identify; the others are constant.
    clues : Clues
    rtol : float
        Largest difference, relative to the values: of the precision of the numbers that it is made of.

    Returns
    -------
    functions : list of Bent or Smooth
    which : array of int, shape (size,)
        The place in the list, of an entry.

    Raises
    ------
    InputError
        If it is none of these.

    Notes
    -----
    A chain of a few operators that agrees with an activation at all these points is that activation: it is not proved.
    """
    t, between = _points(clues)
    with np.errstate(all="ignore"):
        values, checks = (np.asarray(function(np.repeat(at[:, None], size, axis=1)), float) for at in (t, between))
    both = np.vstack([values, checks])[:, entries]
    which = np.full(size, -1)
    if not both.shape[1]:
        return [], which
    if (both == both[:, :1]).all():
        columns, which[entries] = both[:, :1], 0
    else:
        columns, inverse = np.unique(both, axis=1, return_inverse=True)
        which[entries] = np.ravel(inverse)
    return [_one(t, between, column[: len(t)], column[len(t) :], clues, rtol) for column in columns.T], which


def _points(clues: Clues) -> tuple[Vector, Vector]:
    """Points to identify on, and as many between them."""
    positive = np.geomspace(1e-6, 1e6, 500)
    marks = [0.0]
    for mark in clues.marks:
        near = [mark * scale for scale in (1.0, *clues.scales, *(1 / scale for scale in clues.scales if scale))]
        marks += [sign * one for one in near if np.isfinite(one) and abs(one) < 1e6 for sign in (-1.0, 1.0)]
    marks = sorted(set(marks))
    beside = [mark + sign * max(abs(mark), 1.0) * step for mark in marks for sign in (-1, 1) for step in (1e-3, 1e-2)]
    others = np.unique(np.r_[-positive, positive, beside, np.linspace(-30, 30, 301)])
    place = np.clip(np.searchsorted(marks, others), 1, max(len(marks) - 1, 1))
    nearest = np.minimum(
        np.abs(others - np.take(marks, place - 1)), np.abs(others - np.take(marks, place, mode="clip"))
    )
    others = others[nearest > 1e-7 * np.abs(others)]
    apart = np.r_[True, np.diff(others) > 1e-6 * np.abs(others[1:])]  # closer, slopes between them are rounding
    t = np.unique(np.r_[marks, others[apart]])
    return t, (t[:-1] + t[1:]) / 2


def _one(t: Vector, between: Vector, values: Vector, checks: Vector, clues: Clues, rtol: float) -> Bent | Smooth:
    """The function of these values."""
    found = _straight(t, values, _EXACT)
    if found is not None and _agree(found, between, checks, _EXACT):
        return found
    names = dict.fromkeys((*clues.hints, *_SMOOTH))
    met = [1.0, *clues.scales, *(1 / scale for scale in clues.scales if scale)]
    scales = dict.fromkeys([*met, *(root * scale for scale in met for root in (np.sqrt(2.0), np.sqrt(0.5)))])
    at, seen = np.r_[t, between], np.r_[values, checks]
    for name in names:
        for scale in scales:
            fitted = _fitted(activation(name), scale, at, seen, rtol)
            if fitted is not None and _agree(fitted, at, seen, rtol):
                return fitted
    chain = ", ".join(dict.fromkeys(clues.operators)) or "?"
    raise InputError(f"the function that its operators {chain} make of a number is no activation that is known")


def _agree(f: Bent | Smooth, t: Vector, values: Vector, rtol: float) -> bool:
    with np.errstate(all="ignore"):
        off = np.abs(f(t) - values)
    # rounding is that of the terms, of the size of t too, and not of what is left of them
    terms = np.abs(t) + float(np.abs(values[np.abs(t) <= 30]).max(initial=0.0))
    allowed = 8 * (rtol * (np.abs(values) + np.minimum(np.abs(t), 30)) + np.finfo(float).eps * terms)
    # an exponential that is written out overflows far out, where the activation does not
    return bool(np.all((off <= allowed)[np.isfinite(values) | (np.abs(t) <= 30)]))


def _straight(t: Vector, values: Vector, rtol: float) -> Bent | None:
    """Straight lines through the values; None where they are none, or more than nine."""
    if not np.isfinite(values).all():
        return None
    slopes = np.diff(values) / np.diff(t)
    steepest = float(np.abs(slopes).max(initial=0.0))
    size = np.maximum(np.abs(values[:-1]), np.abs(values[1:]))
    noise = 16 * np.finfo(float).eps * size / np.diff(t) + 4 * rtol * steepest
    turns = 1 + np.flatnonzero(np.abs(np.diff(slopes)) > noise[1:] + noise[:-1])
    if len(turns) > 4 * _MOST_KINKS:
        return None
    edges: list[int] = [0, *turns.tolist(), len(slopes)]
    lines: list[tuple[float, float, float]] = []  # slope, value at zero, and the point where each begins
    for begin, end in pairwise(edges):
        if end - begin == 1 and begin > 0 and end < len(slopes):
            continue  # a kink is within
        slope = float((values[end] - values[begin]) / (t[end] - t[begin]))
        if not lines or abs(slope - lines[-1][0]) > 4 * rtol * steepest:
            near = begin if t[begin] >= 0 else end if t[end] <= 0 else int(np.searchsorted(t, 0.0))  # least rounding
            lines.append((slope, float(values[near] - slope * t[near]), float(t[begin])))
    kinks: list[float] = []
    changes: list[float] = []
    for (last, offset, _), (new, its_offset, point) in pairwise(lines):
        kink = -(its_offset - offset) / (new - last)
        # where the lines meet at a point that was asked, it is that point
        kinks.append(point if abs(kink - point) <= 1e-9 * max(1.0, abs(point)) else kink)
        changes.append(_tidied(float(new - last)))
    if not lines or len(kinks) > _MOST_KINKS:
        return None
    return Bent(tuple(kinks), tuple(changes), _tidied(float(lines[0][0])), _tidied(float(lines[0][1]), steepest))


def _tidied(number: float, size: float = 1.0) -> float:
    """Without the rounding of what is a whole number of 1/8, which slopes often are."""
    near = np.round(8 * number) / 8
    return float(near) if abs(number - near) <= 1e-13 * max(size, 1.0) else number


def _fitted(sigma: Activation, scale: float, t: Vector, values: Vector, rtol: float) -> Smooth | None:
    """The c, s and α of least squares on points that are near, for one σ and β."""
    near = np.abs(t) <= 30
    if not np.isfinite(values[near]).all():
        return None
    unit = sigma(scale * t[near])
    design = np.column_stack([unit, t[near], np.ones(near.sum())])
    found = np.linalg.lstsq(design, values[near], rcond=None)[0]
    # what is not needed is left out: most are one unit and nothing beside it
    size = float(np.abs(values[near]).max(initial=0.0))
    alone = float(unit @ values[near] / max(unit @ unit, 1e-300))
    alone = 1.0 if abs(alone - 1) <= 4 * rtol else alone
    if np.abs(alone * unit - values[near]).max() <= 8 * rtol * size:
        return Smooth(sigma, alone, scale)
    weight, slope, constant = (0.0 if abs(one) <= 16 * rtol * size else _tidied(float(one)) for one in found)
    return Smooth(sigma, weight, scale, slope, constant) if weight else None
