"""Hermite moments: accumulated over blocks, with control variates, as products never formed; and score functions."""

from twolayer.moments.accumulator import HermiteMoments
from twolayer.moments.contractions import MomentOperator, moment_cube, moment_vector
from twolayer.moments.control_variates import ControlledMoments, controlled_moments
from twolayer.moments.regression import HermitePolynomial, hermite_regression
from twolayer.moments.score_functions import GaussianMixture, score_matrix, score_slice, score_vector
from twolayer.moments.second_moment import SecondMoment, second_moment
from twolayer.moments.shared_moment import SharedMoment, shared_moment, third_slices
from twolayer.rows.passes import weighted_gram

__all__ = [
    "ControlledMoments",
    "GaussianMixture",
    "HermiteMoments",
    "HermitePolynomial",
    "MomentOperator",
    "SecondMoment",
    "SharedMoment",
    "controlled_moments",
    "hermite_regression",
    "moment_cube",
    "moment_vector",
    "score_matrix",
    "score_slice",
    "score_vector",
    "second_moment",
    "shared_moment",
    "third_slices",
    "weighted_gram",
]
