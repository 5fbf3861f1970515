"""Match the units of one network to those of another, and measure how far apart they are."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from twolayer.arrays import real_array
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.hermite import gauss_hermite
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.one_line import in_one_line

__all__ = ["Alignment", "align", "nearest_neighbour_error", "recovery_error"]

Errors = NDArray[np.float64]

# Relative errors are cut here for the assignment, which needs finite costs: whatever is a thousand times off is wrong.
_FAR = 1e3


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Alignment:
    """How the units of a network correspond to those of a reference with m units.

    Attributes
    ----------
    permutation : array of int, shape (m,)
        For each unit of the reference the unit of the network matched to it, -1 where there is none.
    signs : array of int, shape (m,)
        -1 where that unit was turned round, (w, b) → (-w, -b), else +1.
    network : TwoLayerNetwork
        The network, the same function, with its units turned, in the order of the reference and, for a homogeneous σ,
        on the reference's scale |a|; units matched to none come last.
    unit_errors : array, shape (m,)
        Relative error of each unit of the reference, infinite where none is matched to it.
    max_relative_error : float
        The largest of them, 0 if there are none.
    signs_equal : bool
        Whether every matched pair has output weights of the same sign.
    polynomial_error : float
        Error of the polynomial part of `network`: its root mean square over standard Gaussian inputs, relative to that
        of the reference's units and polynomial part (added in squares), or to 1e-6 of what the units reach elsewhere.
    unmatched : array of int
        Units of the network matched to none.
    """

    permutation: NDArray[np.intp]
    signs: NDArray[np.int_]
    network: TwoLayerNetwork
    unit_errors: Errors
    max_relative_error: float
    signs_equal: bool
    polynomial_error: float
    unmatched: NDArray[np.intp]


def align(network: TwoLayerNetwork, reference: TwoLayerNetwork) -> Alignment:
    r"""Match the units of `network` to those of `reference`.

    A unit is (a, w, b) up to what the function does not see: the order of the units; for σ homogeneous, the scale,
    which is spent so that |a| = 1; and the reflection (w, b) → (-w, -b), where σ(-t) = s σ(t) + p(t) with p = 0 (even
    and odd σ), or where a polynomial part of the network or of the reference has the degree to absorb p. The relative
    error of a pair is

    .. math:: \frac{\|(w, b) - (\hat w, \hat b)\|}{\|(w, b)\|},
       \quad\text{and for other than homogeneous σ}\quad
       \max\Bigl(\frac{\|(w, b) - (\hat w, \hat b)\|}{\|(w, b)\|}, \frac{|a - \hat a|}{|a|}\Bigr).

    With several outputs, |a| is the length of the vector of output weights, whose direction counts for homogeneous σ
    too, and two of them "differ in sign" where their inner product is not positive.

    Among all matchings with the fewest pairs whose output weights differ in sign, the one with the least sum of errors
    is taken.

    Parameters
    ----------
    network, reference : TwoLayerNetwork
        Of the same activation and number of inputs. Their widths may differ.

    Returns
    -------
    Alignment

    Raises
    ------
    InputError
        If the activations or the numbers of inputs or outputs differ.

    Notes
    -----
    Time O(m² d + m³), memory O(m²), with m the larger width. The measure of zhong2017recovery (section 7) takes the
    least *maximum* over matchings instead of the least sum: the same matching as soon as each unit is closer to its
    partner than half its distance to the next.
    """
    from scipy.optimize import linear_sum_assignment  # takes a tenth of a second, and a recovery needs none

    if network.activation != reference.activation:
        raise InputError(
            f"networks to compare must have one activation, found {network.activation.name} and"
            f" {reference.activation.name}"
        )
    if network.dim != reference.dim:
        raise InputError(f"networks to compare must have the same inputs, found {network.dim} and {reference.dim}")
    if network.n_outputs != reference.n_outputs:
        raise InputError(
            f"networks to compare must have the same outputs, found {network.n_outputs} and {reference.n_outputs}"
        )
    errors, turned, clashes = _pair_errors(network.balanced(), reference.balanced(), _may_turn(network, reference))
    rows, columns = linear_sum_assignment(np.minimum(errors, _FAR) + 2 * _FAR * (1 + min(errors.shape)) * clashes)

    permutation = np.full(reference.width, -1)
    permutation[rows] = columns
    signs = np.ones(reference.width, dtype=int)
    signs[rows] = np.where(turned[rows, columns], -1, 1)
    unit_errors = np.full(reference.width, np.inf)
    unit_errors[rows] = errors[rows, columns]
    unmatched = np.setdiff1d(np.arange(network.width), columns)

    aligned = _arranged(network, reference, permutation, signs, unmatched)
    return Alignment(
        permutation=permutation,
        signs=signs,
        network=aligned,
        unit_errors=unit_errors,
        max_relative_error=float(unit_errors.max(initial=0.0)),
        signs_equal=not clashes[rows, columns].any(),
        polynomial_error=_polynomial_error(aligned, reference),
        unmatched=unmatched,
    )


def recovery_error(network: TwoLayerNetwork, reference: TwoLayerNetwork) -> float:
    r"""How far `network` is from being `reference` in other words.

    .. math:: \max_j \frac{\|w_j - \hat w_{\pi(j)}\|}{\|w_j\|}

    for the matching π of `align`, with the biases stacked to the weights and the output weights counted as there;
    infinite if the widths differ or a matched pair differs in the sign of its output weight. A network is *recovered*
    in the experiments of [1]_ if this is at most 0.01. Where a network has a polynomial part, its error counts too.

    Parameters
    ----------
    network, reference : TwoLayerNetwork

    Returns
    -------
    float

    Raises
    ------
    InputError
        If the activations or the numbers of inputs or outputs differ.

    References
    ----------
    .. [1] zhong2017recovery, section 7
    """
    alignment = align(network, reference)
    if network.width != reference.width or not alignment.signs_equal:
        return float("inf")
    return max(alignment.max_relative_error, alignment.polynomial_error)


def nearest_neighbour_error(What: ArrayLike, W: ArrayLike) -> float:
    r"""Symmetric nearest-neighbour error of estimated weights.

    .. math:: \frac1{2r}\sum_i \min_j \|\hat w_i - w_j\|^2 + \frac1{2r}\sum_i \min_j \|\hat w_j - w_i\|^2,

    as in section 6 of [1]_; where the numbers of rows differ, each mean is over its own rows. It asks for no one-to-one
    matching, so that it stays meaningful where many units are near one another or missing.

    Parameters
    ----------
    What : array, shape (R, d)
        Estimated weights, one row per unit.
    W : array, shape (r, d)
        True weights.

    Returns
    -------
    float

    Raises
    ------
    InputError
        If one of them is empty or not two-dimensional, or the numbers of columns differ.

    References
    ----------
    .. [1] mondelli2019connection, section 6
    """
    What, W = real_array(What, "What", 2), real_array(W, "W", 2)
    if What.shape[1] != W.shape[1] or not len(What) or not len(W):
        raise InputError(f"What and W must have rows and the same columns, found shapes {What.shape} and {W.shape}")
    squares = cdist(What, W, "sqeuclidean")
    return float(squares.min(axis=1).mean() + squares.min(axis=0).mean()) / 2


def _may_turn(network: TwoLayerNetwork, reference: TwoLayerNetwork) -> bool:
    """Whether (w, b) → (-w, -b) leaves the function free to be the same."""
    p = np.trim_zeros(np.asarray(network.activation.reflection.polynomial, dtype=float), "b")
    if network.activation.reflection.sign == 0:
        return False
    degrees = [part.degree for part in (network.polynomial, reference.polynomial) if part is not None]
    return len(p) - 1 <= max(degrees, default=-1)


def _pair_errors(
    network: TwoLayerNetwork, reference: TwoLayerNetwork, may_turn: bool
) -> tuple[Errors, NDArray[np.bool_], NDArray[np.bool_]]:
    """Compare every unit of the reference (rows) with every unit of the network (columns).

    Returns the relative errors, whether to turn the network's unit round, and whether the signs of a then differ.
    """
    errors, clashes = _errors_as_they_are(network, reference)
    turned = np.zeros(errors.shape, dtype=bool)
    if may_turn and errors.size:
        a = network.activation.reflection.sign * network.a
        mirror = TwoLayerNetwork(a, -network.W, -network.b, network.activation)
        turned_errors, turned_clashes = _errors_as_they_are(mirror, reference)
        turned = (turned_clashes < clashes) | ((turned_clashes == clashes) & (turned_errors < errors))
        errors, clashes = np.where(turned, turned_errors, errors), np.where(turned, turned_clashes, clashes)
    return errors, turned, clashes


def _errors_as_they_are(network: TwoLayerNetwork, reference: TwoLayerNetwork) -> tuple[Errors, NDArray[np.bool_]]:
    units, truth = _on_one_scale(*(np.column_stack([one.W, one.b]) for one in (network, reference)))
    errors = _relative(cdist(truth, units), np.linalg.norm(truth, axis=1))
    a, true_a = _on_one_scale(network.A, reference.A)
    if not reference.activation.degree or reference.n_outputs > 1:
        errors = np.maximum(errors, _relative(cdist(true_a, a), np.linalg.norm(true_a, axis=1)))
    if reference.n_outputs == 1:
        return errors, np.sign(reference.a)[:, None] != np.sign(network.a)
    return errors, true_a @ a.T <= 0


def _on_one_scale(first: Errors, second: Errors) -> tuple[Errors, Errors]:
    """Both divided by a power of two near the largest magnitude, so that squares neither overflow nor underflow."""
    largest = max(np.abs(first).max(initial=0.0), np.abs(second).max(initial=0.0))
    exponent = -int(np.frexp(largest)[1])
    return np.ldexp(first, exponent), np.ldexp(second, exponent)


def _relative(distances: Errors, sizes: Errors) -> Errors:
    """Distances from each row's truth over its size; a zero truth is met exactly or missed infinitely."""
    missed = np.where(distances > 0, np.inf, 0.0)
    return np.divide(distances, sizes[:, None], out=missed, where=sizes[:, None] > 0)


def _arranged(
    network: TwoLayerNetwork,
    reference: TwoLayerNetwork,
    permutation: NDArray[np.intp],
    signs: NDArray[np.int_],
    unmatched: NDArray[np.intp],
) -> TwoLayerNetwork:
    """The network with its units turned, in the reference's order, on the reference's scale and in its phases."""
    matched = permutation >= 0
    turned = network.balanced().reflected(permutation[matched & (signs < 0)])
    order = np.concatenate([permutation[matched], unmatched])
    a, W, b = turned.a[order], turned.W[order], turned.b[order]
    if network.activation.degree:
        scale = np.ones(len(order))
        sizes = np.linalg.norm(reference.A[matched], axis=1)
        scale[: len(sizes)] = np.where(sizes > 0, sizes, 1.0)
        root = scale ** (1.0 / network.activation.degree)
        a, W, b = (a.T * scale).T, W / root[:, None], b / root
    if network.activation.antiperiod:
        count = int(matched.sum())
        turns = np.round((reference.b[matched] - b[:count]) / network.activation.antiperiod)
        b[:count] += network.activation.antiperiod * turns
        a[:count] = (a[:count].T * np.where(turns % 2, -1.0, 1.0)).T
    return TwoLayerNetwork(a, W, b, network.activation, turned.polynomial)


def _polynomial_error(network: TwoLayerNetwork, reference: TwoLayerNetwork) -> float:
    ours, theirs = (Polynomial() if one.polynomial is None else one.polynomial for one in (network, reference))
    difference = (ours - theirs).gaussian_norm()
    if difference == 0.0:
        return 0.0
    nodes, weights = gauss_hermite(40)
    t = np.linalg.norm(reference.W, axis=1)[:, None] * nodes + reference.b[:, None]
    means = reference.activation(t) ** 2 @ weights
    size = np.sqrt(theirs.gaussian_norm() ** 2 + np.sum(reference.A**2, axis=1) @ means)
    reach = np.hypot(np.linalg.norm(reference.W, axis=1), reference.b)  # of units that see nothing of such inputs
    largest = np.maximum(np.abs(reference.activation(reach)), np.abs(reference.activation(-reach)))
    # where all units are nearly zero on Gaussian inputs, a millionth of what they reach elsewhere is no error
    size = float(max(size, 1e-6 * np.linalg.norm(reference.A * largest[:, None])))
    return difference / size if size > 0 else float("inf")
