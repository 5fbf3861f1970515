"""What a recovery returns."""

from dataclasses import dataclass, field

from twolayer.equality import equal_by_value
from twolayer.evidence import Certificate, Status
from twolayer.network import TwoLayerNetwork
from twolayer.one_line import in_one_line

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


@in_one_line
@equal_by_value
@dataclass(frozen=True, eq=False)
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
    """

    network: TwoLayerNetwork
    status: Status
    certificate: Certificate
    history: tuple[Step, ...] = field(compare=False, repr=False)

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
