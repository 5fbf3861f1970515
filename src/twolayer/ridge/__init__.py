"""A network fitted with a ridge on its weights: an approximation, wherever the data come from."""

from twolayer.ridge.choosing import chosen_fit
from twolayer.ridge.confirmation import confirmed
from twolayer.ridge.fit import RidgeFit
from twolayer.ridge.likelihood import Bernoulli, Categorical, Gaussian, Likelihood
from twolayer.ridge.objective import Objective, Remembering
from twolayer.ridge.rows import WeightedRows
from twolayer.ridge.search import refitted, ridge_fit
from twolayer.ridge.standard import Standard

__all__ = [
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "Likelihood",
    "Objective",
    "Remembering",
    "RidgeFit",
    "Standard",
    "WeightedRows",
    "chosen_fit",
    "confirmed",
    "refitted",
    "ridge_fit",
]
