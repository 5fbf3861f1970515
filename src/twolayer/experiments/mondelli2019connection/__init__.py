"""The experiment of mondelli2019connection, section 6."""

from twolayer.experiments.mondelli2019connection.generalisation import GENERALISATION

__all__ = ["GENERALISATION"]
