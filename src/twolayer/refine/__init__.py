"""From a start to a minimum of the squared error: one algorithm, one file."""

from twolayer.model.fit import Fit
from twolayer.refine.gauss_newton import gauss_newton
from twolayer.refine.levenberg_marquardt import levenberg_marquardt
from twolayer.refine.minibatch_descent import minibatch_descent
from twolayer.refine.progress import Stopping

__all__ = [
    "REFINERS",
    "Fit",
    "Stopping",
    "gauss_newton",
    "levenberg_marquardt",
    "minibatch_descent",
]

REFINERS = {
    "gauss_newton": gauss_newton,
    "levenberg_marquardt": levenberg_marquardt,
}
