"""Classification, beside scikit-learn's MLPClassifier of the same width: log loss, accuracy, CPU time.

    python benchmarks/classifier.py [--smoke] [--seeds 2]

Every peer stands behind a StandardScaler; all have one hidden layer and run with their defaults but for what the table
names. Five-fold cross-validation with shuffled, stratified folds. Means over folds and seeds; "worst" is the highest
log loss of a fold. CPU seconds are of one fit.
"""

import argparse
import warnings
from collections.abc import Callable, Iterator
from functools import partial
from time import process_time

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_breast_cancer, load_digits, load_iris, make_moons
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from twolayer import TwoLayerClassifier

FOLDS = 5
Rows = tuple[NDArray[np.float64], NDArray[np.int64]]


def problems(is_smoke: bool) -> Iterator[tuple[str, Rows, int]]:
    """Name, rows and width."""
    yield "iris", load_iris(return_X_y=True), 5
    yield "two moons", make_moons(100 if is_smoke else 400, noise=0.25, random_state=0), 10
    if not is_smoke:
        yield "breast cancer", load_breast_cancer(return_X_y=True), 10
        yield "digits", load_digits(return_X_y=True), 36


def mlp(width: int, seed: int, activation: str, **options: object) -> ClassifierMixin:
    model = MLPClassifier(hidden_layer_sizes=(width,), activation=activation, random_state=seed, **options)
    return make_pipeline(StandardScaler(), model)


def contestants(max_iter: int) -> dict[str, Callable[[int, int], ClassifierMixin]]:
    """Name of a model → what makes it from a width and a seed."""
    models: dict[str, Callable[[int, int], ClassifierMixin]] = {}
    for activation in ("relu", "tanh"):
        models[f"TwoLayerClassifier, {activation}"] = partial(_two_layer, activation)
        models[f"MLPClassifier, {activation}"] = partial(mlp, activation=activation)
        models[f"MLPClassifier, {activation}, {max_iter} iterations"] = partial(
            mlp, activation=activation, max_iter=max_iter
        )
        models[f"MLPClassifier, {activation}, lbfgs"] = partial(mlp, activation=activation, solver="lbfgs")
    return models


def _two_layer(activation: str, width: int, seed: int) -> TwoLayerClassifier:
    return TwoLayerClassifier(width, activation, random_state=seed)


def measured(make: Callable[[int], ClassifierMixin], rows: Rows, seeds: int) -> tuple[float, float, float, float]:
    """Mean and worst log loss, accuracy, and CPU seconds of a fit."""
    X, y = rows
    losses, scores, seconds = [], [], []
    for seed in range(seeds):
        for train, test in StratifiedKFold(FOLDS, shuffle=True, random_state=seed).split(X, y):
            began = process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the iterations are what the table names
                model = make(seed).fit(X[train], y[train])
            seconds.append(process_time() - began)
            losses.append(log_loss(y[test], model.predict_proba(X[test])))
            scores.append(model.score(X[test], y[test]))
    return float(np.mean(losses)), float(np.max(losses)), float(np.mean(scores)), float(np.mean(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="two small problems, few iterations, to see that it runs")
    parser.add_argument("--seeds", type=int, default=2)
    given = parser.parse_args()
    seeds, max_iter = (1, 20) if given.smoke else (given.seeds, 2000)
    table = Table(title=f"{FOLDS} folds, {seeds} seeds")
    for heading in ("problem", "width", "model", "log loss", "worst", "accuracy", "CPU s a fit"):
        table.add_column(heading, no_wrap=True, justify="left" if heading in ("problem", "model") else "right")
    for name, rows, width in problems(given.smoke):
        plain = measured(lambda _: make_pipeline(StandardScaler(), LogisticRegression()), rows, 1)
        table.add_row(name, "-", "logistic regression", *written(plain))
        for model, make in contestants(max_iter).items():
            table.add_row(name, str(width), model, *written(measured(partial(make, width), rows, seeds)))
        table.add_section()
    Console(width=120).print(table)


def written(numbers: tuple[float, float, float, float]) -> tuple[str, str, str, str]:
    mean, worst, accuracy, seconds = numbers
    return f"{mean:.3f}", f"{worst:.3f}", f"{accuracy:.4f}", f"{seconds:.2f}"


if __name__ == "__main__":
    main()
