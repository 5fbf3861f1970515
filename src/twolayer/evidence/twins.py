"""Which units of a network can be turned round together, and leave its function as it is?"""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg.lapack import dpocon, dpotrf

from twolayer.errors import InputError
from twolayer.evidence.standard_errors import StandardErrors
from twolayer.evidence.standards import STANDARDS
from twolayer.model.problem import Matrix, Vector
from twolayer.model.signed_sums import binary_solutions
from twolayer.network import TwoLayerNetwork
from twolayer.rows import some_rows

__all__ = ["equivalent_turns", "is_turning_untried"]

_MOST_UNITS_TURNED = 16  # of which all 65 536 sets are tried


def equivalent_turns(
    network: TwoLayerNetwork, errors: StandardErrors | None = None, X: NDArray | None = None
) -> NDArray[np.int_]:
    r"""Sets of units that can be turned round together and leave the function as it is, on inputs like X.

    Turning the units of a set S leaves :math:`\sum_{i \in S} a_i\,p(w_i\cdot x + b_i)` behind, which must vanish, or
    be a constant where the network has one of its own (a polynomial part). With standard errors of the weights, what
    they cannot tell from zero (6 of its own, the weights taken as independent) counts as vanished.

    Returns
    -------
    array of 0 and 1, shape (count, m)
        A row for each set but the empty one, that which leaves least first. With the network as it is, count + 1 sign
        patterns ξ give the same function (awasthi2021efficient, Theorem 3.4); more of them where sets are untried.

    Notes
    -----
    Where what they leave is linearly dependent, all sets of up to 16 units are tried. Of more units, all sets of one,
    two and three (three of up to 512 units), and those that vanish to rounding if there are at most 20 relations; of
    others see `is_turning_untried`. Even and odd activations, to which a turn means nothing, have p = 0 and no set.
    """
    m = network.width
    none = np.zeros((0, m), int)
    left, deviations = _left_by_turning(network, errors, X)
    scale = float(np.abs(left).sum())
    if scale == 0 or _are_independent(left, deviations):
        return none
    if m <= _MOST_UNITS_TURNED:
        sets = (np.arange(1, 1 << m)[:, None] >> np.arange(m)) & 1
    else:
        sets = _small_sets(left, np.sum(deviations**2, axis=1))
        solutions = _solutions(left)
        if solutions is not None:
            sets = np.unique(np.vstack([sets, solutions[solutions.any(axis=1)]]), axis=0)
    vectors, values, _ = np.linalg.svd(left, full_matrices=False)
    remainders = np.linalg.norm(sets @ (vectors * values), axis=1)
    remainders /= np.maximum(
        STANDARDS.vanishing * scale, STANDARDS.clearly * np.sqrt(sets @ np.sum(deviations**2, axis=1))
    )
    order = np.argsort(remainders, kind="stable")
    return sets[order[: int(np.sum(remainders <= 1))]]


def is_turning_untried(
    network: TwoLayerNetwork, errors: StandardErrors | None = None, X: NDArray | None = None
) -> bool:
    """Whether units might be turned round together, and are too many to try all sets of them.

    More than 16 with more than 20 relations, or with errors that could hide what is left; only small sets are tried.
    """
    if network.width <= _MOST_UNITS_TURNED:
        return False
    left, deviations = _left_by_turning(network, errors, X)
    if not left.any() or _are_independent(left, deviations):
        return False
    could_hide = STANDARDS.clearly * float(np.linalg.norm(deviations)) > STANDARDS.vanishing * float(np.abs(left).sum())
    return could_hide or _solutions(left) is None


def _small_sets(left: Matrix, variances: Vector) -> NDArray[np.int_]:
    """Sets of one to three units whose rows might have the sum 0: their squared lengths, by inner products."""
    m, gram = len(left), left @ left.T
    most = (1e-7 * float(np.abs(left).sum())) ** 2  # inner products are exact to no more
    single = np.diag(gram) - STANDARDS.clearly**2 * variances
    pairs = single[:, None] + single + 2 * gram
    found = [np.flatnonzero(single <= most)[:, None], np.argwhere(np.triu(pairs <= most, 1))]
    for i in range(m - 2 if m <= 512 else 0):
        with_i = 2 * gram[i, i + 1 :]
        triples = pairs[i + 1 :, i + 1 :] + with_i[:, None] + with_i + single[i]
        others = np.argwhere(np.triu(triples <= most, 1)) + i + 1
        found.append(np.insert(others, 0, i, axis=1))
    sets = np.zeros((min(sum(map(len, found)), 1 << 14), m), int)
    start = 0  # sixteen thousand sets are enough to say that there are some
    for units in found:
        units = units[: len(sets) - start]
        np.put_along_axis(sets[start : start + len(units)], units, 1, axis=1)
        start += len(units)
    return sets


def _solutions(left: Matrix) -> NDArray[np.int_] | None:
    """The sets whose rows have the sum 0, to rounding; None where there are too many to try."""
    try:
        return binary_solutions(left, np.zeros(left.shape[1]), atol=STANDARDS.vanishing)
    except InputError:
        return None


def _are_independent(left: Matrix, deviations: Matrix) -> bool:
    """Whether the rows are so, beyond rounding and what their deviations explain: then no subset of them has sum 0."""
    if len(left) > left.shape[1]:
        return False
    rounding = 1e-10 * float(np.abs(left).sum())
    values = np.linalg.svd(left, compute_uv=False)
    return bool(values[-1] > max(rounding, STANDARDS.clearly * float(np.linalg.norm(deviations))))


def _left_by_turning(
    network: TwoLayerNetwork, errors: StandardErrors | None, X: NDArray | None = None
) -> tuple[Matrix, Matrix]:
    """Coefficients of each polynomial a_i p(w_i·x + b_i), and their standard deviations.

    By the linear, square and constant part; a constant is left out where the network has one of its own, and so is what
    vanishes on all rows of X, as |x|² - 1 does on a sphere.
    """
    if network.n_outputs > 1:  # what is left must vanish in every output
        of_each = [
            _left_by_turning(network.output(j), None if errors is None else replace(errors, a=errors.a[:, j]), X)
            for j in range(network.n_outputs)
        ]
        return np.hstack([left for left, _ in of_each]), np.hstack([deviations for _, deviations in of_each])
    a, W, b = network.a[:, None], network.W, network.b[:, None]
    da, dW, db = (0 * a, 0 * W, 0 * b) if errors is None else (errors.a[:, None], errors.W, errors.b[:, None])
    law = network.activation.reflection.polynomial
    if len(law) > 3:  # symmetric tensors of order 3 and more, which no sum of few units makes vanish by chance
        return np.zeros((network.width, 0)), np.zeros((network.width, 0))
    p = np.r_[law, np.zeros(3 - len(law))]
    slope, value = p[1] + 2 * p[2] * b, p[0] + p[1] * b + p[2] * b**2
    left, deviations = [a * slope * W], [np.hypot(np.hypot(a * slope * dW, da * slope * W), 2 * p[2] * a * db * W)]
    if p[2]:
        i, j = np.triu_indices(network.dim)
        fold = p[2] * np.where(i == j, 1.0, np.sqrt(2.0))
        left.append(fold * a * W[:, i] * W[:, j])
        moved = np.hypot(dW[:, i] * W[:, j], W[:, i] * dW[:, j])
        deviations.append(np.abs(fold) * np.hypot(a * moved, da * W[:, i] * W[:, j]))
    if network.polynomial is None:
        left.append(a * value)
        deviations.append(np.hypot(a * slope * db, da * value))
    return _on_rows(np.hstack(left), np.hstack(deviations), X, bool(p[2]), network.polynomial is None)


def _on_rows(
    left: Matrix, deviations: Matrix, X: NDArray | None, has_squares: bool, has_constant: bool
) -> tuple[Matrix, Matrix]:
    """The coefficients without what vanishes on all rows; as they are where nothing does, or they are too many."""
    count = left.shape[1]
    if X is None or count > 1000 or len(X) < 2 * count:  # a spectrum of a thousand takes a second
        return left, deviations
    drawn = some_rows(len(X), 2 * count)
    x = np.asarray(X if drawn is None else X[drawn], np.float64)
    parts = [x]
    if has_squares:
        i, j = np.triu_indices(x.shape[1])
        parts.append(np.where(i == j, 1.0, np.sqrt(2.0)) * x[:, i] * x[:, j])
    values = np.hstack([*parts, np.ones((len(x), 1))] if has_constant else parts)
    values -= 0.0 if has_constant else values.mean(axis=0)
    sizes = np.sqrt(np.mean(values**2, axis=0)) + np.finfo(np.float64).tiny
    values /= sizes
    gram = values.T @ values / len(x)
    factor, is_indefinite = dpotrf(gram, lower=1)
    if not is_indefinite and dpocon(factor, float(np.abs(gram).sum(axis=0).max()), uplo="L")[0] > 1e-10:
        return left, deviations  # nothing is near to vanishing, which an estimate of the conditioning sees sooner
    eigenvalues, vectors = np.linalg.eigh(gram)
    vanishing = vectors[:, eigenvalues <= 1e-14 * eigenvalues[-1]]  # the rounding of a sum of squares
    left = left * sizes
    return left - (left @ vanishing) @ vanishing.T, deviations * sizes
