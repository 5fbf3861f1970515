r"""The robust algorithm of section 5: from samples to a network of at most m + 2 units."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import real_number, whole_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.one_line import in_one_line
from twolayer.papers.awasthi2021efficient.algorithm.algorithm import RecoveredUnits, units_of_tensors
from twolayer.papers.awasthi2021efficient.algorithm.sample_tensors import SampleTensors, sample_tensors
from twolayer.papers.awasthi2021efficient.theory import consolidated
from twolayer.sources import check_samples
from twolayer.symtensor import packed_size

__all__ = ["Learning", "level_for", "recover_awasthi2021", "truncated_least_squares"]


@equal_by_value
@in_one_line
@dataclass(frozen=True, eq=False)
class Learning:
    """How the robust algorithm went.

    Attributes
    ----------
    units : RecoveredUnits
        The estimates of (a, w, b), of the units of moderate bias: the second half of Theorem 3.2, and Theorem 3.1 where
        the signs are known.
    tensors : SampleTensors
    truncated : int
        Rows that the least squares left out as too far from the origin.
    """

    units: RecoveredUnits
    tensors: SampleTensors
    truncated: int


def level_for(width: int, dim: int) -> int:
    r"""The least ℓ whose powers :math:`w^{\otimes ℓ}` can be independent, :math:`m \le \binom{d+ℓ-1}{ℓ}`."""
    if dim == 1 and width > 1:
        raise InputError(f"on one input all units are parallel, found {width} units")
    level = 1
    while packed_size(dim, level) < width:
        level += 1
    return level


def recover_awasthi2021(
    X: ArrayLike,
    y: ArrayLike,
    width: int,
    *,
    ell: int | None = None,
    margin: float = 1.1,
    tau: float = 3.0,
    diagonalisation: str = "joint",
    rng: np.random.Generator | int | None = None,
) -> tuple[TwoLayerNetwork, Learning]:
    r"""Learn a ReLU network with biases from samples by the robust algorithm of [1]_.

    1. Hermite tensors up to order 2ℓ + 2 with a control variate, and the size of their errors from two half samples.
    2. Algorithm 1 on them: as many units of each order as there are singular values above `margin` times the error;
       terms of smaller coefficient count as error; duplicates are merged within a radius of the size of the errors.
    3. Units with |b| > τ, which are linear or dead for all that the tensors show, are left to the affine part.
    4. Least squares for g on fresh features :math:`\sigma(\tilde w_i \cdot x + \tilde b_i)`, 1, x: an affine part makes
       up for wrong signs (:math:`\sigma(-t) = \sigma(t) - t`) and for the units left out. Rows with
       :math:`\|x\|^2 > d + 3\sqrt{d \log n}` are left out.
    5. The affine part is written as two more units (Claim D.14).

    Parameters
    ----------
    X : array, shape (n, d)
        Inputs, standard Gaussian.
    y : array, shape (n,)
        Outputs.
    width : int
        The m, the most units looked for.
    ell : int, optional
        The ℓ; if not given, the least that m allows, see `level_for`.
    margin : float
        Above 1. The error of a flattening is much the same in every draw, so that 1.1 is enough; 2 is cautious.
    tau : float
        The τ.
    diagonalisation : str
        ``"joint"`` uses all slices, ``"jennrich"`` is the paper's.
    rng : numpy.random.Generator or int or None

    Returns
    -------
    TwoLayerNetwork
        The g, of at most m + 2 ReLU units and no polynomial part.
    Learning

    Raises
    ------
    InputError
        If the samples are malformed, fewer than the coefficients of a quadratic, or ask for powers that the number of
        inputs does not have.

    Notes
    -----
    Time O(n d⁴/8) for ℓ = 1, see `sample_tensors`. Only the estimates of section 5 are made, no refinement: for m = 5
    of d = 10 and |b| ≤ 1 the units are within some 7 % at n = 10⁵, and g leaves 2e-4 to 7e-4 of the variance of y. A
    unit that is below the noise in both orders is missing. Constants that the paper leaves open are this library's.

    References
    ----------
    .. [1] awasthi2021efficient, section 5 and Theorems 3.1 and 3.2
    """
    X, y = check_samples(X, y)
    X, y = np.asarray(X, dtype=np.float64), np.asarray(y, dtype=np.float64)
    width, margin, tau = whole_number(width, "width"), real_number(margin, "margin", 0), real_number(tau, "tau", 0)
    level = level_for(width, X.shape[1]) if ell is None else whole_number(ell, "ell")
    tensors = sample_tensors(X, y, level)
    noise = [margin * one for one in tensors.noise]
    found = units_of_tensors(
        tensors.packed, level, noise, width=width, tau=tau, diagonalisation=diagonalisation, rng=rng
    )
    is_near = np.sum(X * X, axis=1) <= _radius(*X.shape)
    network = truncated_least_squares(X[is_near], y[is_near], found.network)
    return consolidated(network), Learning(found, tensors, int(np.sum(~is_near)))


def truncated_least_squares(X: NDArray, y: NDArray, units: TwoLayerNetwork) -> TwoLayerNetwork:
    r"""Output weights and an affine part by ridge regression on the features of given units.

    .. math:: \min_\beta\; \frac1n\|\psi\beta - y\|^2 + \rho\|\beta\|^2, \qquad
        \psi(x) = (\sigma(\tilde w_i\cdot x + \tilde b_i))_i,\, 1,\, x.

    Both orientations of each unit, as in the paper's features, would span no more: they differ by an affine function.

    Parameters
    ----------
    X, y : arrays, shapes (n, d) and (n,)
    units : TwoLayerNetwork
        Its output weights and polynomial part are not looked at.

    Returns
    -------
    TwoLayerNetwork
        With an affine polynomial part.

    References
    ----------
    .. [1] awasthi2021efficient, section 5 (v)
    """
    size = units.width + 1 + X.shape[1]
    gram, moment = np.zeros((size, size)), np.zeros(size)
    for start in range(0, len(X), 4096):
        block = X[start : start + 4096]
        features = np.hstack([units.activation(block @ units.W.T + units.b), np.ones((len(block), 1)), block])
        gram += features.T @ features
        moment += features.T @ y[start : start + 4096]
    # of the mean diagonal: copies of a unit make the Gram matrix singular, and rounding is below
    gram[np.diag_indices(size)] += 1e-10 * np.trace(gram) / size
    beta = np.linalg.solve(gram, moment)
    affine = Polynomial(beta[units.width], beta[units.width + 1 :])
    return replace(units, a=beta[: units.width], polynomial=affine)


def _radius(n: int, d: int) -> float:
    """Squared length beyond which a row is left out."""
    # at n = 10^4 rows more than six standard deviations of |x|²: what is cut is no sample of a Gaussian
    return d + 3.0 * float(np.sqrt(d * np.log(max(n, 2))))
