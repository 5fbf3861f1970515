"""Fits to test a search with: a network as a point of its own problem, and ears that are deaf or keep a list."""

import numpy as np

from twolayer.model import UnitsProblem
from twolayer.model.fit import Fit
from twolayer.refine.explore import polish


def silent(*_):
    """Listen to nothing."""


class Told:
    """A report that keeps what it is told."""

    def __init__(self):
        self.steps = []

    def __call__(self, stage, step, loss):
        self.steps.append((stage, step, loss))

    @property
    def stages(self):
        """The stages, in the order in which they were first told."""
        return list(dict.fromkeys(stage for stage, _, _ in self.steps))


def fit_at(X, y, network, *, has_bias=False):
    """The problem that has the shape of a network, and the network as its point; signs are fixed where σ allows it."""
    network = network.balanced()
    signs = np.sign(network.a) if network.activation.degree else None
    problem = UnitsProblem(X, y, network.activation, network.width, signs=signs, has_bias=has_bias)
    theta = np.column_stack([network.W, network.b]) if has_bias else network.W
    point = problem.join(theta, network.a)
    residual = network(X) - y
    return Fit(problem, point, float(residual @ residual) / float(y @ y))


def minimum_near(X, y, network, *, has_bias=False):
    """The least squares of that shape near a network."""
    start = fit_at(X, y, network, has_bias=has_bias)
    return polish(start.problem, start.point, silent)
