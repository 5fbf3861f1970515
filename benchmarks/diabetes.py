"""Real, noisy data: five-fold cross-validation on scikit-learn's diabetes data, beside MLPRegressor.

    python benchmarks/diabetes.py [--smoke] [--seeds 3]

Every model stands behind a StandardScaler, has one hidden layer of ReLU units, and runs with its defaults but for what
the table names. MLPRegressor gets as many iterations as it takes to converge, up to 20 000. R² and seconds of a fit
are means over the folds of `cross_val_score(cv=5)` and over the seeds; "ratio" is the time of a fit over
TwoLayerRegressor's.
"""

import argparse
import warnings
from collections.abc import Callable
from functools import partial
from time import process_time

import numpy as np
from rich.console import Console
from rich.table import Table
from sklearn.base import RegressorMixin
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import cross_val_score
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from twolayer import TwoLayerRegressor

FOLDS = 5


def two_layer(width: int, seed: int) -> TwoLayerRegressor:
    return TwoLayerRegressor(width=width, random_state=seed)


def mlp(width: int, seed: int, max_iter: int, **options: object) -> MLPRegressor:
    return MLPRegressor(hidden_layer_sizes=(width,), random_state=seed, max_iter=max_iter, **options)


def contestants(max_iter: int) -> dict[str, Callable[[int, int], RegressorMixin]]:
    """Name of a model → what makes it from a width and a seed."""
    return {
        "TwoLayerRegressor": two_layer,
        "MLPRegressor": partial(mlp, max_iter=max_iter),
        "MLPRegressor, lbfgs": partial(mlp, max_iter=max_iter, solver="lbfgs"),
        "MLPRegressor, lbfgs, alpha=10": partial(mlp, max_iter=max_iter, solver="lbfgs", alpha=10.0),
    }


def measured(model: RegressorMixin) -> tuple[float, float]:
    """Mean R² over the folds, and CPU seconds of one fit and its scoring."""
    X, y = load_diabetes(return_X_y=True)
    began = process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # where 20 000 iterations are not enough
        scores = cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=FOLDS)
    return float(scores.mean()), (process_time() - began) / FOLDS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one width, few iterations, to see that it runs")
    parser.add_argument("--seeds", type=int, default=3)
    given = parser.parse_args()
    widths, seeds, max_iter = ((3,), 1, 50) if given.smoke else ((5, 10, 20), given.seeds, 20_000)
    table = Table(title=f"Diabetes data, 442 rows, 10 inputs: {FOLDS} folds, {seeds} seeds")
    for heading in ("width", "model", "R²", "lowest seed", "CPU s a fit", "ratio"):
        table.add_column(heading, no_wrap=True, justify="left" if heading == "model" else "right")
    linear, _ = measured(RidgeCV(np.logspace(-1, 3, 9)))
    table.add_row("-", "linear, RidgeCV", f"{linear:.3f}", "", "", "", end_section=True)
    for width in widths:
        own_seconds = None
        for name, make in contestants(max_iter).items():
            scores, seconds = np.transpose([measured(make(width, seed)) for seed in range(seeds)])
            own_seconds = own_seconds or seconds.mean()
            table.add_row(
                str(width),
                name,
                f"{scores.mean():.3f}",
                f"{scores.min():.3f}",
                f"{seconds.mean():.2f}",
                f"{seconds.mean() / own_seconds:.1f}",
            )
        table.add_section()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
