"""Population risk over Gaussian inputs: of one network against another, and of the predictors that know nothing."""

from twolayer.risk.pair_means import pair_means
from twolayer.risk.population import PopulationRisk, low_orders, population_risk
from twolayer.risk.predictors import Predictor, constant_predictor, norm_only_predictor, quadratic_predictor

__all__ = [
    "PopulationRisk",
    "Predictor",
    "constant_predictor",
    "low_orders",
    "norm_only_predictor",
    "pair_means",
    "population_risk",
    "quadratic_predictor",
]
