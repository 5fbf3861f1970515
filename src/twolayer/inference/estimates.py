"""How exactly rows let each weight of a network be known, with the covariances of all of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from twolayer.arrays import real_array, real_number
from twolayer.equality import equal_by_value
from twolayer.errors import InputError
from twolayer.inference.parameters import Layout, Matrix, Vector, names_of
from twolayer.network import TwoLayerNetwork
from twolayer.one_line import in_one_line
from twolayer.sources import check_samples

__all__ = ["COVARIANCES", "Estimates", "estimates"]

COVARIANCES = ("classical", "sandwich", "cluster")
MOST_PARAMETERS = 1000  # whose covariances are formed: a second, and 8 MB
_NULL = 1e-12  # of the largest eigenvalue, columns in units of their length: of which rounding leaves no digit
_PART = 1e-4  # cosine with the directions that no row shows: rounding of eigenvectors is far below, what mixes above


@in_one_line
@equal_by_value
@dataclass(frozen=True, eq=False)
class Estimates:
    r"""Weights of a network with the covariance of their errors.

    Attributes
    ----------
    layout : Layout
        The numbers, in order, and which are free.
    covariance : array, shape (P, P)
        Of all numbers; rows of those that are not free are zero. Of what no data can tell it has the part that they do.
    is_unknown : array of bool, shape (P,)
        Which numbers no data can tell: a change of them, made up for by others, leaves the fit as it is.
    blind, scale : arrays, shapes (p, k), (p,)
        Changes of the free parameters that leave the fit as it is, orthonormal, in units of the scale.
    noise : float
        Standard deviation of the labels about the network, with n q - p degrees of freedom.
    n_rows, freedom : int
        The n, and the degrees of freedom.
    kind : str
        ``"classical"``, ``"sandwich"`` or ``"cluster"``.
    """

    layout: Layout
    covariance: Matrix
    is_unknown: NDArray[np.bool_]
    blind: Matrix
    scale: Vector
    noise: float
    n_rows: int
    freedom: int
    kind: str

    @property
    def standard_errors(self) -> Vector:
        """One standard deviation of each number; NaN where no data can tell."""
        errors = np.sqrt(np.maximum(self.covariance.diagonal(), 0.0))
        return np.where(self.is_unknown, np.nan, errors)

    def intervals(self, level: float = 0.95) -> Matrix:
        """Lower and upper ends, (P, 2), by the t distribution; those of what is fixed are the number itself.

        Raises
        ------
        InputError
            If the level is not between 0 and 1.
        """
        from scipy.special import stdtrit

        if not 0 < real_number(level, "level", 0) < 1:
            raise InputError(f"level must be between 0 and 1, found {level}")
        reach = float(stdtrit(self.freedom, 0.5 + level / 2)) * self.standard_errors
        return np.column_stack([self.layout.values - reach, self.layout.values + reach])

    def p_values(self) -> Vector:
        """Of a t test that each number is zero, two-sided; NaN where it is fixed or unknown."""
        from scipy.special import stdtr

        errors = self.standard_errors
        with np.errstate(divide="ignore", invalid="ignore"):
            t = np.where(self.layout.is_free, np.abs(self.layout.values) / errors, np.nan)
        return 2 * np.asarray(stdtr(self.freedom, -t))

    def value_errors(self, X: ArrayLike) -> NDArray[np.float64]:
        r"""Standard error of the network's value at each row of X, :math:`\sqrt{J_x C J_x^\top}` (the delta method).

        Of the function, not of a new label: that has the noise on top. NaN where the value depends on what the rows of
        the fit do not tell.

        Returns
        -------
        array, shape (n,) or (n, q)

        Raises
        ------
        InputError
            If X is no array of numbers with d columns.
        """
        layout = self.layout
        inputs = real_array(X, "X", 2)
        if inputs.shape[1] != layout.network.dim:
            raise InputError(f"X must have {layout.network.dim} columns, found {inputs.shape[1]}")
        errors = np.empty((len(inputs), layout.network.n_outputs))
        # free parameters: T z = θ, and T has orthonormal columns
        C = layout.basis.T @ self.covariance @ layout.basis
        for rows, j, J in layout.derivatives(inputs):
            errors[rows, j] = np.sqrt(np.maximum(np.einsum("ij,ij->i", J @ C, J), 0.0))
            reach = J * self.scale
            unseen = np.linalg.norm(reach @ self.blind, axis=1) > _PART * np.linalg.norm(reach, axis=1)
            errors[rows, j][unseen] = np.nan
        return errors[:, 0] if layout.network.n_outputs == 1 else errors


def estimates(
    network: TwoLayerNetwork,
    X: ArrayLike,
    y: ArrayLike,
    *,
    has_bias: bool = True,
    covariance: str = "classical",
    groups: ArrayLike | None = None,
    inputs: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
) -> Estimates:
    r"""Covariance of the weights of a network at the minimum of its squared residuals.

    With J the derivatives of the n q values by the p free parameters, r the residuals and H = JᵀJ,

    - ``"classical"``: :math:`s^2 H^{-1}`, right for noise that is independent from row to row and of one size;
    - ``"sandwich"``: :math:`H^{-1}(\sum_i g_i g_i^\top)H^{-1}` times nq/(nq - p), with g_i the sum of J r over the
      outputs of row i: noise whose size differs from row to row (HC1);
    - ``"cluster"``: the same with g summed over the rows of a group, times G/(G - 1): noise that rows of a group share.

    Several outputs are weighed by the inverse of their residuals' covariance, as `recover` weighs them: J and r are
    then those of labels in which noise is independent and of size one.

    Parameters
    ----------
    network : TwoLayerNetwork
    X, y : arrays, shapes (n, d) and (n,) or (n, q)
    has_bias : bool
        Whether biases are parameters.
    covariance : str
    groups : array, shape (n,)
        The group of each row, for ``"cluster"``.
    inputs, outputs : sequence of str, optional
        Names.

    Raises
    ------
    InputError
        If the samples are bad or do not fit the network, there are no more labels than free parameters, or more than
        1000 of these.

    Notes
    -----
    O(n p²) time. The errors are those of the weights' own minimum: where the residual is not noise, they say how far
    other samples would move the weights, not how far the network is from the truth.

    References
    ----------
    White (1980) for the sandwich; Liang and Zeger (1986) for clusters.
    """
    X, y = check_samples(X, y, may_have_outputs=True)
    if X.shape[1] != network.dim or y.shape[1:] != network.a.shape[1:]:
        raise InputError(
            f"the samples must have {network.dim} inputs and {network.n_outputs} outputs like the network, found shapes"
            f" {X.shape} and {y.shape}"
        )
    if covariance not in COVARIANCES:
        raise InputError(f"covariance must be one of {', '.join(COVARIANCES)}, found {covariance!r}")
    layout = Layout(network, has_bias, names_of(inputs, network.dim), names_of(outputs, network.n_outputs, "y"))
    p, n, q = layout.basis.shape[1], len(X), network.n_outputs
    if p > MOST_PARAMETERS:
        raise InputError(f"covariances are formed of at most {MOST_PARAMETERS} parameters, found {p}")
    if n * q <= p:
        raise InputError(f"{p} parameters need more labels than that, found {n * q}")
    members = _members(groups, n) if covariance == "cluster" else None
    r = (network(X) - y).reshape(n, q)
    noise = float(np.sqrt(np.sum(r**2) / (n * q - p)))
    weight = _weight(r, n * q / (n * q - p))
    H, scores = _sums(layout, X, r, weight, members)
    inverse, unknown, scale = _inverse(H)
    if covariance == "classical":
        C = inverse
    else:
        count = len(scores)
        correction = n * q / (n * q - p) if members is None else count / (count - 1)
        pulled = inverse @ scores.T
        C = correction * pulled @ pulled.T
    T = layout.basis
    reach = T * scale
    parts = np.linalg.norm(reach @ unknown, axis=1) / np.maximum(np.linalg.norm(reach, axis=1), 1e-300)
    is_unknown = parts > _PART
    return Estimates(layout, T @ C @ T.T, is_unknown, unknown, scale, noise, n, n * q - p, covariance)


def _members(groups: ArrayLike | None, n: int) -> NDArray[np.intp]:
    """The group of each row, by number."""
    if groups is None:
        raise InputError("the covariance 'cluster' needs the group of each row, found none")
    labels = np.asarray(groups)
    if labels.shape != (n,):
        raise InputError(f"groups must be an array of shape ({n},), found shape {labels.shape}")
    found, members = np.unique(labels, return_inverse=True)
    if len(found) < 2:
        raise InputError("there must be two groups at least, found one")
    return members


def _weight(r: Matrix, correction: float) -> Matrix:
    """The matrix that makes residuals (n, q) independent between outputs and of size one; diagonal where it must be."""
    q = r.shape[1]
    covariance = correction * (r.T @ r) / len(r)
    sizes = np.sqrt(np.maximum(covariance.diagonal(), 1e-300))
    values, vectors = np.linalg.eigh(covariance / np.outer(sizes, sizes))
    if values[0] < 1e-8:  # outputs that are sums of each other, or of which nothing is left
        values, vectors = np.ones(q), np.eye(q)
    return np.asarray((vectors / np.sqrt(values)) @ vectors.T / sizes)


def _sums(
    layout: Layout, X: NDArray[Any], r: Matrix, weight: Matrix, members: NDArray[np.intp] | None
) -> tuple[Matrix, Matrix]:
    """JᵀJ, and the sum of J r of each row or group, both of weighted outputs."""
    p, q = layout.basis.shape[1], r.shape[1]
    own = r @ weight.T
    H, scores = np.zeros((p, p)), np.zeros((len(X) if members is None else members.max() + 1, p))
    together: list[Matrix] = []
    for rows, _, J in layout.derivatives(X):
        together.append(J)
        if len(together) < q:
            continue
        for k in range(q):
            weighted = np.tensordot(weight[k], np.stack(together), 1)
            H += weighted.T @ weighted
            score = weighted * own[rows, k][:, None]
            if members is None:
                scores[rows] += score
            else:
                np.add.at(scores, members[rows], score)
        together = []
    return H, scores


def _inverse(H: Matrix) -> tuple[Matrix, Matrix, Vector]:
    """Inverse of a normal matrix in the directions that it tells, the others, and the units in which these are."""
    scale = 1 / np.sqrt(np.where(H.diagonal() > 0, H.diagonal(), 1.0))
    values, vectors = np.linalg.eigh(H * np.outer(scale, scale))
    told = values > _NULL * max(float(values.max(initial=0.0)), 1e-300)
    there = scale[:, None] * vectors[:, told]
    return (there / values[told]) @ there.T, vectors[:, ~told], scale
