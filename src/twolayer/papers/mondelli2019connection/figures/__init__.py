"""The experiment of mondelli2019connection, section 6."""

from twolayer.papers.mondelli2019connection.figures.generalisation import GENERALISATION

__all__ = ["GENERALISATION"]
