"""How little does the gradient say of a parity, for our networks and for torch modules?

    python benchmarks/gradient_variance.py [--smoke]

Theorem 5 of e2021hardness for the square loss: over the 2^d parities the gradient of any model h varies by at most
4 E‖∇h‖²/2^d. Up to d = 12 the variance is exact, and with the squared mean, which the bound gives away, equals the
bound (Parseval). Beyond, it is sampled, in 256 pairs of parities: these do not meet the few parities of low degree
that a smooth model correlates with, so that what is seen is that nothing is seen. Each model is drawn anew at each d: a
two-layer network of this library, the same network as a torch module, whose gradients by `torch.func` must be those of
`network_gradients` ("difference", the largest, relative to the largest entry), and a torch module of three layers.
torch is measured where it is installed.
"""

import argparse
from importlib.util import find_spec
from time import perf_counter
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from twolayer.network import TwoLayerNetwork
from twolayer.papers.e2021hardness.theory import (
    network_gradients,
    parity_gradient_variance,
    sampled_parity_gradient_variance,
)
from twolayer.papers.e2021hardness.theory.gradients import Gradients
from twolayer.teachers import random_units

WIDTH = 8
EXACT, SAMPLED, PAIRS = (4, 8, 12), (24, 40), 256
SMOKE = ((4,), (10,), 4)
ROUNDING = 1e-13
HAS_TORCH = find_spec("torch") is not None


def module_gradients(module: Any, names: tuple[str, ...]) -> Gradients:
    """Per-sample gradients of a torch module, its parameters in the order of the names."""
    from torch import from_numpy
    from torch.func import functional_call, grad, vmap

    parameters = {name: parameter.detach() for name, parameter in module.named_parameters()}
    of_one = grad(lambda weights, x: functional_call(module, weights, (x,)).squeeze())

    def gradients(X: NDArray) -> NDArray:
        parts = vmap(of_one, in_dims=(None, 0))(parameters, from_numpy(X))
        return np.hstack([parts[name].reshape(len(X), -1).numpy() for name in names])

    return gradients


def two_layers(network: TwoLayerNetwork) -> Gradients:
    """The network as a torch module."""
    import torch

    module = torch.nn.Sequential(
        torch.nn.Linear(network.dim, network.width), torch.nn.Tanh(), torch.nn.Linear(network.width, 1, bias=False)
    ).double()
    with torch.no_grad():
        for parameter, values in zip(module.parameters(), (network.W, network.b, network.a[None]), strict=True):
            parameter.copy_(torch.from_numpy(np.array(values)))
    return module_gradients(module, ("2.weight", "0.weight", "0.bias"))  # as network_gradients: a, W, b


def three_layers(d: int, seed: int) -> Gradients:
    import torch

    torch.manual_seed(seed)
    module = torch.nn.Sequential(
        torch.nn.Linear(d, WIDTH), torch.nn.GELU(), torch.nn.Linear(WIDTH, WIDTH), torch.nn.ReLU(),
        torch.nn.Linear(WIDTH, 1)
    ).double()  # fmt: skip
    return module_gradients(module, tuple(name for name, _ in module.named_parameters()))


def row(name: str, gradients: Gradients, d: int, pairs: int, difference: float | None = None) -> tuple[str, ...]:
    """Exact where no pairs are to be sampled."""
    is_exact, start = pairs == 0, perf_counter()
    if is_exact:
        found = parity_gradient_variance(gradients, d)
    else:
        found = sampled_parity_gradient_variance(gradients, d, pairs=pairs, rng=0)
    seconds = perf_counter() - start
    both = f"{(found.variance + found.squared_mean) / found.bound:.12f}" if is_exact else ""
    error = "exact" if is_exact else f"{found.standard_error:.1e}"
    shown = "" if difference is None else f"{difference:.0e}"
    return str(d), name, f"{found.variance:.3e}", error, f"{found.bound:.3e}", both, shown, f"{seconds:.2f}"


def largest_difference(first: Gradients, second: Gradients, X: NDArray) -> float:
    ours, theirs = np.asarray(first(X)), np.asarray(second(X))
    return float(np.abs(ours - theirs).max() / np.abs(ours).max())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="small sizes, to see that it runs")
    exact, sampled, most_pairs = SMOKE if parser.parse_args().smoke else (EXACT, SAMPLED, PAIRS)
    table = Table(title="variance of the gradient over all parities")
    for heading in ("d", "model", "variance", "standard error", "bound", "with mean²/bound", "difference", "seconds"):
        table.add_column(heading, no_wrap=True)
    for d in (*exact, *sampled):
        pairs = 0 if d in exact else most_pairs
        network = random_units(d, WIDTH, bias=1.0, activation="tanh", rng=d)
        ours = network_gradients(network)
        table.add_row(*row("two layers", ours, d, pairs))
        if HAS_TORCH:
            X = np.random.default_rng(d).integers(0, 2, (100, d)).astype(np.float64)
            theirs = two_layers(network)
            difference = largest_difference(ours, theirs, X)
            if difference > ROUNDING:
                raise SystemExit(f"the gradients of torch differ from those of the network by {difference:.1e}")
            table.add_row(*row("two layers, torch", theirs, d, pairs, difference))
            table.add_row(*row("three layers, torch", three_layers(d, seed=d), d, pairs))
        table.add_section()
    Console(width=140).print(table)


if __name__ == "__main__":
    main()
