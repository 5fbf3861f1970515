"""Regression on noisy and on smooth data, beside scikit-learn's MLPRegressor of the same width: R² and CPU time.

    python benchmarks/regressor.py [--smoke] [--seeds 1] [--widths 10 20]

The six problems of a first trial of the library by its users: diabetes, the three of Friedman with noise, house prices
with two local bumps, and the reach of a robot arm with four joints, without noise. Labels and inputs are standardised
for all. Five-fold cross-validation; means over folds and seeds, the lowest fold, and CPU seconds of one fit. "lbfgs"
has at most 2000 iterations.
"""

import argparse
import warnings
from collections.abc import Iterator
from time import process_time

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes, make_friedman1, make_friedman2, make_friedman3
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from twolayer import TwoLayerRegressor

FOLDS = 5
Rows = tuple[NDArray[np.float64], NDArray[np.float64]]


def houses(n: int, rng: np.random.Generator) -> Rows:
    """Prices by income, age and rooms, with a bump about each of two towns, and noise."""
    north, east = rng.uniform(32, 42, n), rng.uniform(-124, -114, n)
    income, rooms = np.exp(rng.normal(1.2, 0.45, n)), np.exp(rng.normal(1.6, 0.3, n))
    age, persons = rng.uniform(1, 52, n), np.exp(rng.normal(1.0, 0.3, n))
    towns = 1.5 * np.exp(-((north - 34) ** 2) - (east + 118) ** 2)
    towns += 2 * np.exp(-((north - 37.7) ** 2 + (east + 122.4) ** 2) / 0.8)
    price = 0.45 * income + 0.01 * age + towns + 0.1 * rooms - 0.06 * np.log(persons) * income + rng.normal(0, 0.4, n)
    others = np.exp(rng.normal(7, 0.7, n)), rng.normal(1.1, 0.1, n)
    return np.column_stack([north, east, income, age, rooms, persons, *others]), price


def robot_arm(n: int, rng: np.random.Generator) -> Rows:
    """Distance of the hand from the shoulder, by four angles and four lengths."""
    angles, lengths = rng.uniform(-1.5, 1.5, (n, 4)), rng.uniform(0.5, 1, (n, 4))
    turned = np.cumsum(angles, axis=1)
    reach = np.hypot((lengths * np.cos(turned)).sum(1), (lengths * np.sin(turned)).sum(1))
    return np.hstack([angles, lengths]), reach


def problems(is_smoke: bool) -> Iterator[tuple[str, Rows]]:
    size = 0.1 if is_smoke else 1.0
    n = int(1000 * size)
    yield "diabetes", load_diabetes(return_X_y=True)
    yield "friedman1", make_friedman1(n, noise=1.0, random_state=0)
    if not is_smoke:
        yield "friedman2", make_friedman2(n, noise=50.0, random_state=0)
        yield "friedman3", make_friedman3(n, noise=0.1, random_state=0)
        yield "houses", houses(3 * n, np.random.default_rng(0))
        yield "robot arm", robot_arm(2 * n, np.random.default_rng(0))


def models(width: int, seed: int, max_iter: int) -> dict[str, object]:
    rows: dict[str, object] = {"boosted trees": HistGradientBoostingRegressor(random_state=seed)}
    for activation in ("relu", "tanh"):
        rows[f"TwoLayerRegressor, {activation}"] = TwoLayerRegressor(width, activation, random_state=seed)
        for solver in ("lbfgs", "adam"):
            mlp = MLPRegressor(
                hidden_layer_sizes=(width,), activation=activation, solver=solver, max_iter=max_iter, random_state=seed
            )
            scaled = TransformedTargetRegressor(mlp, transformer=StandardScaler())
            rows[f"MLPRegressor, {activation}, {solver}"] = make_pipeline(StandardScaler(), scaled)
    return rows


def measured(name: str, rows: Rows, width: int, seeds: int, max_iter: int) -> tuple[float, float, float]:
    """Mean and lowest R², and CPU seconds of a fit."""
    X, y = rows
    scores, seconds = [], []
    for seed in range(seeds):
        for train, test in KFold(FOLDS, shuffle=True, random_state=seed).split(X):
            began = process_time()
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", ConvergenceWarning)  # the iterations are named above
                model = models(width, seed, max_iter)[name].fit(X[train], y[train])
            seconds.append(process_time() - began)
            scores.append(model.score(X[test], y[test]))
    return float(np.mean(scores)), float(np.min(scores)), float(np.mean(seconds))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="two small problems, few iterations, to see that it runs")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--widths", type=int, nargs="+", default=[10, 20])
    given = parser.parse_args()
    widths, max_iter = ([3], 20) if given.smoke else (given.widths, 2000)
    table = Table(title=f"{FOLDS} folds, {given.seeds} seeds")
    for heading in ("problem", "width", "model", "R²", "lowest fold", "CPU s a fit"):
        table.add_column(heading, no_wrap=True, justify="left" if heading in ("problem", "model") else "right")
    for problem, rows in problems(given.smoke):
        for width in widths:
            for name in models(width, 0, max_iter):
                mean, lowest, seconds = measured(name, rows, width, given.seeds, max_iter)
                table.add_row(problem, str(width), name, f"{mean:.3f}", f"{lowest:.3f}", f"{seconds:.2f}")
            table.add_section()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
