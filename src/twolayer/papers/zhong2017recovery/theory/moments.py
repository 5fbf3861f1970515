r"""Moments of a network under Gaussian inputs, in closed form (section 5.1)."""

from dataclasses import dataclass
from math import factorial

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation import Activation, activation
from twolayer.arrays import frozen_array, whole_number
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.zhong2017recovery.theory.activations import Property

__all__ = ["P2", "P3", "Assumption", "assumption", "gamma", "moment", "moment_orders", "unit_moments"]

_ORDERS = range(1, 5)  # of the moments of the paper
_ROUNDING = 1e-12  # of the largest moment: what is below is zero


@dataclass(frozen=True)
class Assumption:
    """The four conditions of Assumption 5.3, under which tensor methods find the units.

    Attributes
    ----------
    shared : Property
        1. Where M_j is not zero, no unit's m_j is.
    order : Property
        2. M_3 or M_4 is not zero.
    even : Property
        3. If M_1 = M_3 = 0 then σ is even.
    odd : Property
        4. If M_2 = M_4 = 0 then σ is odd.
    """

    shared: Property
    order: Property
    even: Property
    odd: Property

    @property
    def holds(self) -> bool:
        """Whether all four do."""
        return self.shared.holds and self.order.holds and self.even.holds and self.odd.holds


def gamma(sigma: str | Activation, j: int, scale: ArrayLike) -> NDArray:
    r"""Raw moments :math:`\gamma_j(s) = \mathbb E_{z \sim N(0,1)}[\sigma(sz)\,z^j]`.

    From the Hermite coefficients :math:`c_l` of :math:`\sigma(s\,\cdot)`, as
    :math:`z^j = \sum_l \frac{j!}{2^l\,l!\,(j-2l)!}\,He_{j-2l}(z)`.

    Parameters
    ----------
    sigma : str or Activation
        The activation.
    j : int
        The power, at least 0; the paper uses 0 to 4.
    scale : float or array
        The s ≥ 0: a norm of weights.

    Returns
    -------
    array of the shape of `scale`

    Raises
    ------
    InputError
        If j is not an integer of at least 0, or a scale is negative or not finite.

    References
    ----------
    .. [1] zhong2017recovery, Definition 5.1
    """
    j = whole_number(j, "j", least=0)
    coefficients = activation(sigma).hermite_coefficients(j, scale)
    powers = (
        (lower, factorial(j) // (2**lower * factorial(lower) * factorial(j - 2 * lower))) for lower in range(j // 2 + 1)
    )
    return np.sum([factor * coefficients[j - 2 * lower] for lower, factor in powers], axis=0)


def unit_moments(network: TwoLayerNetwork, j: int) -> NDArray:
    r"""What each unit gives to :math:`M_j`, up to its output weight.

    .. math:: m_{j,i} = \mathbb E_{z}[\sigma(\|w_i\| z + b_i)\,He_j(z)], \qquad
        M_j = \mathbb E[y\,He_j(x)] = \sum_i v_i\, m_{j,i}\, \bar w_i^{\otimes j}.

    Without biases :math:`m_1 = \gamma_1`, :math:`m_2 = \gamma_2 - \gamma_0`, :math:`m_3 = \gamma_3 - 3\gamma_1`,
    :math:`m_4 = \gamma_4 - 6\gamma_2 + 3\gamma_0` at :math:`\|w_i\|` [1]_; biases are this library's extension.

    Parameters
    ----------
    network : TwoLayerNetwork
        Without polynomial part.
    j : int
        The order, at least 0.

    Returns
    -------
    array, shape (m,)

    Raises
    ------
    InputError
        If `j` is no order or the network has a polynomial part.

    References
    ----------
    .. [1] zhong2017recovery, Definition 5.1 and Claim 5.2
    """
    j = whole_number(j, "j", least=0)
    if network.polynomial is not None:
        raise InputError("the moments of a network are those of its units, but this one has a polynomial part")
    norms = np.linalg.norm(network.W, axis=1)
    return network.activation.hermite_coefficients(j, norms, network.b)[j]


def moment(network: TwoLayerNetwork, j: int) -> NDArray:
    r"""Moment tensor :math:`M_j = \sum_i v_i m_{j,i} \bar w_i^{\otimes j}`, dense.

    It equals :math:`\mathbb E[y\,He_j(x)]`; of order 4, with the paper's six placements in :math:`\tilde\otimes`,

    .. math:: M_4 = \mathbb E[y\,(x^{\otimes 4} - (x \otimes x)\tilde\otimes I + \tfrac12\, I \tilde\otimes I)].

    The ½ is missing in the paper's text: there :math:`I\tilde\otimes I` counts each of the three pairings twice, and
    its own :math:`m_4 = \gamma_4 - 6\gamma_2 + 3\gamma_0` needs each once.

    Parameters
    ----------
    network : TwoLayerNetwork
        Without polynomial part.
    j : int
        The order, at least 1; the paper uses 1 to 4.

    Returns
    -------
    array, shape (d,) * j

    Raises
    ------
    InputError
        As `unit_moments`, and for j = 0.

    Notes
    -----
    Time and memory O(m d^j).

    References
    ----------
    .. [1] zhong2017recovery, Claim 5.2
    """
    j = whole_number(j, "j")
    return _tensor(network.a * unit_moments(network, j), _directions(network), j)


def moment_orders(network: TwoLayerNetwork) -> tuple[int, int]:
    r"""Orders :math:`j_2 = \min\{j \ge 2 : M_j \ne 0\}` and :math:`j_3 = \min\{j \ge 3 : M_j \ne 0\}`.

    They choose :math:`P_2` and :math:`P_3`: of ReLU (2, 4), of squared ReLU (2, 3), of tanh (3, 3).

    Parameters
    ----------
    network : TwoLayerNetwork
        Without polynomial part.

    Returns
    -------
    int, int

    Raises
    ------
    InputError
        If M_3 = M_4 = 0, so that there is no P_3 (condition 2 of Assumption 5.3).

    References
    ----------
    .. [1] zhong2017recovery, Definition 5.4
    """
    present = {j for j in (2, 3, 4) if not _vanishes(network, j)}
    if not present & {3, 4}:
        raise InputError(f"M_3 and M_4 of this {network.activation} network vanish, so that P_3 is not defined")
    return min(present), min(present - {2})


def P2(network: TwoLayerNetwork, alpha: ArrayLike) -> NDArray:  # noqa: N802
    r"""Matrix :math:`P_2 = \sum_i v_i m_{j_2,i} (\alpha\cdot\bar w_i)^{j_2-2} \bar w_i^{\otimes 2}`.

    That is :math:`M_{j_2}(I, I, \alpha, \dots, \alpha)`, with `moment_orders`.

    Parameters
    ----------
    network : TwoLayerNetwork
        Without polynomial part.
    alpha : array, shape (d,)
        The direction contracted with; at random, so that it is orthogonal to no unit.

    Returns
    -------
    array, shape (d, d)

    References
    ----------
    .. [1] zhong2017recovery, Claim 5.5
    """
    return _contracted(network, moment_orders(network)[0], 2, alpha)


def P3(network: TwoLayerNetwork, alpha: ArrayLike) -> NDArray:  # noqa: N802
    r"""Tensor :math:`P_3 = \sum_i v_i m_{j_3,i} (\alpha\cdot\bar w_i)^{j_3-3} \bar w_i^{\otimes 3}`.

    That is :math:`M_{j_3}(I, I, I, \alpha, \dots, \alpha)`; parameters are those of `P2`.

    Returns
    -------
    array, shape (d, d, d)
    """
    return _contracted(network, moment_orders(network)[1], 3, alpha)


def assumption(network: TwoLayerNetwork) -> Assumption:
    r"""Decide Assumption 5.3 for a network, with evidence.

    Parameters
    ----------
    network : TwoLayerNetwork
        Without polynomial part.

    Returns
    -------
    Assumption

    Notes
    -----
    A number counts as zero if it is below 1e-12 of what it is a sum of (units that cancel: 1e-12 in the square). ReLU,
    leaky and squared ReLU satisfy all four; tanh and erf too; a sigmoid, taken literally, fails the fourth, as it is
    odd only after 1/2 is taken off.

    References
    ----------
    .. [1] zhong2017recovery, Assumption 5.3
    """
    zero = {j: _vanishes(network, j) for j in _ORDERS}
    gone = {j: np.flatnonzero(np.abs(unit_moments(network, j)) <= _floor(network, j)) for j in _ORDERS}
    broken = [j for j in _ORDERS if not zero[j] and len(gone[j])]
    present = ", ".join(f"M_{j}" for j in _ORDERS if not zero[j]) or "no moment"
    if broken:
        shared = Property(False, f"M_{broken[0]} ≠ 0, but m_{broken[0]} of unit {gone[broken[0]][0]} is 0")
    else:
        shared = Property(True, f"{present} ≠ 0, and so is every unit's share in them")
    order = Property(not (zero[3] and zero[4]), f"of M_1 to M_4, {present} ≠ 0")
    even = _symmetric(network, +1, zero[1] and zero[3], "M_1 = M_3 = 0")
    odd = _symmetric(network, -1, zero[2] and zero[4], "M_2 = M_4 = 0")
    return Assumption(shared, order, even, odd)


def _symmetric(network: TwoLayerNetwork, parity: int, is_asked: bool, premise: str) -> Property:
    """Condition 3 or 4."""
    kind = "even" if parity > 0 else "odd"
    if not is_asked:
        return Property(True, f"{premise} is not the case")
    holds = network.activation.parity == parity
    return Property(holds, f"{premise}, and {network.activation} is {'' if holds else 'not '}{kind}")


def _contracted(network: TwoLayerNetwork, order: int, modes: int, alpha: ArrayLike) -> NDArray:
    """M_order with all but `modes` modes contracted with alpha."""
    alpha = frozen_array(alpha, "alpha", 1)
    if len(alpha) != network.dim:
        raise InputError(f"alpha must have {network.dim} entries, found {len(alpha)}")
    directions = _directions(network)
    weights = network.a * unit_moments(network, order) * (directions @ alpha) ** (order - modes)
    return _tensor(weights, directions, modes)


def _tensor(weights: NDArray, directions: NDArray, order: int) -> NDArray:
    r"""Sum of weights_i directions_i^{⊗ order}."""
    tensor = weights
    for _ in range(order):
        tensor = tensor[..., None] * directions.reshape(len(directions), *[1] * (tensor.ndim - 1), -1)
    return tensor.sum(axis=0)


def _directions(network: TwoLayerNetwork) -> NDArray:
    """Unit rows; a zero row stays zero."""
    norms = np.linalg.norm(network.W, axis=1, keepdims=True)
    return network.W / np.where(norms > 0, norms, 1.0)


def _vanishes(network: TwoLayerNetwork, j: int) -> bool:
    """Whether M_j is zero: no unit has a share, or the shares cancel in ‖M_j‖², a form in the Gram matrix's powers."""
    weights, directions = network.a * unit_moments(network, j), _directions(network)
    if np.all(np.abs(weights) <= np.abs(network.a) * _floor(network, j)):
        return True
    powers = (directions @ directions.T) ** j
    return bool(weights @ powers @ weights <= _ROUNDING * (np.abs(weights) @ np.abs(powers) @ np.abs(weights)))


def _floor(network: TwoLayerNetwork, j: int) -> NDArray:
    """What counts as zero for m_{j,i}: rounding of its largest possible size, √(j! E[σ²])."""
    return _ROUNDING * np.sqrt(factorial(j)) * _root_mean_square(network)


def _root_mean_square(network: TwoLayerNetwork) -> NDArray:
    r"""√E[σ(‖w_i‖z + b_i)²] from below, by Bessel's inequality over orders 0 to 8."""
    norms = np.linalg.norm(network.W, axis=1)
    coefficients = network.activation.hermite_coefficients(8, norms, network.b)
    squares = [coefficients[j] ** 2 / factorial(j) for j in range(9)]
    return np.sqrt(np.sum(squares, axis=0))
