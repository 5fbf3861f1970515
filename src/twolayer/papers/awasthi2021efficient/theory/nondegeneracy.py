r"""How far the units are from the cases that the algorithms exclude: Khatri-Rao powers, and the paper's thresholds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import frozen_array, real_number, whole_number
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.papers.awasthi2021efficient.theory.coefficients import least_separation
from twolayer.papers.awasthi2021efficient.theory.large_biases import affine_error
from twolayer.symtensor import multiplicities, packed_power, packed_size

__all__ = [
    "Thresholds",
    "khatri_rao_singular_values",
    "least_level",
    "scaled_powers",
    "thresholds",
    "weight_bound",
]

_INDEPENDENT = 1e-10  # of the largest singular value: what is below is rounding of a Khatri-Rao power


def scaled_powers(W: ArrayLike, order: int) -> NDArray:
    r"""Powers :math:`w_i^{\otimes ℓ}` as rows of length :math:`\binom{d+ℓ-1}{ℓ}`, inner products kept.

    The distinct entries times the root of their multiplicity: shape (m, packed_size), singular values those of the
    :math:`d^ℓ \times m` Khatri-Rao power.
    """
    W = np.asarray(W)
    return packed_power(W, order) * np.sqrt(multiplicities(W.shape[1], order))


def khatri_rao_singular_values(W: ArrayLike, order: int) -> NDArray:
    r"""Singular values of the Khatri-Rao power :math:`W^{\odot ℓ}` of the normalised rows, the largest first.

    The last is the :math:`s_m(W^{\odot ℓ})` that Theorem 3.2 needs away from zero; :math:`s_m(W)` of Theorem 3.1 is the
    case ℓ = 1. It grows with ℓ: its square is the least eigenvalue of the ℓ-th entrywise power of the Gram matrix.

    Parameters
    ----------
    W : array, shape (m, d)
        Rows that are not zero.
    order : int
        The ℓ, at least 1.

    Returns
    -------
    array, shape (m,)
        Zeros at the end where :math:`m > \binom{d+ℓ-1}{ℓ}`.

    Raises
    ------
    InputError
        If W is not a finite matrix or a row is zero.
    """
    W, order = _unit_rows(W), whole_number(order, "order")
    values = np.linalg.svd(scaled_powers(W, order), compute_uv=False)
    return np.pad(values, (0, len(W) - len(values)))


def least_level(W: ArrayLike) -> int:
    r"""Smallest ℓ for which the :math:`w_i^{\otimes ℓ}` are independent, the level that the algorithm has to work at.

    1 for independent units, 2 for generic m up to d(d+1)/2. It is at most m - 1 if no two units are parallel, as the
    Kruskal rank grows by at least one a power [1]_.

    Parameters
    ----------
    W : array, shape (m, d)

    Returns
    -------
    int

    Raises
    ------
    InputError
        If two units are parallel, or to rounding; or as `khatri_rao_singular_values`.

    Notes
    -----
    Independent means a least singular value above 1e-10 of the largest. The powers are taken in the span of the units.

    References
    ----------
    .. [1] awasthi2021efficient, Fact 4.7 and the proof of Theorem 3.4
    """
    W = _unit_rows(W)
    left, values, _ = np.linalg.svd(W, full_matrices=False)
    rank = int(np.sum(values > _INDEPENDENT * values[0])) if len(W) else 0
    inside = left[:, :rank] * values[:rank]
    for level in range(1, max(len(W), 2)):
        if packed_size(rank, level) >= len(W):
            singular = khatri_rao_singular_values(inside, level)
            if not len(W) or singular[-1] > _INDEPENDENT * singular[0]:
                return level
    raise InputError("two units are parallel, so that no power of them is independent")


def weight_bound(network: TwoLayerNetwork) -> float:
    r"""The B of the paper: :math:`\max(1, \|a\|_\infty, \|b\|_\infty, 1/\min|a_i|)`, for rows of norm one.

    Raises
    ------
    InputError
        If an output weight is zero.
    """
    sizes = np.abs(network.a)
    if not sizes.all():
        raise InputError("the paper's networks have no output weight of zero")
    return float(max(1.0, sizes.max(initial=0), np.abs(network.b).max(initial=0), (1 / sizes).max(initial=0)))


@dataclass(frozen=True)
class Thresholds:
    r"""Where the robust algorithm draws its lines for a target error ε.

    Attributes
    ----------
    epsilon : float
    bound : float
        The B.
    tau : float
        Units with |b_i| > τ are left to the affine part: the least τ with :math:`m B\,e(\tau) \le ε`, e the error of a
        line in place of a unit (`affine_error`). The paper has :math:`c\sqrt{\log(1/(ε\,mdB))}`, in which more and
        larger units would lower τ, though they raise the error; what its proof needs grows as
        :math:`2\sqrt{\log(mB/ε)}`, as this one does.
    eta : float
        Half of what Lemma 4.3 leaves to any unit of |b_i| ≤ τ in one of the two orders, :math:`\eta_1 = \tfrac12
        \min_i|a_i|\,\varphi(\tau)\,s_{2ℓ-1}`, s the `least_separation`. The tensors must be known better than that.
    """

    epsilon: float
    bound: float
    tau: float
    eta: float


def thresholds(network: TwoLayerNetwork, epsilon: float, ell: int = 1) -> Thresholds:
    """The paper's thresholds for a network and a target error.

    Parameters
    ----------
    network : TwoLayerNetwork
        ReLU, rows of norm one.
    epsilon : float
        Target root mean square error, above 0.
    ell : int
        The ℓ.

    Returns
    -------
    Thresholds

    Raises
    ------
    InputError
        If `epsilon` is not above 0, `ell` below 1, or an output weight is zero.

    References
    ----------
    .. [1] awasthi2021efficient, section 5, (i) to (iii)
    """
    epsilon = real_number(epsilon, "epsilon", least=float(np.finfo(float).tiny))
    bound = weight_bound(network)
    allowed = epsilon / (max(network.width, 1) * bound)
    tau = _least_bias(allowed)
    density = np.exp(-tau * tau / 2) / np.sqrt(2 * np.pi)
    smallest = float(np.abs(network.a).min(initial=1.0))
    eta = smallest * density * least_separation(2 * whole_number(ell, "ell") - 1) / 2
    return Thresholds(epsilon, bound, tau, float(eta))


def _least_bias(allowed: float) -> float:
    """The least bias at which a line in place of a unit errs by no more than `allowed`."""
    largest = 38.0  # beyond 38 the density underflows
    if affine_error(0.0) <= allowed:
        return 0.0
    if affine_error(largest) >= allowed:
        return largest
    from scipy.optimize import brentq  # slow to import, and tables of this paper are listed without it

    return float(brentq(lambda b: np.log(affine_error(b) / allowed), 0.0, largest, xtol=1e-12))


def _unit_rows(W: ArrayLike) -> NDArray:
    W = frozen_array(W, "W", 2)
    norms = np.linalg.norm(W, axis=1, keepdims=True)
    if not norms.all():
        raise InputError(f"no row of W may be zero, found one at index {int(np.flatnonzero(norms == 0)[0])}")
    return W / norms
