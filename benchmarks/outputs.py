"""How often and how soon is a network with several outputs recovered, beside what others would do?

    python benchmarks/outputs.py [--smoke] [--methods NAME ...] [--seeds 10] [--limit 60]
                                 [--output RUNS] [--read RUNS ...]

Planted ReLU networks with ten outputs: random unit rows, biases uniform on [-1, 1], Gaussian outer weights, Gaussian
inputs, no noise. The goal and the columns are those of `recovery.py`. Peers fit the exact width, from one random start
after another; L-BFGS and Levenberg-Marquardt have the outer weights of all outputs projected out, as `recover` has.
"""

from contest.command import contest
from contest.methods import METHODS
from contest.problems import SHARING, SHARING_SMOKE

PEERS = ("L-BFGS", "Levenberg-Marquardt", "Adam", "MLPRegressor")


def main() -> None:
    methods = tuple(name for name in ("recover", *PEERS) if name in METHODS)
    contest(__doc__, SHARING, methods, SHARING_SMOKE, seeds=10, least_seconds=10.0)


if __name__ == "__main__":
    main()
