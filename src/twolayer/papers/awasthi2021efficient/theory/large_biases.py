r"""Units that their bias has made linear or dead, and affine parts written as two units (Claim D.14)."""

from dataclasses import dataclass, replace

import numpy as np
import scipy  # its parts are imported on first use
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import real_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.one_line import in_one_line

__all__ = ["BiasSplit", "affine_error", "consolidated", "split_by_bias"]

_SAME_HYPERPLANE = 1e-12  # of cosines and of unit vectors: rounding


def affine_error(b: ArrayLike) -> NDArray:
    r"""Error e(b) of a line, or of zero, in place of :math:`\sigma(g + b)`, σ = relu and g ~ N(0, 1).

    .. math:: e(b)^2 = \mathbb E[(\sigma(g+b) - [b > 0](g + b))^2] = (1 + b^2)\,\Phi(-|b|) - |b|\,\varphi(b).

    Parameters
    ----------
    b : array

    Returns
    -------
    array of the shape of b
        0.71, 0.076, 0.0141 and 1.8e-3 at |b| = 0, 2, 3, 4; about :math:`(2\varphi(b)/|b|^3)^{1/2}` further out.

    Notes
    -----
    Relative error about 1e-16 (1 + b⁴).
    """
    size = np.abs(np.asarray(b, dtype=float))
    density = np.exp(-size * size / 2) / np.sqrt(2 * np.pi)
    mills = np.sqrt(np.pi / 2) * scipy.special.erfcx(size / np.sqrt(2))  # Φ(-|b|)/φ(b)
    return np.asarray(np.sqrt(density * np.maximum((1 + size * size) * mills - size, 0.0)))


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class BiasSplit:
    """A network, unit by unit: which are bent where the inputs are, and what stands for the others.

    Attributes
    ----------
    kinds : tuple of str
        "bent" (the paper's G), or of its P, "linear" (b far above 0, or a slope on the left too) and "dead".
    errors : array, shape (m,)
        Root mean square error, over standard Gaussian inputs, of the half-line that is the unit on the side of its
        bias, in place of the unit. Exact for each unit by itself, bent ones included.
    network : TwoLayerNetwork
        The bent units, and the others as an affine part.
    error_bound : float
        Sum of the errors of the others: at least the root mean square error of `network` as a whole.
    """

    kinds: tuple[str, ...]
    errors: NDArray
    network: TwoLayerNetwork
    error_bound: float


def split_by_bias(network: TwoLayerNetwork, tau: float) -> BiasSplit:
    r"""Replace every unit with :math:`|b_i| > \tau\,\|w_i\|` by the affine function that it nearly is.

    For :math:`\sigma(t) = s_- t + (s_+ - s_-)\,\mathrm{relu}(t)`, the error of unit i is exactly
    :math:`|a_i (s_+ - s_-)|\,\|w_i\|\,e(b_i/\|w_i\|)`, e from `affine_error`.

    Parameters
    ----------
    network : TwoLayerNetwork
        Of an activation with a kink at 0 and straight elsewhere: relu, leaky_relu, abs.
    tau : float
        At least 0; `thresholds` gives the one of a target error.

    Returns
    -------
    BiasSplit

    Raises
    ------
    InputError
        If the activation is another, a unit is zero, or `tau` is negative.

    References
    ----------
    .. [1] awasthi2021efficient, section 5, (i) and (iv)
    """
    tau, sigma = real_number(tau, "tau", least=0.0), network.activation
    if sigma.degree != 1 or sigma.kinks != (0.0,):
        raise InputError(f"a large bias makes a unit linear for relu, leaky_relu and abs, found {sigma.name}")
    norms = np.linalg.norm(network.W, axis=1)
    if not norms.all():
        raise InputError("a unit without input weights is a constant: found one")
    right, left = float(sigma(1.0)), -float(sigma(-1.0))
    heights = network.b / norms
    errors = np.abs(network.a * (right - left)) * norms * affine_error(heights)
    is_far = np.abs(heights) > tau
    slopes = np.where(heights > 0, right, left)
    kinds = np.where(is_far, np.where(slopes == 0, "dead", "linear"), "bent").tolist()
    amounts = (network.a * slopes)[is_far]
    line = Polynomial.ridge_sum((0.0, 1.0), amounts, network.W[is_far], network.b[is_far])
    kept = replace(network, a=network.a[~is_far], W=network.W[~is_far], b=network.b[~is_far])
    if amounts.any():
        kept = replace(kept, polynomial=line if network.polynomial is None else network.polynomial + line)
    return BiasSplit(tuple(kinds), errors, kept, float(errors[is_far].sum()))


def consolidated(network: TwoLayerNetwork) -> TwoLayerNetwork:
    r"""Write an affine part as two more units, and units that share a hyperplane as one: at most m + 2 units, no more.

    From :math:`\sigma(-t) = \sigma(t) + p_1 t`, an affine L is :math:`(\sigma(-L) - \sigma(L))/p_1`, for relu
    :math:`\sigma(L) - \sigma(-L)`; and :math:`a\,\sigma(t) + a'\,\sigma(-t) = (a + a')\,\sigma(t) + a' p_1 t`, so that
    what units with opposite (w, b) leave behind is affine too.

    Parameters
    ----------
    network : TwoLayerNetwork
        Without quadratic part. Units are merged where σ is homogeneous, if their (w, b) are parallel to 1e-12.

    Returns
    -------
    TwoLayerNetwork
        The same function, without polynomial part.

    Raises
    ------
    InputError
        If the network has a quadratic part, or a line is no combination of σ(t) and σ(-t).

    References
    ----------
    .. [1] awasthi2021efficient, Claim D.14 (footnotes 3 and 4)
    """
    law = network.activation.reflection
    p = (*law.polynomial, 0.0, 0.0)
    if law.sign != 1 or len(law.polynomial) != 2 or p[0] != 0:
        raise InputError(f"with {network.activation.name} units, an affine function is not the sum of two units")
    if network.polynomial is not None and network.polynomial.quadratic is not None:
        raise InputError("an affine part can be written as two units, a quadratic one cannot")
    merged = _one_unit_per_hyperplane(network) if network.activation.degree == 1 else network
    affine = merged.polynomial
    if affine is None:
        return merged
    u = np.zeros(network.dim) if affine.linear is None else affine.linear
    row = np.append(u, affine.constant)
    if not row.any():
        return replace(merged, polynomial=None)
    return TwoLayerNetwork(
        np.concatenate([merged.a, [-1 / p[1], 1 / p[1]]]),
        np.vstack([merged.W, u, -u]),
        np.concatenate([merged.b, [affine.constant, -affine.constant]]),
        network.activation,
    )


def _one_unit_per_hyperplane(network: TwoLayerNetwork) -> TwoLayerNetwork:
    """Merge the units of each hyperplane; what turning round leaves goes to the polynomial part."""
    rows = np.column_stack([network.W, network.b])
    sizes = np.linalg.norm(rows, axis=1)
    units = rows / np.where(sizes > 0, sizes, 1.0)[:, None]
    first, turned = np.arange(len(rows)), np.zeros(len(rows), dtype=bool)
    for i, unit in enumerate(units):
        same = np.flatnonzero(np.abs(np.abs(units[:i] @ unit) - 1) <= _SAME_HYPERPLANE)
        near = [j for j in same if first[j] == j and _is_parallel(units[j], unit)]
        if near:
            first[i], turned[i] = near[0], bool(units[near[0]] @ unit < 0)
    network = network.reflected(turned)
    weights = np.zeros(len(rows))
    np.add.at(weights, first, network.a * sizes / np.where(sizes[first] > 0, sizes[first], 1.0))
    kept = (first == np.arange(len(rows))) & (weights != 0)
    return replace(network, a=weights[kept], W=network.W[kept], b=network.b[kept])


def _is_parallel(u: NDArray, v: NDArray) -> bool:
    return bool(min(np.linalg.norm(u - v), np.linalg.norm(u + v)) <= _SAME_HYPERPLANE)
