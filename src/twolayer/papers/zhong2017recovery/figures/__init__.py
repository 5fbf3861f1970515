"""The experiments of zhong2017recovery, section 7, and the table of its Theorem 3.5."""

from twolayer.papers.zhong2017recovery.figures.activations import ACTIVATION_PROPERTIES
from twolayer.papers.zhong2017recovery.figures.convergence import CONVERGENCE
from twolayer.papers.zhong2017recovery.figures.initialization_error import INITIALIZATION_ERROR
from twolayer.papers.zhong2017recovery.figures.recovery_rate import RECOVERY_RATE

__all__ = ["ACTIVATION_PROPERTIES", "CONVERGENCE", "INITIALIZATION_ERROR", "RECOVERY_RATE"]
