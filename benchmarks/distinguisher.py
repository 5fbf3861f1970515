"""Can it tell scattered labels from realizable ones? Five learners on planted samples and on easy twins.

    python benchmarks/distinguisher.py [--smoke] [--trials 3] [--samples 5000] [--variables 40]

The samples are those of `twolayer.papers.daniely2020hardness.instances`: of each kind, one with labels that a planted
network realises and one with labels that are fair coins. A learner is fitted to a tenth of a sample, and the sample
is called realizable if the loss over all of it is at most 1/10 (the 1/10 rule). Sizes are small, for the sake of
time: hardness is a statement about large ones, and what is learned here of a hard sample disproves nothing. Of the
planted ones, "naive" is the law "uniform" of `PLANTINGS`, three literals to a clause, and "balanced" the law of that
name, four. `MajorityVote` knows how inputs are made of patches, and nothing else; where a transform has mixed the
patches it is not tried. "least squares" is ridge regression, the best of the linear learners.  "called" is the share
of the samples called realizable, with its 95 % interval; "loss" the mean squared error on rows that the learner did
not see, with its standard error between samples; the best constant has a loss of about 0.25. It "tells apart" if all
verdicts are right, "leans" if the two losses are more than three standard errors apart and it does not, and otherwise
not. Inputs are scaled to unit variance for all learners alike; torch is measured where it is installed.
"""

import argparse
import warnings
from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from time import process_time

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from twolayer import TwoLayerRegressor
from twolayer.papers.daniely2020hardness.instances import (
    EASY_TWIN,
    RANDOM_NETWORK,
    SIGN_CNN,
    Learner,
    MajorityVote,
    Power,
    distinguishing_power,
)

SMALL = {"clause_size": 3, "clauses": 3, "width": 3}
NAIVE = {**SMALL, "planting": "uniform"}
BALANCED = {"clause_size": 4, "clauses": 9, "width": 9, "planting": "balanced"}
KINDS = {
    "naive sign-CNN": (SIGN_CNN, NAIVE),
    "balanced sign-CNN": (SIGN_CNN, BALANCED),
    "naive random network": (RANDOM_NETWORK, {**NAIVE, "law": "normal"}),
    "balanced random network": (RANDOM_NETWORK, {**BALANCED, "law": "normal"}),
    "easy: 4 variables in use": (
        EASY_TWIN,
        {"twin": "few_variables", "clause_size": 2, "clauses": 2, "width": 2, "used": 4},
    ),
    "easy: 50 tuples, repeated": (EASY_TWIN, {**SMALL, "twin": "repeated_tuples", "distinct": 50}),
    "easy: Gaussian inputs": (EASY_TWIN, {**SMALL, "twin": "gaussian_inputs"}),
}
SMOKE_KINDS = ("easy: Gaussian inputs",)
WIDTH, EPOCHS, RATE = 30, 300, 0.01


class TorchNetwork(RegressorMixin, BaseEstimator):
    """Two-layer ReLU network, Adam on full batches of the squared loss."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, X: np.ndarray, y: np.ndarray) -> "TorchNetwork":
        import torch

        torch.manual_seed(self.seed)
        self.network = torch.nn.Sequential(
            torch.nn.Linear(X.shape[1], WIDTH), torch.nn.ReLU(), torch.nn.Linear(WIDTH, 1)
        ).double()
        self.n_features_in_ = X.shape[1]
        inputs, labels = torch.from_numpy(X), torch.from_numpy(y)
        optimizer = torch.optim.Adam(self.network.parameters(), lr=RATE)
        for _ in range(EPOCHS):
            optimizer.zero_grad()
            loss = torch.nn.functional.mse_loss(self.network(inputs)[:, 0], labels)
            loss.backward()
            optimizer.step()
        return self

    def predict(self, X: np.ndarray) -> np.ndarray:
        import torch

        with torch.no_grad():
            return self.network(torch.from_numpy(X))[:, 0].numpy()


def scaled(model: object) -> Learner:
    return make_pipeline(StandardScaler(), model)


def learners(patch_size: int | None) -> dict[str, Callable[[int], Learner]]:
    """Name of a learner → what makes it from a seed; the vote only where there are patches."""
    found: dict[str, Callable[[int], Learner]] = {
        "least squares": lambda _: scaled(RidgeCV(alphas=(1.0, 10.0, 100.0, 1000.0))),
        "TwoLayerRegressor": lambda seed: scaled(TwoLayerRegressor(width=1, random_state=seed)),
        "MLPRegressor": lambda seed: scaled(
            MLPRegressor(hidden_layer_sizes=(WIDTH,), max_iter=EPOCHS, random_state=seed)
        ),
    }
    if find_spec("torch") is not None:
        found["torch, Adam"] = lambda seed: scaled(TorchNetwork(seed))
    if patch_size is not None:
        found["majority vote"] = lambda _: MajorityVote(patch_size)
    return found


def draw(
    kind: str, sizes: dict[str, int], is_scattered: bool, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    family, options = KINDS[kind]
    X, y, _, _ = family.draw(rng, **{**family.defaults, **options, **sizes, "is_scattered": is_scattered})
    return (X if isinstance(X, np.ndarray) else X.toarray()), y


def judgement(realizable: Power, scattered: Power) -> str:
    if realizable.frequency == 1 and scattered.frequency == 0:
        return "tells apart"
    gap, error = scattered.loss - realizable.loss, np.hypot(realizable.standard_error, scattered.standard_error)
    return "leans" if gap > 3 * error else "no"


def shown(power: Power) -> tuple[str, str]:
    low, high = power.interval
    return f"{power.frequency:.2f} [{low:.2f}, {high:.2f}]", f"{power.loss:.3f} ± {power.standard_error:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one kind, few samples, to see that it runs")
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--variables", type=int, default=40)
    given = parser.parse_args()
    kinds, trials, samples = (SMOKE_KINDS, 2, 500) if given.smoke else (tuple(KINDS), given.trials, given.samples)
    sizes = {"samples": samples, "variables": given.variables}
    shape = f"{samples // 10} of {samples} rows seen, {trials} samples of each kind, {given.variables} variables"
    table = Table(title=f"The 1/10 rule: {shape}")
    for heading in ("sample", "learner", "called", "loss", "coins called", "loss ", "tells apart?", "CPU s a fit"):
        table.add_column(heading, no_wrap=True, justify="left" if heading in {"sample", "learner"} else "right")
    for kind in kinds:
        tried = learners(None if KINDS[kind][0] is RANDOM_NETWORK else given.variables + 1)
        for name, make in tried.items():
            began = process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # after the iterations that it is given
                warnings.filterwarnings("ignore", message=".* parameters are fitted to .* rows")
                realizable, scattered = (
                    distinguishing_power(make, partial(draw, kind, sizes, is_scattered), trials, rng=1)
                    for is_scattered in (False, True)
                )
            seconds = (process_time() - began) / (2 * trials)
            row = [kind, name, *shown(realizable), *shown(scattered), judgement(realizable, scattered)]
            table.add_row(*row, f"{seconds:.2f}", end_section=name == list(tried)[-1])
    Console(width=160).print(table)


if __name__ == "__main__":
    main()
