"""How many single-sample steps of averaged gradient descent a second, beside loops in torch?

    python benchmarks/sgd_loop.py [--smoke]

The descent of mondelli2019connection, Figure 1: tanh(5x/2), d = 50, one sample a step, the average of all weights so
far evaluated on each sample before it is used. `Descent` goes through it in exact blocks, many curves together; the
loops in torch are what one writes: eager, one curve, with autograd and with the gradient written out, both with the
average kept by `lerp_` and evaluated. A step is a step of one curve, and rates are of the best of three rounds, all on
one thread, in processor time, so that what else the machine does counts little. Both are run on the same samples, and
must come to the same average. The last column is the time that the paper's 5 000 000 steps take, a curve.
"""

import argparse
from collections.abc import Callable
from importlib.util import find_spec
from time import process_time

import numpy as np
from rich.console import Console
from rich.table import Table

from twolayer.papers.mondelli2019connection.figures.descent import Descent
from twolayer.rows.passes import one_blas_thread
from twolayer.teachers import haar_blocks

D, SLOPE, ROUNDS, PAPER_STEPS = 50, 2.5, 3, 5_000_000
CURVES = (1, 8, 16)
SAME = 1e-3


def best_seconds(work: Callable[[], np.ndarray]) -> tuple[float, np.ndarray]:
    """Least processor time of a few rounds, and what the work came to."""
    found = []
    for _ in range(ROUNDS):
        start = process_time()
        average = work()
        found.append(process_time() - start)
    return min(found), average


def blocks(start: np.ndarray, X: np.ndarray, y: np.ndarray, step_size: float, curves: int) -> np.ndarray:
    descent = Descent.started(start, np.full(curves, step_size), SLOPE)
    descent.run(X, np.repeat(y[:, None], curves, axis=1))
    return descent.averages[0]


def torch_loop(start: np.ndarray, X: np.ndarray, y: np.ndarray, step_size: float, has_autograd: bool) -> np.ndarray:
    import torch

    W = torch.tensor(start, dtype=torch.float32, requires_grad=has_autograd)
    average = W.detach().clone()
    inputs, labels = torch.tensor(X, dtype=torch.float32), torch.tensor(y, dtype=torch.float32)
    errors = []
    for t in range(len(inputs)):
        x, label = inputs[t], labels[t]
        with torch.no_grad():
            average.lerp_(W, 1 / (t + 1))
            errors.append(torch.tanh(SLOPE * (average @ x)).sum() - label)
        activations = torch.tanh(SLOPE * (W @ x))
        residual = activations.sum() - label
        if has_autograd:
            (residual**2 / 2).backward()
            with torch.no_grad():
                W -= step_size * W.grad
            W.grad = None
        else:
            W -= step_size * residual * SLOPE * torch.outer(1 - activations**2, x)
    return average.numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--smoke", action="store_true", help="one width, few samples, to see that it runs")
    is_smoke = parser.parse_args().smoke
    widths, samples = ((50,), 200) if is_smoke else ((50, 350, 2500), 3000)
    table = Table(title="steps of averaged stochastic gradient descent")
    for heading in ("units", "loop", "steps/s", "ratio to torch, autograd", "minutes a curve of the paper"):
        table.add_column(heading, no_wrap=True, justify="left" if heading == "loop" else "right")
    for r in widths:
        rng = np.random.default_rng(r)
        truth = haar_blocks(D, r, "scaled(tanh,2.5)", rng)
        X = rng.standard_normal((samples if r < 1000 else samples // 3, D))
        y, start, step_size = truth(X), rng.standard_normal((r, D)) / np.sqrt(D), 0.1 / (r * D)
        problem = (start, X, y, step_size)
        works = {f"blocks, {curves} curves": (curves, lambda c=curves, p=problem: blocks(*p, c)) for curves in CURVES}
        if find_spec("torch") is not None:
            import torch

            torch.set_num_threads(1)
            works["torch, by hand"] = (1, lambda p=problem: torch_loop(*p, has_autograd=False))
            works["torch, autograd"] = (1, lambda p=problem: torch_loop(*p, has_autograd=True))
        with one_blas_thread():
            found = {name: (curves, *best_seconds(work)) for name, (curves, work) in works.items()}
        averages = [average for _, _, average in found.values()]
        if max(np.abs(average - averages[0]).max() for average in averages) > SAME:
            raise SystemExit("the loops do not come to the same average")
        rates = {name: curves * len(X) / seconds for name, (curves, seconds, _) in found.items()}
        for name, rate in rates.items():
            ratio = f"{rate / rates['torch, autograd']:.1f}" if "torch, autograd" in rates else ""
            table.add_row(str(r), name, f"{rate:,.0f}", ratio, f"{PAPER_STEPS / rate / 60:.1f}")
        table.add_section()
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
