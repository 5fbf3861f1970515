"""What the estimators share: parameters read, rows weighted, and a ridge fit made of them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight

from twolayer.activation import Activation, activation
from twolayer.arrays import real_number
from twolayer.network import TwoLayerNetwork
from twolayer.recover import given_activation, given_width
from twolayer.ridge import (
    Gaussian,
    Likelihood,
    Objective,
    Remembering,
    RidgeFit,
    Standard,
    WeightedRows,
    chosen_fit,
    refitted,
    ridge_fit,
)
from twolayer.sources import check_magnitude

__all__ = ["Batch", "Memory", "Settings", "fitted", "updated", "weighted_rows"]

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

_CANDIDATES = ("relu", "tanh")  # of an activation that is not given: with kinks, and smooth


@dataclass(frozen=True)
class Settings:
    """Parameters of an estimator, in range; None for what is to be found.

    Attributes
    ----------
    width : int or None
    sigma : Activation or None
    has_bias : bool
    alpha : float or None
    seed : int
    """

    width: int | None
    sigma: Activation | None
    has_bias: bool
    alpha: float | None
    seed: int

    @classmethod
    def of(cls, estimator: Any) -> "Settings":
        """The parameters of an estimator.

        Raises
        ------
        InputError
            If one is out of range.
        """
        alpha = None if estimator.alpha is None else real_number(estimator.alpha, "alpha", least=0)
        width, sigma = given_width(estimator.width), given_activation(estimator.activation)
        seed = int(check_random_state(estimator.random_state).randint(2**31))
        return cls(width, sigma, bool(estimator.bias), alpha, seed)

    @property
    def is_complete(self) -> bool:
        """Whether nothing is to be chosen."""
        return self.width is not None and self.sigma is not None

    def fits_network(self, network: TwoLayerNetwork, dim: int, outputs: int) -> bool:
        """Whether a network is of this width and activation, on so many inputs and outputs."""
        is_alike = network.width == self.width and network.activation == self.sigma
        return is_alike and network.dim == dim and network.n_outputs == outputs

    def count_parameters(self, dim: int, outputs: int) -> int:
        """Number of parameters that labels could determine; the scale of homogeneous units counted once."""
        assert self.width is not None
        assert self.sigma is not None
        per_unit = dim + self.has_bias + outputs - bool(self.sigma.degree)
        return self.width * per_unit + self.has_bias * outputs


@dataclass(frozen=True, eq=False)
class Batch:
    """Weighted rows and the coordinates in which they are standard.

    Attributes
    ----------
    rows : WeightedRows
    standard : Standard
    likelihood : Likelihood
    """

    rows: WeightedRows
    standard: Standard
    likelihood: Likelihood

    @classmethod
    def of(cls, rows: WeightedRows, has_bias: bool, likelihood: Likelihood) -> "Batch":
        """In coordinates of their own."""
        keeps = not isinstance(likelihood, Gaussian)
        return cls(rows, Standard.of(*rows, has_bias, keeps_labels=keeps), likelihood)

    @property
    def inputs(self) -> Matrix:
        """The standardised inputs."""
        return self.standard.inputs(self.rows.X)

    @property
    def labels(self) -> Matrix:
        """The standardised labels, or the classes."""
        return self.standard.labels(self.rows.Y)


def weighted_rows(X: Matrix, Y: Matrix, sample_weight: Any) -> WeightedRows:
    """The rows that count, copies merged.

    Raises
    ------
    ValueError
        If weights are no finite numbers of at least 0, one a row, or no row counts; or if a row cannot be squared.
    """
    weights = np.ones(len(X))
    if sample_weight is not None:
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
    check_magnitude(X, Y)
    return WeightedRows.merged(X, Y, weights)


def fitted(batch: Batch, settings: Settings, start: TwoLayerNetwork | None = None) -> RidgeFit:
    """The ridge fit of a batch, of a width and an activation that the evidence chooses where they are not given."""
    X, Y, weights, standard = batch.inputs, batch.labels, batch.rows.weights, batch.standard

    def fit(width: int, sigma: Activation) -> RidgeFit:
        return ridge_fit(
            X,
            Y,
            width,
            sigma,
            has_bias=settings.has_bias,
            alpha=settings.alpha or None,
            weights=weights,
            likelihood=batch.likelihood,
            start=None if start is None else standard.standardised(start),
            rng=np.random.default_rng(settings.seed),
        )

    if settings.width is not None and settings.sigma is not None:
        return fit(settings.width, settings.sigma)
    sigmas = [settings.sigma] if settings.sigma is not None else [activation(name) for name in _CANDIDATES]
    return chosen_fit(fit, None if settings.width is None else (settings.width,), sigmas)


@dataclass(frozen=True, eq=False)
class Memory:
    """What is kept between batches: the last fit, and the coordinates of the first batch, in which it stays.

    Attributes
    ----------
    fit : RidgeFit
    standard : Standard
    curvature : array, shape (p, p)
        Of all rows so far, at the fit.
    """

    fit: RidgeFit
    standard: Standard
    curvature: Matrix

    @classmethod
    def of(cls, fit: RidgeFit, standard: Standard) -> "Memory":
        """After a fit."""
        return cls(fit, standard, fit.objective.curvature(fit.point))


def updated(memory: Memory, rows: WeightedRows) -> Memory:
    """The memory after another batch: a refit to its rows, those before it remembered by their curvature."""
    old, standard = memory.fit, memory.standard
    new = Objective.of(
        standard.inputs(rows.X) if old.axes is None else standard.inputs(rows.X) @ old.axes.T,
        standard.labels(rows.Y),
        rows.weights,
        old.objective.activation,
        old.objective.width,
        has_bias=old.objective.has_bias,
        likelihood=old.objective.likelihood,
    )
    objective = Remembering(
        **{name: getattr(new, name) for name in new.__dataclass_fields__},
        anchor=old.point.z,
        memory=memory.curvature,
        past_loss=old.point.loss,
        past_weight=old.objective.total_weight,
    )
    here = replace(old, objective=objective, point=objective.at(old.point.z))
    fit = refitted(here, old.point.z, moves_ridge=len(old.prior.alphas) > 1)
    return Memory.of(fit, standard)
