"""The paper's algorithm as a method of `recover`: what it finds is judged as it is."""

import numpy as np

from twolayer.activation import Activation
from twolayer.errors import InputError
from twolayer.evidence.found import Found
from twolayer.model.fit import Fit
from twolayer.papers.awasthi2021efficient.algorithm import recover_awasthi2021
from twolayer.refine.explore import Report
from twolayer.samples import Samples

__all__ = ["recovery"]


def recovery(
    samples: Samples, width: int, activation: Activation, *, rng: np.random.Generator, report: Report
) -> Found:
    """The robust algorithm of the paper; its m + 2 units are judged as they are, without further refinement."""
    if activation.name != "relu" or not samples.has_bias:
        raise InputError("the method awasthi2021efficient is for ReLU units with biases; use the method auto")
    network, _ = recover_awasthi2021(samples.X, samples.y, width, rng=rng)
    network = network.balanced()
    problem = samples.problem(network.width, network.activation, signs=np.sign(network.a))
    fit = Fit.at(problem, problem.join(np.column_stack([network.W, network.b])))
    report("least squares", 0, fit.loss)
    return Found(fit)
