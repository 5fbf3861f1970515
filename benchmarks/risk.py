"""How fast and how exact is the population risk of many units against many?

    python benchmarks/risk.py [--smoke]

2500 units on 50 inputs, random and of norm one, against as many that have nothing to do with them, and against
themselves moved by 1e-3 (then each unit is nearly collinear with its partner, and 2500 pairs need quadrature). The
error is the distance, relative to the sum of the units' own energies, from the sum over all pairs of the mean of their
product as a function of their cosine: in closed form where there is one (relu, abs, erf), else by the trapezoid rule in
two dimensions, interpolated for pairs well apart, which shares nothing with the series. The same powers of the whole
Gram matrix, by plain NumPy at the same order and without quadrature, take the time and the memory in the last rows.
Rates count three operations an entry and order; their ratio is to this machine's matrix product.
"""

import argparse
import resource
import sys
from collections.abc import Callable
from time import perf_counter

import numpy as np
from numpy.polynomial import Chebyshev
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table
from scipy.special import gammaln

from twolayer.activation import activation
from twolayer.network import TwoLayerNetwork
from twolayer.risk import PopulationRisk, population_risk

Kernel = Callable[[NDArray], NDArray]

ACTIVATIONS = ("relu", "erf", "abs", "tanh", "scaled(tanh,2.5)", "sigmoid", "softplus", "gelu")
SMOKE = ("relu", "scaled(tanh,2.5)")
BLOCK = 500
WELL_APART = 0.9  # cosines up to here are interpolated, the others integrated one by one
STEP, REACH = 0.1, 9.0  # of the trapezoid rule: below rounding for functions analytic within 0.6 of the line


def unit_rows(r: int, d: int, rng: np.random.Generator) -> NDArray:
    W = rng.standard_normal((r, d))
    return W / np.linalg.norm(W, axis=1, keepdims=True)


def equal_units(W: NDArray, name: str) -> TwoLayerNetwork:
    return TwoLayerNetwork(np.ones(len(W)), W, activation=name)


def arc_cosine(cosines: NDArray) -> NDArray:
    angles = np.arccos(cosines)
    return (np.sin(angles) + (np.pi - angles) * np.cos(angles)) / (2 * np.pi)


def folded_arc_cosine(cosines: NDArray) -> NDArray:
    return 2 * (arc_cosine(cosines) + arc_cosine(-cosines))


def arcsine(cosines: NDArray) -> NDArray:
    return 2 / np.pi * np.arcsin(2 / 3 * cosines)


CLOSED_FORMS = {"relu": arc_cosine, "abs": folded_arc_cosine, "erf": arcsine}


def trapezoid(name: str, cosines: NDArray) -> NDArray:
    """Means of the product of two units of norm one with these cosines between them."""
    g = np.arange(-REACH, REACH + STEP / 2, STEP)
    masses = STEP * np.exp(-g * g / 2) / np.sqrt(2 * np.pi)
    sigma = activation(name)
    sines = np.sqrt(1 - cosines**2)
    means = [masses * sigma(g) @ sigma(c * g[:, None] + s * g) @ masses for c, s in zip(cosines, sines, strict=True)]
    return np.array(means)


def interpolated(name: str) -> Kernel:
    polynomial = Chebyshev.interpolate(lambda t: trapezoid(name, t), 90, domain=[-WELL_APART, WELL_APART])

    def kernel(cosines: NDArray) -> NDArray:
        values, close = polynomial(cosines), np.abs(cosines) > WELL_APART
        distinct, where = np.unique(cosines[close], return_inverse=True)
        values[close] = trapezoid(name, distinct)[where]
        return values

    return kernel


def relative_error(risk: float, W: NDArray, V: NDArray, kernel: Kernel) -> float:
    """Against the sum over all pairs of units of norm one, a block of rows at a time."""
    rows, signs = np.vstack([W, V]), np.r_[np.ones(len(W)), -np.ones(len(V))]
    exact = 0.0
    for i in range(0, len(rows), BLOCK):
        exact += float(signs[i : i + BLOCK] @ kernel(np.clip(rows[i : i + BLOCK] @ rows.T, -1, 1)) @ signs)
    return abs(risk - exact) / (len(rows) * kernel(np.ones(1))[0])


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


def measured(W: NDArray, V: NDArray, name: str) -> tuple[PopulationRisk, float]:
    """The risk, and the seconds that it took."""
    f, g = equal_units(W, name), equal_units(V, name)
    start = perf_counter()
    risk = population_risk(f, g)
    return risk, perf_counter() - start


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
    orders = {}
    for name in SMOKE if small else ACTIVATIONS:
        kernel = CLOSED_FORMS.get(name) or interpolated(name)
        for what, other in (("unrelated", V), ("near", near)):
            risk, seconds = measured(W, other, name)
            error = relative_error(risk.value, W, other, kernel)
            ratio = 3 * risk.order * (2 * r) ** 2 / 2 / seconds / rate
            cells = [f"{seconds:.2f}", f"{ratio:.3f}", str(risk.order), str(risk.exact_pairs)]
            table.add_row(name, what, *cells, f"{risk.tail_bound:.1e}", f"{error:.1e}", f"{peak_megabytes():.0f}")
            orders.setdefault(name, risk.order)
    table.add_section()
    for name, order in list(orders.items())[:2]:
        start = perf_counter()
        plain_numpy(W, V, name, order)
        cells = [f"{perf_counter() - start:.2f}", "", str(order), "0", "", ""]
        table.add_row(name, "plain NumPy", *cells, f"{peak_megabytes():.0f}")
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
