"""What the standards call measured: planted networks on both sides of a threshold, well away from it."""

import numpy as np
import pytest

from twolayer import Status, TwoLayerNetwork, recover
from twolayer.evidence import STANDARDS
from twolayer.teachers import gaussian_samples, random_units


def drawn(rng, specs, most_units, noise=0.0):
    """A network of some kind and size, and samples of it, sixty rows a parameter."""
    spec, d, m = str(rng.choice(specs)), int(rng.integers(2, 10)), int(rng.integers(1, most_units + 1))
    has_bias, seed = noise == 0 and bool(rng.integers(2)), int(rng.integers(1 << 30))
    teacher = random_units(d, m, float(has_bias), spec, rng=seed)
    return (spec, m, has_bias, *gaussian_samples(teacher, 60 * m * (d + 2), noise=noise, rng=seed + 1))


@pytest.mark.slow
def test_no_direction_of_a_right_network_is_near_to_flat():
    rng = np.random.default_rng(3)
    for _ in range(40):
        specs = ["relu", "tanh", "sigmoid", "softplus", "squared_relu", "gelu"]
        spec, m, has_bias, X, y = drawn(rng, specs, 5)
        result = recover(X, y, m, spec, bias=has_bias, rng=0)
        bend = result.certificate.curvature
        assert result.is_certified
        assert bend.smallest > 10 * STANDARDS.flat * bend.largest


def test_a_kink_far_out_is_not_flat_by_far():
    rng = np.random.default_rng(0)
    W = np.vstack([rng.standard_normal((2, 4)), np.eye(4)[:1]])
    network = TwoLayerNetwork([1.0, -1.0, 1.0], W, [0.1, -0.2, -3.0], "relu")
    X = rng.standard_normal((20_000, 4))
    result = recover(X, network(X), 3, "relu", bias=True, rng=0)
    assert result.status is Status.CERTIFIED
    assert result.certificate.curvature.smallest > 1e3 * STANDARDS.flat * result.certificate.curvature.largest


@pytest.mark.slow
def test_gains_and_losses_of_right_and_of_too_wide_networks_are_far_from_the_thresholds():
    rng = np.random.default_rng(5)
    gains, losses, needless = [], [], []
    for _ in range(30):
        spec, m, _, X, y = drawn(rng, ["relu", "tanh", "squared_relu"], 4, noise=0.05)
        right = recover(X, y, m, spec, rng=0).certificate
        wide = recover(X, y, m + 1, spec, rng=0).certificate
        gains += [right.wider_gain] if right.wider_gain is not None else []
        losses += [right.narrower_loss] if right.narrower_loss is not None else []
        needless += [wide.narrower_loss] if wide.narrower_loss is not None else []
    assert min(map(len, (gains, losses, needless))) > 25
    assert np.quantile(gains, 0.9) < 0.8 * STANDARDS.most_wider_gain
    assert np.quantile(losses, 0.2) > 3 * STANDARDS.least_narrower_loss
    assert max(needless) < 0.3 * STANDARDS.least_narrower_loss
