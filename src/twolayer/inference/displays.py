"""A picture of a fitted estimator, in scikit-learn's manner."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from twolayer.errors import InputError
from twolayer.inference.plots import plot_of_network
from twolayer.network import TwoLayerNetwork

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["TwoLayerDisplay"]


class TwoLayerDisplay:
    """Weights by name with intervals, units over their projections with partial residuals, and what is left.

    Parameters
    ----------
    network : TwoLayerNetwork
    inputs : sequence of str, optional
        Names of the inputs.
    errors : array, shape (m, d), optional
        Standard errors of the input weights.

    Attributes
    ----------
    figure_ : Figure
        Of the last `plot`.
    axes_ : list of Axes
        Its panels: weights, one for each unit shown, what is left.
    """

    figure_: "Figure"
    axes_: list[Any]

    def __init__(self, network: TwoLayerNetwork, inputs: Any = None, errors: Any = None) -> None:
        self.network, self.inputs, self.errors = network, inputs, errors

    @classmethod
    def from_estimator(cls, estimator: Any, X: ArrayLike, y: ArrayLike, *, output: int = 0) -> "TwoLayerDisplay":
        """Draw a fitted `TwoLayerRegressor` on some rows; a pipeline that ends with one is given rows as it takes them.

        Raises
        ------
        InputError
            If the estimator is not fitted or has no network, or the rows are bad.
        """
        rows: Any = X
        while hasattr(estimator, "steps"):  # a pipeline: all but its last step change the rows
            for _, step in estimator.steps[:-1]:
                rows = rows if step in (None, "passthrough") else step.transform(rows)
            estimator = estimator.steps[-1][1]
        network = getattr(estimator, "network_", None)
        if not isinstance(network, TwoLayerNetwork):
            raise InputError(f"a fitted estimator with a network is needed, found {type(estimator).__name__}")
        names = getattr(estimator, "feature_names_in_", None)
        certificate = getattr(estimator, "certificate_", None)
        errors = None if certificate is None else np.asarray(certificate.standard_errors.W)
        if errors is not None and errors.shape != network.W.shape:
            errors = None
        return cls(network, names, errors).plot(np.asarray(rows, np.float64), y, output=output)

    def plot(self, X: ArrayLike, y: ArrayLike, *, output: int = 0) -> "TwoLayerDisplay":
        """Draw, and keep figure and axes."""
        self.figure_ = plot_of_network(self.network, X, y, inputs=self.inputs, errors=self.errors, output=output)
        self.axes_ = list(self.figure_.axes)
        return self
