"""What if width, activation or the law of the inputs are not what the theory is told?

    python benchmarks/unknown.py [--smoke] [--seeds 10] [--tables width activation inputs] [--large]

Planted networks with rows uniform on the sphere, output weights of magnitude from 1/2 to 2 and random signs, biases
uniform on [-B, B]. Three tables:

1. Width not given, ReLU with biases: how often the planted width is chosen, certified, and exact (relative error
   of each unit at most 1e-6), and the seconds taken. `--large` adds 50 inputs and 50 units, one seed.
2. Activation not given: how often the planted one is chosen, and certified; "unclear" are those that another activation
   explains as well. Chosen and certified must never be another: "wrong" counts certificates of another function, by its
   values on fresh inputs (tanh and sigmoid beside a constant write the same functions).
3. Inputs that are not standard Gaussian: how often the network is certified, found, and warned of; "wrong" counts
   certificates of a function that is another on fresh inputs of the same law.
"""

import argparse
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from rich.console import Console
from rich.table import Table

from contest.measurement import provenance
from twolayer import Result, Status, TwoLayerNetwork, recover
from twolayer.align import recovery_error
from twolayer.teachers import random_units

EXACT, NOISE = 1e-6, 0.01
WIDTHS = ((10, 5, 1.0, 400), (10, 5, 2.0, 800), (10, 10, 1.0, 800), (20, 20, 1.0, 2_800), (10, 20, 1.0, 2_000))
LARGE = (50, 50, 1.0, 16_000)
ACTIVATIONS = ("relu", "tanh", "sigmoid", "squared_relu", "softplus")
SIZES = ((6, 3, 0.0, 1_000), (6, 3, 1.0, 1_500), (10, 5, 1.0, 3_000))
INPUTS = (("relu", 6, 3, 1.0, 800), ("tanh", 6, 3, 1.0, 800))
FRESH_ROWS, SAME_FUNCTION = 2_000, 1e-6


def uniform(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    return rng.uniform(-np.sqrt(3), np.sqrt(3), (n, d))


def student(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Five degrees of freedom, variance one."""
    return rng.standard_t(5, (n, d)) * np.sqrt(3 / 5)


def mixture(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Two Gaussians, their means 3 apart in a random direction that each seed shares."""
    direction = np.random.default_rng(d).standard_normal(d)
    centres = 1.5 * direction / np.linalg.norm(direction)
    return rng.standard_normal((n, d)) + rng.choice([-1.0, 1.0], (n, 1)) * centres


def correlated(rng: np.random.Generator, n: int, d: int) -> np.ndarray:
    """Gaussian, correlations 0.7 to the power of the distance."""
    distance = np.abs(np.subtract.outer(np.arange(d), np.arange(d)))
    return rng.standard_normal((n, d)) @ np.linalg.cholesky(0.7**distance).T


LAWS: dict[str, Callable[[np.random.Generator, int, int], np.ndarray]] = {
    "standard Gaussian": lambda rng, n, d: rng.standard_normal((n, d)),
    "uniform": uniform,
    "Student t": student,
    "mixture of two": mixture,
    "correlated Gaussian": correlated,
}


@dataclass(frozen=True)
class Trial:
    """What was planted, and what was recovered in how many seconds."""

    teacher: TwoLayerNetwork
    result: Result
    seconds: float
    fresh: np.ndarray
    noise: float

    @property
    def is_same_function(self) -> bool:
        """Whether the values are the planted ones, to rounding or to what noise leaves."""
        truth = self.teacher(self.fresh)
        left = np.sqrt(np.mean((self.result.network(self.fresh) - truth) ** 2)) / truth.std()
        return bool(left <= (SAME_FUNCTION if self.noise == 0 else 2 * self.noise))

    @property
    def is_exact(self) -> bool:
        """Whether all units are the planted ones."""
        found = self.result.network
        same_kind = found.width == self.teacher.width and found.activation == self.teacher.activation
        return same_kind and recovery_error(found, self.teacher) <= EXACT

    @property
    def is_wrong(self) -> bool:
        """Whether another function, or a wider network, is certified."""
        is_other = not self.is_same_function or self.result.network.width > self.teacher.width
        return self.result.is_certified and is_other


def trial(spec: str, size: tuple[int, int, float, int], seed: int, noise: float = 0.0, law: str = "", **asked) -> Trial:
    d, m, bias, n = size
    planted, samples, search = np.random.default_rng(seed).spawn(3)
    teacher = random_units(d, m, bias, spec, planted)
    draw = LAWS[law or "standard Gaussian"]
    X, fresh = draw(samples, n, d), draw(samples, FRESH_ROWS, d)
    y = teacher(X)
    y = y + noise * y.std() * samples.standard_normal(n)
    began = time.perf_counter()
    given = {"width": m, "activation": spec} | asked
    result = recover(X, y, bias=bias > 0, rng=search, **given)
    return Trial(teacher, result, time.perf_counter() - began, fresh, noise)


def widths(seeds: int, cases: tuple) -> Iterator[tuple]:
    for case in cases:
        trials = [trial("relu", case, seed, width="auto") for seed in range(1 if case == LARGE else seeds)]
        yield (
            *case,
            _share([one.result.network.width == case[1] for one in trials]),
            _share([one.result.is_certified for one in trials]),
            _share([one.is_exact for one in trials]),
            sum(one.is_wrong for one in trials),
            f"{np.median([one.seconds for one in trials]):.1f}",
        )


def activations(seeds: int, cases: tuple) -> Iterator[tuple]:
    for case in cases:
        for noise in (0.0, NOISE):
            for spec in ACTIVATIONS:
                trials = [trial(spec, case, seed, noise, activation="auto") for seed in range(seeds)]
                unclear = sum(one.result.status is Status.UNCLEAR_CHOICE for one in trials)
                yield (
                    spec,
                    *case,
                    f"{noise:.0%}",
                    _share([one.result.network.activation.name == spec for one in trials]),
                    _share([one.result.is_certified for one in trials]),
                    unclear,
                    sum(one.is_wrong for one in trials),
                    f"{np.median([one.seconds for one in trials]):.1f}",
                )


def inputs(seeds: int, cases: tuple) -> Iterator[tuple]:
    for spec, *size in cases:
        for noise in (0.0, NOISE):
            for law in LAWS:
                trials = [trial(spec, tuple(size), seed, noise, law) for seed in range(seeds)]
                others = Counter(one.result.status.name.lower() for one in trials if not one.result.is_certified)
                yield (
                    law,
                    spec,
                    *size,
                    f"{noise:.0%}",
                    _share([one.result.is_certified for one in trials]),
                    _share([one.is_same_function for one in trials]),
                    _share([not one.result.certificate.inputs.is_gaussian for one in trials]),
                    sum(one.is_wrong for one in trials),
                    ", ".join(f"{count} {name}" for name, count in others.items()),
                )


def _share(flags: list) -> str:
    return f"{sum(flags)}/{len(flags)}"


TABLES = {
    "width": (widths, WIDTHS, "d m B n|right|certified|exact|wrong|seconds"),
    "activation": (activations, SIZES, "activation d m B n noise|right|certified|unclear|wrong|seconds"),
    "inputs": (inputs, INPUTS, "inputs activation d m B n noise|certified|found|warned|wrong|otherwise"),
}
SMOKE = {"width": WIDTHS[:1], "activation": ((4, 1, 0.0, 300),), "inputs": (("relu", 4, 1, 0.5, 300),)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one seed, one small case, to see that it runs")
    parser.add_argument("--seeds", type=int, default=10, help="for each row")
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--large", action="store_true", help="the width of 50 units on 50 inputs, too")
    given = parser.parse_args()
    console = Console(width=150)
    console.print(provenance())
    for name in given.tables:
        rows, cases, headings = TABLES[name]
        cases = SMOKE[name] if given.smoke else cases + (LARGE,) * (given.large and name == "width")
        table = Table(title=f"{name}, {1 if given.smoke else given.seeds} seeds")
        first, *others = headings.split("|")
        for heading in (*first.split(), *others):
            table.add_column(heading, no_wrap=heading != "otherwise")
        for row in rows(1 if given.smoke else given.seeds, cases):
            table.add_row(*map(str, row))
        console.print(table)


if __name__ == "__main__":
    main()
