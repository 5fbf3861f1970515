"""Several outputs at the sizes that people have: from three rows for each hidden parameter."""

import pytest

from twolayer import recover, recovery_error
from twolayer.teachers import gaussian_samples, random_units

pytestmark = pytest.mark.slow


def recovered(d, m, q, rows, spec, seed):
    """Whether the network is certified, and exact to 1e-8."""
    network = random_units(d, m, bias=1.0, activation=spec, rng=seed, outputs=q)
    X, Y = gaussian_samples(network, rows * m * (d + 1), seed + 1000)
    result = recover(X, Y, m, spec, bias=True, rng=seed)
    is_right = result.network.width == m and recovery_error(result.network, network) <= 1e-8
    assert is_right or not result.is_certified
    return result.is_certified


@pytest.mark.parametrize(
    ("d", "m", "spec"),
    [
        (20, 10, "relu"),
        (50, 20, "relu"),
        (100, 36, "relu"),
        (20, 10, "tanh"),
        (20, 10, "softplus"),
    ],
)
def test_ten_outputs_and_three_rows_a_hidden_parameter_are_enough(d, m, spec):
    assert sum(recovered(d, m, 10, 3, spec, seed) for seed in range(10)) == 10


@pytest.mark.parametrize("q", [2, 3])
def test_two_outputs_and_six_rows_a_hidden_parameter_are_enough(q):
    assert sum(recovered(20, 10, q, 6, "relu", seed) for seed in range(10)) >= 9


def test_three_times_as_many_units_as_inputs_are_found_from_ten_outputs():
    assert sum(recovered(10, 30, 10, 3, "relu", seed) for seed in range(10)) >= 9
