"""Units of several kinds, written as those of one network."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation, activation, rewriting
from twolayer.formats.functions import Bent, Smooth
from twolayer.formats.values import Combination, Model, NotTwoLayers
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["network_of"]

Vector = NDArray[np.float64]


@dataclass(frozen=True)
class _Term:
    r"""What a function f(t) is in one activation: :math:`c + st + \sum_j \alpha_j\,\sigma(\beta_j t + \gamma_j)`.

    Attributes
    ----------
    units : tuple of (float, float, float)
        The α, β and γ.
    slope, constant : float
    """

    units: tuple[tuple[float, float, float], ...]
    slope: float = 0.0
    constant: float = 0.0


def network_of(model: Model, value: Combination) -> TwoLayerNetwork:
    """The network that a combination of the units of a model is.

    Raises
    ------
    NotTwoLayers
        If its units are of two kinds that no one activation writes.
    """
    d, outputs = model.dim, int(np.prod(value.shape, dtype=int))
    stack = value.stack.reshape(len(value.stack), outputs)
    used = np.flatnonzero(stack[1 + d :].any(axis=1))
    squares = [unit for unit in used if _is_square(model.functions[unit])]
    if len(squares) < len(used):  # squares beside units of another kind are a quadratic part
        used = np.setdiff1d(used, squares)
    else:
        squares = []
    sigma, terms = _in_one_activation([model.functions[unit] for unit in used])
    affine = stack[: 1 + d].copy()
    a, W, b = [], [], []
    for unit, term in zip(used, terms, strict=True):
        row, outer = model.rows[unit], stack[1 + d + unit]
        affine += np.outer(term.slope * row, outer)
        affine[0] += term.constant * outer
        for weight, scale, shift in term.units:
            a.append(weight * outer)
            W.append(scale * row[1:])
            b.append(scale * row[0] + shift)
    quadratic = np.zeros((d, d, outputs)) if squares else None
    for unit in squares:
        row, outer, f = model.rows[unit], stack[1 + d + unit], model.functions[unit]
        assert isinstance(f, Smooth)
        factor, w = f.weight * f.scale**2, row[1:]
        quadratic += factor * np.multiply.outer(np.outer(w, w), outer)
        affine[1:] += np.outer(2 * factor * row[0] * w, outer)
        affine += np.outer(f.slope * row, outer)
        affine[0] += (factor * row[0] ** 2 + f.constant) * outer
    constant, linear = affine[0], affine[1:]
    is_there = affine.any() or squares
    polynomial = Polynomial(constant, linear if linear.any() else None, quadratic) if is_there else None
    return TwoLayerNetwork(np.reshape(a, (len(a), outputs)), np.reshape(W, (len(a), d)), b, sigma, polynomial)


def _is_square(f: Bent | Smooth) -> bool:
    return isinstance(f, Smooth) and f.activation.keyword == "quadratic"


def _in_one_activation(functions: list[Bent | Smooth]) -> tuple[Activation, list[_Term]]:
    bent = [f for f in functions if isinstance(f, Bent)]
    smooth = [f for f in functions if isinstance(f, Smooth)]
    if not smooth:
        return _bent(bent)
    kinds = list(dict.fromkeys(f.activation for f in smooth))
    for kind in kinds:
        laws = {other: rewriting(other, kind) for other in kinds}
        if not bent and all(laws.values()):
            terms = []
            for f in smooth:
                law = laws[f.activation]
                assert law is not None
                slope = f.slope + f.weight * law.slope * f.scale
                unit = (f.weight * law.factor, law.scale * f.scale, 0.0)
                terms.append(_Term((unit,), slope, f.constant + f.weight * law.constant))
            return kind, terms
    names = [kind.name for kind in kinds] + (["relu"] if bent else [])
    raise NotTwoLayers(f"its units have different activations, {' and '.join(names[:3])}")


def _bent(functions: list[Bent]) -> tuple[Activation, list[_Term]]:
    """Those of straight lines: by one unit each where all bend alike, by a ramp for each kink otherwise."""
    if functions and all(len(f.kinks) == 1 for f in functions):
        slopes = np.array([(f.slope, f.slope + f.changes[0]) for f in functions])
        ratio = _common_ratio(slopes)
        if ratio is not None:
            sigma = activation("relu" if ratio == 0 else "abs" if ratio == -1 else f"leaky_relu({ratio!r})")
            return sigma, [_on_its_kink(f) for f in functions]
        if not slopes[:, 1].any():  # all level off to the right
            return activation("relu"), [
                _Term(((-f.slope, -1.0, f.kinks[0]),), 0.0, float(f(np.array(f.kinks))[0])) for f in functions
            ]
    if functions and all(_is_clipped(f) for f in functions):
        return activation("hardtanh"), [_clipped(f) for f in functions]
    ramps = [
        _Term(tuple((change, 1.0, -kink) for kink, change in zip(f.kinks, f.changes, strict=True)), f.slope, f.constant)
        for f in functions
    ]
    return activation("relu"), ramps


def _common_ratio(slopes: Vector) -> float | None:
    """The left slope over the right one, where it is the same for all, and not both go up alike."""
    if not slopes[:, 1].all():
        return None
    ratios = slopes[:, 0] / slopes[:, 1]
    is_common = np.ptp(ratios) <= 1e-14 * np.abs(ratios).max() and ratios[0] != 1
    return float(ratios[0]) + 0.0 if is_common else None


def _on_its_kink(f: Bent) -> _Term:
    kink = f.kinks[0]
    return _Term(((f.slope + f.changes[0], 1.0, -kink),), 0.0, float(f(np.array([kink]))[0]))


def _is_clipped(f: Bent) -> bool:
    """Whether it is level on both sides of two kinks."""
    return len(f.kinks) == 2 and f.slope == 0 and abs(sum(f.changes)) <= 1e-15 * abs(f.changes[0])


def _clipped(f: Bent) -> _Term:
    low, high = f.kinks
    half, middle = (high - low) / 2, (high + low) / 2
    return _Term(((f.changes[0] * half, 1 / half, -middle / half),), 0.0, f.constant + f.changes[0] * half)
