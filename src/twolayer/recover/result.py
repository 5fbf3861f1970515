"""What a recovery returns."""

from dataclasses import dataclass, field
from importlib import import_module
from typing import TYPE_CHECKING, Any

from numpy.typing import ArrayLike

from twolayer.equality import equal_by_value
from twolayer.evidence import Certificate, Status
from twolayer.network import TwoLayerNetwork

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

    from twolayer.files import FilePath

__all__ = ["RecoveryError", "Result", "Step"]


class RecoveryError(RuntimeError):
    """Asked for a network that is not certified."""


@dataclass(frozen=True)
class Step:
    """One step of a recovery.

    Attributes
    ----------
    stage : str
        What the method was doing.
    step : int
        Counted from 0 within the stage.
    loss : float
        Squared residual relative to ‖y‖², or to that of y less its mean where there are biases.
    seconds : float
        Since the beginning.
    """

    stage: str
    step: int
    loss: float
    seconds: float


@equal_by_value
@dataclass(frozen=True, eq=False, repr=False)
class Result:
    """A network, how sure it is, and how it was found.

    Attributes
    ----------
    network : TwoLayerNetwork
        The best network found, balanced (|a_i| = 1) where the activation is homogeneous.
    status : Status
        Certified or not; its value is the advice.
    certificate : Certificate
        The evidence.
    history : tuple of Step
        Does not count where results are compared.
    inputs, outputs : tuple of str, or None
        What the columns of X and of y are called, where a data frame or a table said it.
    samples : pair of arrays, or None
        The X and y of the fit, as they were given, for what is asked later; copies, pickles and files do not have them.
        With a link, the y are the outputs behind the labels.
    link : str
        The key of `LINKS` of the function that makes labels of the network's outputs.
    """

    network: TwoLayerNetwork
    status: Status
    certificate: Certificate
    history: tuple[Step, ...] = field(compare=False, repr=False)
    inputs: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    samples: tuple[Any, Any] | None = field(default=None, compare=False, repr=False)
    link: str = "identity"

    @property
    def is_certified(self) -> bool:
        """Whether this is the network that made the data, as the certificate says."""
        return self.status.is_certified

    def unwrap(self) -> TwoLayerNetwork:
        """Return the network if it is certified.

        Raises
        ------
        RecoveryError
            If it is not, with the advice.
        """
        if not self.is_certified:
            raise RecoveryError(f"{self.status.name}: {self.status.value}")
        return self.network

    def summary(self, level: float = 0.95, covariance: str = "classical", groups: ArrayLike | None = None) -> Any:
        """The whole network with errors and intervals, verdict first: a `twolayer.inference.summary.Summary`.

        Parameters
        ----------
        level : float
            Of the intervals.
        covariance : str
            ``"classical"``, ``"sandwich"`` or ``"cluster"``, as `twolayer.inference.estimates.estimates` has them.
        groups : array, shape (n,)
            Of the rows, for ``"cluster"``.
        """
        return _asked("of_results:summary")(self, level, covariance, groups)

    @property
    def params(self) -> Any:
        """A DataFrame of every number, by unit and name: coefficient, standard error, 95 % interval, remark."""
        return _asked("of_results:params")(self)

    def conf_int(self, level: float = 0.95, covariance: str = "classical", groups: ArrayLike | None = None) -> Any:
        """A DataFrame of the ends of intervals."""
        return _asked("of_results:conf_int")(self, level, covariance, groups)

    def predict(self, X: ArrayLike, return_std: bool = False) -> Any:
        """Value of the network at each row; with its standard error (of the function, by the delta method) if asked."""
        return _asked("of_results:predict")(self, X, return_std)

    def plot(self, X: ArrayLike | None = None, y: ArrayLike | None = None) -> "Figure":
        """Weights with intervals, each unit over its projection with partial residuals, and what is left."""
        return _asked("plots:plot_of_result")(self, X, y)

    def plot_effects(self) -> "Figure":
        """What each input does to the output, averaged over the rows, with its standard error."""
        return _asked("plots:plot_of_effects")(self)

    def effect(self, input: str | int, points: int = 41, output: int = 0) -> Any:  # noqa: A002
        """Partial dependence on an input: a `twolayer.inference.effects.Effect`."""
        return _asked("of_results:effect")(self, input, points, output)

    def wald_test(self, unit: int | None = None, input: str | int | None = None) -> Any:  # noqa: A002
        """Wald test that a unit, or an input, could be left out: a `twolayer.inference.hypotheses.Test`."""
        return _asked("of_results:wald")(self, unit, input)

    def likelihood_ratio_test(self, unit: int | None = None, input: str | int | None = None) -> Any:  # noqa: A002
        """The same by a refit without it."""
        return _asked("of_results:likelihood_ratio_test")(self, unit, input)

    def suspect_rows(self, level: float = 0.05) -> Any:
        """Rows whose labels do not fit, the worst first: `twolayer.inference.suspects.SuspectRow` each."""
        return _asked("of_results:suspects")(self, level)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        return _asked("of_results:to_dict")(self)

    def save(self, path: "FilePath") -> None:
        """Write all but the rows to a versioned ``.npz`` without pickle, whole or not at all."""
        _asked("keeping:save")(self, path)

    @classmethod
    def load(cls, path: "FilePath") -> "Result":
        """Read a result that `save` wrote, without trusting the file."""
        return _asked("keeping:load")(path)

    def __repr__(self) -> str:
        network = self.network
        unit = "unit" if network.width == 1 else "units"
        what = f"{network.width} {network.activation.name} {unit} on {network.dim} input{'s'[: network.dim != 1]}"
        return f"<Result {self.status.name}: {what}, residual {self.certificate.residual:.1e}>"

    def _repr_html_(self) -> str:
        return str(self.summary().as_html())

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "samples": None}


def _asked(name: str) -> "Callable[..., Any]":
    """What answers a question to a result: it is in a room above this one, and imported when it is asked."""
    module, _, function = name.partition(":")
    return getattr(import_module(f"twolayer.inference.{module}"), function)
