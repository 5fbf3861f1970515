"""The ridge: penalties that weights share in groups, and what the evidence would rather have them be."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from twolayer.ridge.objective import Objective

__all__ = ["FREE", "Prior"]

Vector = NDArray[np.float64]

FREE = -1  # the group of parameters without a penalty
_LEAST = 1e-9  # of labels of variance one: a ridge below it is seen neither in a fit nor in its evidence
_LARGEST = 1e12  # leaves nothing but the constant
_SPREAD = (1e-3, 1e4)  # of the ridges of groups about their common size: a weight in 10⁴ ridges is as good as absent
_LARGEST_CHANGE = 5.0  # of a ridge at once, as the weights have to follow


@dataclass(frozen=True, eq=False)
class Prior:
    r"""Independent Gaussian weights, of variance :math:`\sigma^2/\alpha_g` in group g: a ridge α_g on their squares.

    The groups are all weights together where one α is given; else the weights of each input, the biases, and the outer
    weights: an input that does not matter gets a large ridge of its own (automatic relevance determination). Units of a
    homogeneous σ may be scaled against their outer weights, which the labels do not notice, so that the ridge of the
    outer weights is no more than a convention: there it is the geometric mean of the others.

    Attributes
    ----------
    groups : array of int, shape (p,)
        Of each parameter, `FREE` where it has no penalty.
    alphas : array, shape (G,)
    spared : array of bool, shape (p,)
        Parameters that are not drawn to zero although they have the ridge of their group where the evidence is
        computed: biases under one common α, a convention of ``MLPRegressor``.
    has_free_scale : bool
        Whether σ is homogeneous and there is more than one group.

    References
    ----------
    MacKay (1992), Bayesian interpolation; MacKay (1994), Bayesian nonlinear modelling for the prediction competition.
    """

    groups: NDArray[np.intp]
    alphas: Vector
    spared: NDArray[np.bool_]
    has_free_scale: bool = False

    @classmethod
    def single(cls, objective: Objective, alpha: float) -> "Prior":
        """One α for all weights, biases spared; constants are free."""
        groups, spared = np.zeros(objective.n_parameters, int), np.zeros(objective.n_parameters, bool)
        objective.split(groups)[2][:] = FREE
        if objective.has_bias:
            objective.split(spared)[0][:, -1] = True
        return cls(groups, np.array([float(alpha)]), spared)

    @classmethod
    def by_input(cls, objective: Objective, alpha: float) -> "Prior":
        """An α for each input, one for the biases and one for the outer weights, all equal at first."""
        groups = np.full(objective.n_parameters, FREE)
        rows, outer, _ = objective.split(groups)
        rows[:] = np.arange(objective.n_columns)
        outer[:] = objective.n_columns
        alphas, spared = np.full(objective.n_columns + 1, float(alpha)), np.zeros(len(groups), bool)
        return cls(groups, alphas, spared, bool(objective.activation.degree))

    @property
    def penalties(self) -> Vector:
        """The penalty of each parameter, (p,)."""
        return np.where(self.spared, 0.0, self.precisions)

    @property
    def precisions(self) -> Vector:
        """The α of each parameter, spared or not, (p,)."""
        return np.append(self.alphas, 0.0)[self.groups]  # FREE is the last

    @property
    def mean(self) -> float:
        """Geometric mean of the α."""
        if len(self.alphas) == 1:
            return float(self.alphas[0])
        return float(np.exp(np.mean(np.log(self.alphas))))

    def scaled(self, factor: float) -> "Prior":
        """All α times a factor."""
        return replace(self, alphas=np.clip(factor * self.alphas, _LEAST, _LARGEST))

    def sums(self, values: Vector) -> Vector:
        """Sum of a value of each parameter over the groups, (G,)."""
        is_bound = self.groups != FREE
        return np.asarray(np.bincount(self.groups[is_bound], values[is_bound], len(self.alphas)), np.float64)

    def updated(self, z: Vector, determined: Vector, variance: float) -> "Prior":
        r"""The α that are stationary for the evidence while the weights stay, :math:`\sigma^2\gamma_g/\|z_g\|^2`.

        Parameters
        ----------
        z : array, shape (p,)
        determined : array, shape (G,)
            The γ: how many parameters of each group the data determine.
        variance : float
            The σ².
        """
        squares = np.maximum(self.sums(np.where(self.spared, 0.0, z) ** 2), 1e-300)
        alphas = np.clip(variance * np.maximum(determined, 1e-12) / squares, _LEAST, _LARGEST)
        if self.has_free_scale:
            relative = alphas / np.exp(np.mean(np.log(alphas[:-1])))
            relative[-1] = 1.0
            common = variance * determined.sum() / float(relative @ squares)
            alphas = common * np.clip(relative, *_SPREAD)
        else:
            common = np.exp(np.mean(np.log(alphas)))
            alphas = np.clip(alphas, _SPREAD[0] * common, _SPREAD[1] * common)
        alphas = np.clip(alphas, self.alphas / _LARGEST_CHANGE, self.alphas * _LARGEST_CHANGE)
        return replace(self, alphas=np.clip(alphas, _LEAST, _LARGEST))
