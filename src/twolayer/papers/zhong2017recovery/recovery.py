"""The paper's algorithm as a method of `recover`: what it finds is judged as it is."""

import numpy as np

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.evidence.found import Found
from twolayer.model.fit import Fit
from twolayer.papers.zhong2017recovery.algorithm import recover_zhong2017
from twolayer.refine.explore import Report
from twolayer.samples import Samples

__all__ = ["recovery"]


def recovery(
    samples: Samples, width: int, activation: Activation, *, rng: np.random.Generator, report: Report
) -> Found:
    """Algorithms 1 and 2 of the paper; what they return is judged as it is, without further refinement."""
    if samples.has_bias:
        raise InputError("the method zhong2017recovery knows no biases; use the method auto")
    network, learning = recover_zhong2017(samples.X, samples.y, width, activation, rng=rng)
    energy = float(samples.y @ samples.y)
    for step, risk in enumerate(learning.risks):
        report("gradient descent", step, 2 * samples.n_rows * float(risk) / energy)
    problem = samples.problem(network.width, network.activation, signs=np.sign(network.a))
    return Found(Fit.at(problem, problem.join(network.balanced().W)))
