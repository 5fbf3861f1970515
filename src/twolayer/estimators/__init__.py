"""scikit-learn estimators: validate, call, store."""

from twolayer.estimators.classifier import TwoLayerClassifier
from twolayer.estimators.regressor import TwoLayerRegressor

__all__ = ["TwoLayerClassifier", "TwoLayerRegressor"]
