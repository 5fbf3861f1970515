"""The experiments of zhong2017recovery, section 7, and the table of its Theorem 3.5."""

from twolayer.experiments.zhong2017recovery.activations import ACTIVATION_PROPERTIES
from twolayer.experiments.zhong2017recovery.convergence import CONVERGENCE
from twolayer.experiments.zhong2017recovery.initialization_error import INITIALIZATION_ERROR
from twolayer.experiments.zhong2017recovery.recovery_rate import RECOVERY_RATE

__all__ = ["ACTIVATION_PROPERTIES", "CONVERGENCE", "INITIALIZATION_ERROR", "RECOVERY_RATE"]
