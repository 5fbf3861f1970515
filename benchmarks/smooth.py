"""Smooth boxes taken apart: planted units of each activation, not told, and trained networks.

    python benchmarks/smooth.py [--smoke]

Queries, seconds of the processor, and the largest difference of the values at standard normal inputs.
"""

import sys
import time
import warnings

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.preprocessing import scale

from twolayer import TwoLayerNetwork
from twolayer.extract import CallableBox, extract
from twolayer.network import Polynomial

ACTIVATIONS = ("softplus", "gelu", "silu", "tanh", "sigmoid", "erf", "sine")
TRAINED = tuple((sigma, solver) for sigma in ("tanh", "logistic") for solver in ("adam", "lbfgs"))


def planted(width: int, dim: int, sigma: str) -> TwoLayerNetwork:
    """Rows of length about one, biases within one, heights of both signs from 0.5 to 2."""
    rng = np.random.default_rng(0)
    W = rng.standard_normal((width, dim)) / np.sqrt(dim)
    b, signs = rng.uniform(-1, 1, width), rng.choice([-1, 1], width)
    return TwoLayerNetwork(signs * rng.uniform(0.5, 2, width), W, b, sigma, Polynomial(0.3))


def trained(width: int, sigma: str, solver: str) -> MLPRegressor:
    """A scikit-learn network of the diabetes data."""
    X, y = load_diabetes(return_X_y=True)
    model = MLPRegressor(hidden_layer_sizes=(width,), activation=sigma, solver=solver, max_iter=300, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(scale(X), scale(y))


def main() -> None:
    """Print a row for each box."""
    is_smoke = "--smoke" in sys.argv
    width, dim = (6, 4) if is_smoke else (100, 20)
    boxes = [(f"planted {sigma}", dim, width, planted(width, dim, sigma)) for sigma in ACTIVATIONS]
    for units in (8,) if is_smoke else (10, 30, 100):
        boxes += [(f"{solver} {sigma}", 10, units, trained(units, sigma, solver).predict) for sigma, solver in TRAINED]
    table = Table("box", "inputs", "units", "status", "found", "σ", "queries", "seconds", "difference")
    for name, inputs, units, function in boxes:
        start = time.process_time()
        found = extract(CallableBox(function, inputs), rng=0)
        seconds = time.process_time() - start
        X = np.random.default_rng(1).standard_normal((10_000, inputs))
        off = np.abs(found.network(X) - function(X)).max()
        shown = (found.network.width, found.network.activation.name, f"{found.queries:,}", f"{seconds:.2f}")
        table.add_row(name, str(inputs), str(units), found.status.name, *map(str, shown), f"{off:.0e}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
