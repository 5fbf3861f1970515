"""How fast and how exact is the population risk of many units against many?

    python benchmarks/risk.py [--smoke]

2500 units on 50 inputs, random and of norm one, against as many that have nothing to do with them, and against
themselves moved by 1e-3 (then each unit is nearly collinear with its partner, and 2500 pairs need quadrature). The
error is the distance, relative to the sum of the units' own energies, from the closed-form kernel where σ has one
(relu: arc-cosine; erf: arcsine), else from a second evaluation to rtol = 1e-14, which cuts the series elsewhere. The
same powers of the whole Gram matrix, by plain NumPy at the same order and without quadrature, take the time and the
memory in the last rows. Rates count three operations an entry and order; their ratio is to this machine's matrix
product.
"""

import argparse
import resource
import sys
from time import perf_counter

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import gammaln

from twolayer.activation import activation
from twolayer.network import TwoLayerNetwork
from twolayer.risk import PopulationRisk, population_risk

ACTIVATIONS = ("relu", "erf", "abs", "tanh", "scaled(tanh,2.5)", "sigmoid", "softplus", "gelu")
TARGET_SECONDS, TARGET_ERROR, TARGET_MB = 10.0, 1e-10, 1000.0
BLOCK = 500


def unit_rows(r: int, d: int, rng: np.random.Generator) -> NDArray:
    W = rng.standard_normal((r, d))
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def equal_units(W: NDArray, name: str) -> TwoLayerNetwork:
    return TwoLayerNetwork(np.ones(len(W)), W, activation=name)


def arc_cosine(cosines: NDArray) -> NDArray:
    angles = np.arccos(np.clip(cosines, -1, 1))
    return (np.sin(angles) + (np.pi - angles) * np.cos(angles)) / (2 * np.pi)


def arcsine(cosines: NDArray) -> NDArray:
    return 2 / np.pi * np.arcsin(2 / 3 * np.clip(cosines, -1, 1))


KERNELS = {"relu": arc_cosine, "erf": arcsine}


def closed_form(W: NDArray, V: NDArray, name: str) -> float:
    """The risk by the kernel of units of norm one, a block of rows at a time."""
    rows, signs = np.vstack([W, V]), np.r_[np.ones(len(W)), -np.ones(len(V))]
    blocks = range(0, len(rows), BLOCK)
    return sum(float(signs[i : i + BLOCK] @ KERNELS[name](rows[i : i + BLOCK] @ rows.T) @ signs) for i in blocks)


def energies(name: str, order: int) -> NDArray:
    """Energy of each Hermite order in a unit of norm one."""
    return (activation(name).hermite_coefficients(order) * np.exp(-gammaln(np.arange(order + 1.0) + 1) / 2)) ** 2


def plain_numpy(W: NDArray, V: NDArray, name: str, order: int) -> float:
    rows, signs = np.vstack([W, V]), np.r_[np.ones(len(W)), -np.ones(len(V))]
    masses = energies(name, order)
    gram = rows @ rows.T
    power, total = np.ones_like(gram), 0.0
    for k in range(order + 1):
        total += masses[k] * float(signs @ power @ signs)
        power *= gram
    return total


def product_rate(size: int) -> float:
    """Operations a second of the matrix product, the best of three."""
    A = np.random.default_rng(0).standard_normal((size, size))
    seconds = []
    for _ in range(3):
        start = perf_counter()
        A @ A
        seconds.append(perf_counter() - start)
    return 2 * size**3 / min(seconds)


def peak_megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e6


def measured(W: NDArray, V: NDArray, name: str) -> tuple[PopulationRisk, float, float]:
    """The risk, the seconds that it took, and its relative error."""
    f, g = equal_units(W, name), equal_units(V, name)
    start = perf_counter()
    risk = population_risk(f, g)
    seconds = perf_counter() - start
    exact = closed_form(W, V, name) if name in KERNELS else population_risk(f, g, rtol=1e-14).value
    return risk, seconds, abs(risk.value - exact) / (energies(name, 64).sum() * (len(W) + len(V)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="small sizes, to see that it runs")
    small = parser.parse_args().smoke
    r, d = (60, 10) if small else (2500, 50)
    rng = np.random.default_rng(0)
    W, V = unit_rows(r, d, rng), unit_rows(r, d, rng)
    near = W + 1e-3 * V
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    rate = product_rate(200 if small else 2000)
    table = Table(title=f"r = {r} against R = {r} units, d = {d}")
    for heading in ("activation", "estimate", "seconds", "ratio", "order", "pairs", "tail bound", "error", "peak MB"):
        table.add_column(heading, no_wrap=True)
    orders, times = [], []
    for name in ACTIVATIONS[:2] if small else ACTIVATIONS:
        for what, other in (("unrelated", V), ("near", near)):
            risk, seconds, error = measured(W, other, name)
            ratio = 3 * risk.order * (2 * r) ** 2 / 2 / seconds / rate
            cells = [f"{seconds:.2f}", f"{ratio:.3f}", str(risk.order), str(risk.exact_pairs)]
            table.add_row(name, what, *cells, f"{risk.tail_bound:.1e}", f"{error:.1e}", f"{peak_megabytes():.0f}")
            orders.append(risk.order)
            times.append((seconds, error))
    table.add_section()
    for name, order in (("relu", orders[0]), ("erf", orders[2])):
        start = perf_counter()
        plain_numpy(W, V, name, order)
        cells = [f"{perf_counter() - start:.2f}", "", str(order), "0", "", ""]
        table.add_row(name, "plain NumPy", *cells, f"{peak_megabytes():.0f}")
    Console(width=120).print(table)
    slowest, largest = (max(column) for column in zip(*times, strict=True))
    Console().print(
        f"targets: {TARGET_SECONDS:g} s (slowest {slowest:.2f}), {TARGET_ERROR:g} (largest {largest:.1e}),"
        f" {TARGET_MB:g} MB"
    )


if __name__ == "__main__":
    main()
