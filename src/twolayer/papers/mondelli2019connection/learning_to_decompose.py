r"""Theorem 4 of mondelli2019connection as a program: whoever learns networks decomposes tensors, and the reverse.

Let :math:`T^{(\ell)} = \sum_{i=1}^r w_i^{\otimes\ell}` with units of norm one. Two axes contracted with each other give
the tensor of the order below by two, :math:`\sum_c T^{(\ell)}_{cc\,\cdot} = T^{(\ell-2)}`, and so on down to the first
order or, for even ℓ, to :math:`T^{(0)} = r`. So for a polynomial :math:`\sigma(t) = \sum_j c_jt^j` the labels

.. math:: y(x) = \sum_{i=1}^r \sigma(w_i\cdot x) = \sum_j c_j\,\langle T^{(j)}, x^{\otimes j}\rangle

are known at every point x from :math:`T^{(\ell)}` alone, if σ has degree at most ℓ and the parity of ℓ, and from
:math:`T^{(\ell)}` and :math:`T^{(\ell+1)}` for every σ of degree at most ℓ + 1: `labels`. A learner that finds units
from labels then finds the components: `decompose_by_learning`. The labels are linear in the tensors, so that enough of
them, at any points in general position, determine the tensors again: `learn_by_decomposing`.

Learners and decomposers are arguments: ``learner(X, y, width, activation)`` returns a `TwoLayerNetwork`, and
``decomposer(tensors, width)`` the components as rows.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.activation import Activation
from twolayer.activation import activation as parse_activation
from twolayer.activation.polynomial import Polynomial
from twolayer.arrays import frozen_array, whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.one_line import in_one_line
from twolayer.papers.mondelli2019connection.theory import powers_of
from twolayer.symtensor import multiplicities, packed_power, packed_size, rank_one_sum, unpack

__all__ = ["Components", "Decomposer", "Learner", "decompose_by_learning", "labels", "learn_by_decomposing"]

Tensor = NDArray[np.float64]
Learner = Callable[[Tensor, Tensor, int, Activation], TwoLayerNetwork]
Decomposer = Callable[[tuple[Tensor, ...], int], ArrayLike]

_ASYMMETRY = 1e-8  # of the largest entry, as in `decompose`


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Components:
    r"""Components of tensors, and how well the tensors are their sum.

    Attributes
    ----------
    factors : array, shape (r, d)
        Unit rows. Their signs are those of the tensor of odd order; with none, the largest entry is positive.
    residual : float
        The largest :math:`\|T^{(\ell)} - \sum_i w_i^{\otimes\ell}\| / \|T^{(\ell)}\|` over the tensors given.
    """

    factors: Tensor
    residual: float


def labels(
    tensors: Sequence[ArrayLike], X: ArrayLike, activation: str | Activation | None = None, width: int = 0
) -> Tensor:
    r"""Labels :math:`y(x) = \sum_{i=1}^r \sigma(w_i\cdot x)` at any points, from tensors alone: Theorem 4.

    Parameters
    ----------
    tensors : sequence of one or two arrays, shapes (d,) * ℓ and (d,) * (ℓ + 1)
        :math:`T^{(\ell)}`, or :math:`T^{(\ell)}` and :math:`T^{(\ell+1)}`, of units of norm one; ℓ ≥ 3.
    X : array, shape (n, d)
        The points.
    activation : str or Activation, optional
        A polynomial: of degree at most ℓ and, but for its constant, the parity of ℓ where there is one tensor; of
        degree at most ℓ + 1 where there are two. By default the sum of the powers that are the orders of the tensors.
    width : int
        The r, which only a constant in σ beside a single tensor of odd order needs.

    Returns
    -------
    array, shape (n,)

    Raises
    ------
    InputError
        If the tensors are not symmetric, finite, of consecutive orders from 3 on and of one dimension, or σ is not a
        polynomial that they carry, or X has not d columns, or the width is needed and not given.

    Notes
    -----
    Time O(n d^ℓ) in blocks of rows. Exact but for rounding; no unit is ever formed.
    """
    tensors = _checked(tensors)
    powers = _carried(_activation(activation, tensors), tensors)
    X = frozen_array(X, "X", 2)
    d = tensors[0].shape[0]
    if X.shape[1] != d:
        raise InputError(f"X must have {d} columns, as the tensors have, found {X.shape[1]}")
    lower = {tensor.ndim: tensor for tensor in tensors}
    for order in range(max(lower), 1, -1):
        if order in lower:
            lower.setdefault(order - 2, np.asarray(np.trace(lower[order], axis1=0, axis2=1)))
    if powers[0] and 0 not in lower:
        lower[0] = np.array(float(whole_number(width, "width, which the constant of the activation needs,")))
    y = np.zeros(len(X))
    for order, power in enumerate(powers):
        if power:
            y += power * _form(lower[order], X)
    return y


def decompose_by_learning(
    tensors: Sequence[ArrayLike],
    width: int,
    learner: Learner,
    activation: str | Activation | None = None,
    n: int | None = None,
    rng: np.random.Generator | int | None = None,
) -> Components:
    r"""Decompose tensors with nothing but a learner of networks: Theorem 4, as a reduction.

    The learner is given Gaussian points and their `labels`, and its units are the components. If decomposing is hard,
    so is learning, whatever the learner and however many points it is given.

    Parameters
    ----------
    tensors, activation
        As in `labels`.
    width : int
        Number of components, the r.
    learner : callable
        ``learner(X, y, width, activation)`` returns a `TwoLayerNetwork`; what it raises is passed on.
    n : int, optional
        Number of points; by default ten for each entry of the weights.
    rng : numpy.random.Generator or int or None
        Of the points.

    Returns
    -------
    Components
        Whatever came of it: the residual says whether these are the components.

    Raises
    ------
    InputError
        As `labels`; and if the trace of a tensor of even order, which is the number of components of norm one, is not
        the width, or the learner returns no unit on d inputs.
    """
    tensors, width = _checked(tensors), whole_number(width, "width")
    for tensor in tensors:
        _check_trace(tensor, width)
    d, sigma = tensors[0].shape[0], _activation(activation, tensors)
    # ten rows a parameter: the learner is to be limited by its method, not by its sample
    n = 10 * width * d if n is None else whole_number(n, "n")
    X = np.random.default_rng(rng).standard_normal((n, d))
    network = learner(X, labels(tensors, X, sigma, width), width, sigma)
    return _components(network.W[network.W.any(axis=1)], tensors)


def learn_by_decomposing(
    X: ArrayLike, y: ArrayLike, width: int, decomposer: Decomposer, activation: str | Activation = "polynomial(0,0,0,1)"
) -> TwoLayerNetwork:
    r"""Learn a network with nothing but a decomposer of tensors: the reverse of Theorem 4.

    With ℓ the highest power of σ of either parity, :math:`y(x)` is linear in the distinct entries of
    :math:`T^{(\ell)}`, which least squares finds from any points in general position; the decomposer does the rest.

    Parameters
    ----------
    X, y : arrays, shapes (n, d) and (n,)
        Points of any distribution, and their labels.
    width : int
        Number of units.
    decomposer : callable
        ``decomposer(tensors, width)`` is given a tuple with :math:`T^{(\ell)}` for the highest even and the highest
        odd power of σ above zero, the higher order first, and returns the components as rows.
    activation : str or Activation
        A polynomial of degree at least 3.

    Returns
    -------
    TwoLayerNetwork
        Units of norm one with output weights 1.

    Raises
    ------
    InputError
        If σ is not a polynomial of degree at least 3, the shapes do not agree, there are fewer points than distinct
        entries (the number is named) or they are not in general position, or the decomposer returns no component, or
        the powers of its components of the highest odd order are linearly dependent, as any more than d are where that
        order is 1: then their signs do not follow.

    Notes
    -----
    Time O(n p²) for p distinct entries, :math:`\binom{d+\ell-1}{\ell}` for each order; noiseless labels are recovered
    to rounding times the condition of the least squares.
    """
    X, y, width = frozen_array(X, "X", 2), frozen_array(y, "y", 1), whole_number(width, "width")
    if len(X) != len(y):
        raise InputError(f"X and y must have as many rows, found {len(X)} and {len(y)}")
    sigma = parse_activation(activation)
    powers = powers_of(sigma)
    if len(powers) < 4:
        raise InputError(f"the activation must be a polynomial of degree at least 3, found {sigma.name}")
    d, top = X.shape[1], len(powers) - 1
    orders = [top, *[order for order in range(top - 1, 0, -2) if powers[order]][:1]]
    design = np.hstack([_design(X, powers, order) for order in orders])
    if len(X) < design.shape[1]:
        raise InputError(f"tensors of {design.shape[1]} distinct entries need as many points, found {len(X)}")
    has_constant = top % 2 == 1 and len(orders) == 1
    entries, _, rank, _ = np.linalg.lstsq(design, y - (powers[0] * width if has_constant else 0.0), rcond=None)
    if rank < design.shape[1]:
        raise InputError(f"the points must be in general position, found {rank} of {design.shape[1]} directions")
    pieces = np.split(entries, np.cumsum([packed_size(d, order) for order in orders])[:-1])
    tensors = tuple(unpack(piece, d, order) for piece, order in zip(pieces, orders, strict=True))
    factors = _components(np.asarray(decomposer(tensors, width), dtype=np.float64), tensors).factors
    _check_signs(factors, [order for order in orders if order % 2])
    return TwoLayerNetwork(np.ones(len(factors)), factors, activation=sigma)


def _components(rows: Tensor, tensors: Sequence[Tensor]) -> Components:
    """Unit rows with the signs that a tensor of odd order gives them."""
    d = tensors[0].shape[0]
    if rows.ndim != 2 or rows.shape[1] != d or len(rows) == 0:
        raise InputError(f"components must be rows of length {d}, at least one, found shape {rows.shape}")
    factors = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    odd = [tensor for tensor in tensors if tensor.ndim % 2]
    if odd:
        gram = (factors @ factors.T) ** odd[0].ndim
        signs = np.linalg.lstsq(gram, _form(odd[0], factors), rcond=None)[0]
    else:
        signs = factors[np.arange(len(factors)), np.abs(factors).argmax(axis=1)]
    factors = np.where(signs < 0, -1.0, 1.0)[:, None] * factors
    ones = np.ones(len(factors))
    residuals = [np.linalg.norm(T - rank_one_sum(ones, factors, T.ndim)) / np.linalg.norm(T) for T in tensors]
    return Components(factors, float(max(residuals)))


def _check_signs(factors: Tensor, odd_orders: Sequence[int]) -> None:
    for order in odd_orders:
        # of the sum of the eigenvalues of the Gram matrix: rounding
        rank = np.linalg.matrix_rank((factors @ factors.T) ** order, tol=1e-12 * len(factors), hermitian=True)
        if rank < len(factors):
            raise InputError(
                f"the signs of {len(factors)} components follow from the tensor of order {order} only if their powers"
                f" are linearly independent, found rank {rank}"
            )


def _form(tensor: Tensor, X: Tensor) -> Tensor:
    r"""Values :math:`\langle T, x^{\otimes j}\rangle` at the rows of X, in blocks of them."""
    d, y = X.shape[1], np.full(len(X), tensor.flat[0])
    # 2^21 entries, 16 MB, of a tensor at once
    size = max(1, (1 << 21) // d ** max(tensor.ndim - 1, 0))
    for start in range(0, len(X) if tensor.ndim else 0, size):
        block = X[start : start + size]
        value = block @ tensor.reshape(d, -1)
        for _ in range(tensor.ndim - 1):
            value = np.einsum("nc,ncr->nr", block, value.reshape(len(block), d, -1))
        y[start : start + size] = value[:, 0]
    return y


def _design(X: Tensor, powers: Sequence[float], order: int) -> Tensor:
    r"""What each distinct entry of :math:`T^{(\ell)}` adds to the labels, through each order that follows."""
    d = X.shape[1]
    descent = np.eye(packed_size(d, order))
    columns = np.zeros((len(X), packed_size(d, order)))
    for lower in range(order, -1, -2):
        if lower < order:
            descent = _trace(d, lower) @ descent
        if powers[lower]:
            forms = packed_power(X, lower) * multiplicities(d, lower) if lower else np.ones((len(X), 1))
            columns += powers[lower] * forms @ descent
    return columns


def _trace(d: int, order: int) -> Tensor:
    """Matrix that takes the packed tensor of the order above by two to its trace, packed."""
    above = unpack(np.arange(packed_size(d, order + 2)), d, order + 2)
    where = np.stack([above[c, c] for c in range(d)]).reshape(d, -1)
    first = unpack(np.arange(packed_size(d, order)), d, order).ravel() if order else np.zeros(1, dtype=int)
    _, representative = np.unique(first, return_index=True)
    matrix = np.zeros((packed_size(d, order), packed_size(d, order + 2)))
    for column in where[:, representative]:
        matrix[np.arange(len(matrix)), column] += 1.0
    return matrix


def _checked(tensors: Sequence[ArrayLike]) -> tuple[Tensor, ...]:
    """One or two symmetric tensors of consecutive orders from 3 on, the lower one first."""
    given = sorted((np.asarray(tensor) for tensor in tensors), key=lambda tensor: tensor.ndim)
    orders = [tensor.ndim for tensor in given]
    if len(orders) not in (1, 2) or orders[0] < 3 or orders[-1] != orders[0] + len(orders) - 1:
        raise InputError(
            f"tensors must be one, or two of consecutive orders, of order 3 or more, found orders {orders}"
        )
    arrays = tuple(frozen_array(tensor, "tensor", tensor.ndim) for tensor in given)
    lengths = {length for tensor in arrays for length in tensor.shape}
    if len(lengths) > 1 or 0 in lengths:
        raise InputError(f"tensors must have all axes of one length, found shapes {[t.shape for t in arrays]}")
    for tensor in arrays:
        turned = (tensor.swapaxes(0, 1), np.moveaxis(tensor, 0, -1))  # these two make every arrangement of the axes
        if (
            max(np.abs(tensor - other).max() for other in turned) > _ASYMMETRY * np.abs(tensor).max()
            or not tensor.any()
        ):
            raise InputError("tensors must be symmetric and not zero")
    return arrays


def _check_trace(tensor: Tensor, width: int) -> None:
    if tensor.ndim % 2 == 0:
        while tensor.ndim:
            tensor = np.trace(tensor, axis1=0, axis2=1)
        if abs(float(tensor) - width) > _ASYMMETRY * width:
            raise InputError(
                f"a sum of {width} powers of unit vectors has full trace {width}, found {float(tensor):.9g}"
            )


def _activation(given: str | Activation | None, tensors: Sequence[Tensor]) -> Activation:
    """What was given, or the polynomial that has each tensor's order as a power, so that none goes unused."""
    if given is not None:
        return parse_activation(given)
    orders = {tensor.ndim for tensor in tensors}
    return Polynomial(*(float(order in orders) for order in range(max(orders) + 1)))


def _carried(sigma: Activation, tensors: Sequence[Tensor]) -> tuple[float, ...]:
    """Powers of σ, if the labels follow from the tensors."""
    powers = powers_of(sigma)
    orders = [tensor.ndim for tensor in tensors]
    if len(powers) - 1 > orders[-1]:
        raise InputError(
            f"tensors of order up to {orders[-1]} carry polynomials of degree up to {orders[-1]}, found {sigma.name}"
        )
    if len(orders) == 1 and any(power for j, power in enumerate(powers) if j and (j - orders[0]) % 2):
        parity = "odd" if orders[0] % 2 else "even"
        raise InputError(f"the tensor of order {orders[0]} alone carries {parity} polynomials, found {sigma.name}")
    return powers
