"""The experiments of zhong2017recovery, section 7, and the table of its Theorem 3.5."""

from twolayer.experiments.zhong2017recovery.recovery_rate import RECOVERY_RATE

__all__ = ["RECOVERY_RATE"]
