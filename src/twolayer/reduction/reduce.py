"""The door: a network, and where it has to stay the same function."""

import numpy as np
from numpy.typing import ArrayLike

from twolayer.arrays import first_nonfinite, real_array, real_number
from twolayer.errors import InputError
from twolayer.network import TwoLayerNetwork
from twolayer.reduction.everywhere import Units, minimality, reduced_everywhere
from twolayer.reduction.on_box import box_of, reduced_on_box
from twolayer.reduction.on_data import reduced_on_data
from twolayer.reduction.reduced import Reduction

__all__ = ["reduce"]

_ROUNDING = 1e-12  # relative: rows and sums that differ by less are equal, as after some thousand roundings


def reduce(
    network: TwoLayerNetwork,
    *,
    box: tuple[ArrayLike, ArrayLike] | None = None,
    data: ArrayLike | None = None,
    tolerance: float | None = None,
    rtol: float = _ROUNDING,
) -> Reduction:
    r"""Find the least network that is the same function, with the proof.

    .. math:: \sum_{i=1}^m a_i\,\sigma(w_i\cdot x + b_i) + P(x)
        = \sum_{i=1}^{m'} a'_i\,\sigma(w'_i\cdot x + b'_i) + P'(x), \qquad m' \le m,

    for all x; or for all x of a box, where units whose argument stays on one piece of σ join P' too; or, for rows of
    data, nearly.

    Parameters
    ----------
    network : TwoLayerNetwork
    box : pair of numbers or vectors, optional
        Least and largest inputs.
    data : array, shape (n, d), optional
        Rows at which the function has to stay nearly the same; then units are dropped and the others refitted.
    tolerance : float, optional
        How nearly: root mean square over the deviation of the values at the rows; 0.01 by default.
    rtol : float
        Relative difference of rows of weights that are one, and of sums of outer weights that are zero, by rounding.

    Returns
    -------
    Reduction
        Its `removals` are the proof of the exact cases, and `is_minimal` says whether no network of this activation,
        with a polynomial part of degree two, has fewer units.

    Raises
    ------
    InputError
        If the box has no inside, `data` has other columns or an entry that is not finite, both are given, or
        `tolerance` is given without `data`.

    Notes
    -----
    Exact: time O(m (d + log m)). Of data: see `reduced_on_data`. A network that was trained has few twins; it has units
    that are dead, and on a box such that stay on one side of their hyperplane.

    Examples
    --------
    >>> reduce(TwoLayerNetwork([1, 2, 3], [[1, 0], [2, 0], [-1, 0]], activation="relu")).network
    <TwoLayerNetwork: 1 relu units on 2 inputs, polynomial of degree 1>
    """
    if box is not None and data is not None:
        raise InputError("give a box or data, not both: what holds on a box holds on all data in it")
    if tolerance is not None and data is None:
        raise InputError("a tolerance is of data, and there are none")
    rtol = real_number(rtol, "rtol", 0.0)
    if data is not None:
        return _on_data(network, data, 0.01 if tolerance is None else real_number(tolerance, "tolerance", 0.0))
    units = Units.of(network)
    bounds = None if box is None else box_of(box, network.dim)
    if bounds is not None:
        reduced_on_box(units, *bounds)
    reduced_everywhere(units, rtol)
    found = units.network(network)
    is_minimal, reason = minimality(found, on_box=bounds is not None)
    kept = tuple(np.flatnonzero(units.alive).tolist())
    return Reduction(found, network, tuple(units.removals), kept, is_minimal, reason, bounds)


def _on_data(network: TwoLayerNetwork, data: ArrayLike, tolerance: float) -> Reduction:
    X = np.asarray(real_array(data, "data", 2), np.float64)
    if X.shape[1] != network.dim:
        raise InputError(f"data must have {network.dim} columns, found {X.shape[1]}")
    if len(X) == 0:
        raise InputError("data must have a row")
    where = first_nonfinite(X)
    if where is not None:
        raise InputError(f"data must be finite, found {X[where]} at row {where[0]}, column {where[1]}")
    found, curve = reduced_on_data(network, X, tolerance)
    reason = f"it is within {tolerance:g} of the original at {len(X)} rows, and narrower ones that are were not found"
    return Reduction(found, network, (), (), False, reason, curve=curve)
