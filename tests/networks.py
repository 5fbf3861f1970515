"""Networks to test with: one activation of each kind, and random networks of any shape."""

import numpy as np

from twolayer.network import Polynomial, TwoLayerNetwork

WITHOUT_LAW = ("mish", "elu(1)", "selu")  # whose units cannot be turned round
SPECS = [
    "relu",
    "leaky_relu(0.1)",
    "squared_relu",
    "abs",
    "sigmoid",
    "tanh",
    "erf",
    "softplus",
    "gelu",
    "gelu_tanh",
    "silu",
    "hardswish",
    "hardtanh",
    "softsign",
    *WITHOUT_LAW,
    "sine",
    "linear",
    "quadratic",
    "polynomial(0.3,-1,0.7)",
    "polynomial(0,1,0,0.5)",
    "polynomial(1,0,2)",
    "polynomial(0.3,-1,0.7,0.5)",
    "scaled(tanh,2.5)",
    "scaled(squared_relu,2)",
]


def random_network(activation, rng, d=4, m=6, degree=None):
    """Draw a network with biases and, for `degree` 0, 1 or 2, a polynomial part of that degree."""
    parts = [rng.standard_normal(), rng.standard_normal(d), rng.standard_normal((d, d))]
    parts[2] = parts[2] + parts[2].T
    polynomial = None if degree is None else Polynomial(*parts[: degree + 1])
    return TwoLayerNetwork(
        rng.standard_normal(m), rng.standard_normal((m, d)), rng.standard_normal(m), activation, polynomial
    )


def assert_same_function(network, other, rng=0, points=50):
    """Both networks take the same values, to rounding of the larger of the two sums of absolute terms."""
    X = np.random.default_rng(rng).standard_normal((points, network.dim))
    sizes = [
        np.abs(one.activation(X @ one.W.T + one.b)) @ np.abs(one.a)
        + (0 if one.polynomial is None else np.abs(one.polynomial(X)))
        for one in (network, other)
    ]
    assert np.abs(network(X)).max() > 1e-3
    assert (np.abs(network(X) - other(X)) <= 1e-13 * (1 + np.maximum(*sizes))).all()
