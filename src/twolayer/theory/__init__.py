"""The papers' quantities and bounds, evaluated: one paper, one module, named by its bib key."""

from twolayer.theory.theories import THEORIES, Theory

__all__ = ["THEORIES", "Theory"]
