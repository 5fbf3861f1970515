"""The units of a difference of networks, each as one function along one direction."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twolayer.activation import Activation
from twolayer.network import Polynomial, TwoLayerNetwork

__all__ = ["Units", "difference"]

Vector = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Units:
    r"""A sum :math:`\sum_i \alpha_i\,\sigma_i(s_i\,\bar w_i\cdot x + b_i)` over unit directions.

    Attributes
    ----------
    weights, scales, shifts : arrays, shape (N,)
        The α, s ≥ 0 and b.
    directions : array, shape (N, d)
        The rows w̄, of norm one; zero where s is.
    activations : tuple of Activation
    kinds : array of int, shape (N,)
        Which of the activations is σ_i.
    """

    weights: Vector
    scales: Vector
    shifts: Vector
    directions: NDArray[np.float64]
    activations: tuple[Activation, ...]
    kinds: NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.weights)


def difference(f: TwoLayerNetwork, g: TwoLayerNetwork) -> tuple[Units, Polynomial]:
    """Units and polynomial part of f - g, equal units merged and those that cancel left out."""
    activations = tuple(dict.fromkeys((f.activation, g.activation)))
    first, second = _units(f, 1.0, activations), _units(g, -1.0, activations)
    columns = ("weights", "scales", "shifts", "directions", "kinds")
    both = {name: np.concatenate([getattr(first, name), getattr(second, name)]) for name in columns}
    parts = [network.polynomial or Polynomial() for network in (f, g)]
    return _merged(Units(activations=activations, **both)), parts[0] - parts[1]


def _units(network: TwoLayerNetwork, sign: float, activations: tuple[Activation, ...]) -> Units:
    """Units of one network; where σ is homogeneous, of scale one."""
    largest = np.abs(network.W).max(axis=1, initial=0.0)
    safe = np.where(largest > 0, largest, 1.0)
    lengths = np.linalg.norm(network.W / safe[:, None], axis=1)
    scales = largest * lengths
    # some machine epsilons of the largest
    scales[np.abs(scales - 1) <= 1e-15] = 1.0  # what is meant by unit norm, so that it is one scale
    directions = network.W / safe[:, None] / np.where(lengths > 0, lengths, 1.0)[:, None]
    weights, shifts = sign * network.a, network.b
    if network.activation.degree is not None:
        moves = scales > 0
        stretch = np.where(moves, scales, 1.0)
        weights, shifts, scales = weights * stretch**network.activation.degree, shifts / stretch, moves.astype(float)
    kinds = np.full(network.width, activations.index(network.activation))
    return Units(weights, scales, shifts, directions, activations, kinds)


def _merged(units: Units) -> Units:
    rows = np.column_stack([units.kinds, units.scales, units.shifts, units.directions])
    _, first, group = np.unique(rows, axis=0, return_index=True, return_inverse=True)
    weights = np.bincount(group.ravel(), units.weights, minlength=len(first))
    kept = np.sort(first[weights != 0])
    return replace(
        units,
        weights=weights[group.ravel()[kept]],
        **{name: getattr(units, name)[kept] for name in ("scales", "shifts", "directions", "kinds")},
    )
