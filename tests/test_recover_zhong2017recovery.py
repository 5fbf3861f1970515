"""The algorithms of zhong2017recovery: each step where its answer is known exactly, then the whole."""

from itertools import product

import numpy as np
import pytest
from scipy.sparse.linalg import aslinearoperator

from twolayer import InputError, TwoLayerNetwork, recovery_error
from twolayer.activation import activation
from twolayer.hermite import gauss_hermite
from twolayer.papers.zhong2017recovery.algorithm import (
    SUBSPACES,
    decoded,
    decoding_orders,
    eigsh_subspace,
    initialization,
    magnitudes,
    magnitudes_and_signs,
    paper_step_size,
    power_method,
    recover_zhong2017,
)
from twolayer.papers.zhong2017recovery.theory import moment
from twolayer.teachers import conditioned, gaussian_samples

HOMOGENEOUS = [
    "relu",
    "leaky_relu(0.01)",
    "leaky_relu(-0.5)",
    "squared_relu",
    "abs",
    "linear",
    "quadratic",
    "polynomial(0,0,0,1)",
    "polynomial(0,0,0,0,-1)",
]


def symmetric(eigenvalues, rng):
    Q = np.linalg.qr(rng.standard_normal((len(eigenvalues), len(eigenvalues))))[0]
    return (Q * eigenvalues) @ Q.T


def strongest_projector(P, k):
    values, vectors = np.linalg.eigh(P)
    V = vectors[:, np.argsort(-np.abs(values))[:k]]
    return V @ V.T


def planted(name, k=3, d=4, seed=0):
    """Units with output weights ±1, in the only form the moments of σ can tell: v = 1 for odd σ."""
    rng = np.random.default_rng(seed)
    v = np.ones(k) if activation(name).parity < 0 else np.array([1.0, -1.0, 1.0, -1.0])[:k]
    return TwoLayerNetwork(v, rng.standard_normal((k, d)), activation=name)


def exact_design(network, size):
    """A Gauss-Hermite grid and labels whose plain averages are Gaussian means (for polynomial σ)."""
    nodes, weights = gauss_hermite(size)
    X = np.array(list(product(nodes, repeat=network.dim)))
    mass = np.array([np.prod(w) for w in product(weights, repeat=network.dim)])
    return X, network(X) * mass * len(X)


# POWERMETHOD


@pytest.mark.parametrize("method", SUBSPACES.values(), ids=SUBSPACES)
@pytest.mark.parametrize(
    ("eigenvalues", "k"),
    [
        ([5.0, -4.0, 3.0, -2.0, 0.5, 0.4, -0.3, 0.1], 4),
        ([1.0, 2.0, 3.0, 0.3, 0.2, 0.1, 0.0, -0.1], 3),
        ([-1.0, -2.0, -3.0, 0.3, 0.2, 0.1, 0.0, -0.1], 3),
        ([5.0, -4.0, 3.0, -2.0, 0.2], 4),  # the two iterations overlap: 2k > d
        ([2.0, -1.0, 1.5], 3),
        ([2.0, -1.0, 0.0, 0.0, 0.0, 0.0], 2),
        ([-2.0], 1),
    ],
)
def test_the_subspace_is_that_of_the_eigenvalues_of_largest_magnitude(method, eigenvalues, k):
    P = symmetric(np.array(eigenvalues), np.random.default_rng(1))
    found = method(P, k, rng=0)
    np.testing.assert_allclose(found.basis @ found.basis.T, strongest_projector(P, k), atol=1e-7)
    np.testing.assert_allclose(found.basis.T @ found.basis, np.eye(k), atol=1e-12)
    largest = sorted(eigenvalues, key=abs, reverse=True)[:k]
    np.testing.assert_allclose(found.eigenvalues, largest, atol=1e-7)
    assert found.residual < 1e-8


@pytest.mark.parametrize("method", SUBSPACES.values(), ids=SUBSPACES)
def test_an_operator_will_do(method):
    P = symmetric(np.array([5.0, -4.0, 3.0, 0.5, 0.4, -0.3, 0.1]), np.random.default_rng(2))
    found = method(aslinearoperator(P), 3, rng=0)
    np.testing.assert_allclose(found.basis @ found.basis.T, strongest_projector(P, 3), atol=1e-7)


def test_the_power_method_makes_no_more_steps_than_allowed_and_says_how_far_it_came():
    P = symmetric(np.array([5.0, -4.0, 3.0, 2.9, 0.4, -0.3, 0.1]), np.random.default_rng(3))
    residuals = []
    for steps in (3, 15, 60):
        found = power_method(P, 3, rng=0, max_steps=steps)
        left = P @ found.basis - found.basis @ (found.basis.T @ P @ found.basis)
        assert found.steps == 2 * steps
        assert found.residual == pytest.approx(np.linalg.norm(left, 2) / np.abs(found.eigenvalues).max(), rel=1e-8)
        residuals.append(found.residual)
    assert residuals[0] > residuals[1] > residuals[2] > 1e-8


def test_the_subspace_of_nothing_is_any():
    for method in SUBSPACES.values():
        basis = method(np.zeros((5, 5)), 2, rng=0).basis
        np.testing.assert_allclose(basis.T @ basis, np.eye(2), atol=1e-12)


def test_lanczos_needs_fewer_products_than_the_shifted_powers():
    P = symmetric(np.concatenate([[5.0, -4.0, 3.0], np.linspace(-0.5, 0.5, 57)]), np.random.default_rng(4))
    assert eigsh_subspace(P, 3, rng=0).steps < 3 * power_method(P, 3, rng=0).steps / 4


@pytest.mark.parametrize("method", SUBSPACES.values(), ids=SUBSPACES)
def test_the_dimension_must_fit_the_matrix(method):
    with pytest.raises(InputError, match=r"a subspace of R\^3 has at most 3 dimensions, found k = 4"):
        method(np.eye(3), 4)
    with pytest.raises(InputError, match="P2 must be square"):
        method(np.ones((3, 2)), 1)


# RECMAGSIGN


@pytest.mark.parametrize(
    ("name", "orders"),
    [
        ("relu", (1, 2)),
        ("leaky_relu(0.01)", (1, 2)),
        ("squared_relu", (1, 2)),
        ("abs", (None, 2)),
        ("polynomial(0,0,0,1)", (1, None)),
    ],
)
def test_magnitudes_are_read_from_the_lowest_orders(name, orders):
    assert decoding_orders(activation(name)) == orders


@pytest.mark.parametrize("name", HOMOGENEOUS)
def test_exact_moments_decode_to_the_exact_units(name):
    rng, network, sigma = np.random.default_rng(5), planted(name), activation(name)
    V = np.linalg.qr(network.W.T)[0]
    alpha = rng.standard_normal(3)
    signs = np.array([1.0, -1.0, -1.0])
    directions = signs[:, None] * (network.W @ V) / np.linalg.norm(network.W, axis=1, keepdims=True)

    def seen(order, modes):
        tensor = moment(network, order)
        for _ in range(order - modes):
            tensor = tensor @ (V @ alpha)
        return V.T @ tensor if modes == 1 else V.T @ tensor @ V

    odd, even = decoding_orders(sigma)
    a, rows = decoded(
        None if odd is None else seen(odd, 1), None if even is None else seen(even, 2), directions, sigma, alpha
    )
    np.testing.assert_array_equal(a, network.a)
    turned = signs[:, None] if sigma.parity > 0 else 1.0  # an even σ does not see the sign of a row
    np.testing.assert_allclose(rows @ V.T, turned * network.W, rtol=1e-11)


@pytest.mark.parametrize("first_order", [1, 3])
def test_higher_orders_decode_as_well_as_the_lowest(first_order, monkeypatch):
    # t³ has both; with order 3 the powers of α·w come in, at order 4 for t⁴ too
    name = "polynomial(0,0,0,1)" if first_order == 3 else "polynomial(0,0,0,0,1)"
    network, sigma = planted(name), activation(name)
    orders = (3, None) if first_order == 3 else (None, 4)
    monkeypatch.setattr(magnitudes, "decoding_orders", lambda _: orders)
    V, alpha = np.linalg.qr(network.W.T)[0], np.array([0.3, -1.2, 0.7])
    along = V @ alpha
    directions = (network.W @ V) / np.linalg.norm(network.W, axis=1, keepdims=True)
    first = V.T @ (moment(network, 3) @ along @ along)
    second = V.T @ (moment(network, 4) @ along @ along) @ V
    a, rows = decoded(first if orders[0] else None, second if orders[1] else None, directions, sigma, alpha)
    np.testing.assert_array_equal(a, network.a)
    np.testing.assert_allclose(rows @ V.T, network.W, rtol=1e-11)


@pytest.mark.parametrize("name", ["polynomial(0,0,0,1)", "polynomial(0,0,0,0,1)", "quadratic"])
def test_an_exact_design_decodes_to_the_exact_units(name):
    network = planted(name, k=2, d=3)
    X, y = exact_design(network, 8)
    V = np.linalg.qr(network.W.T)[0]
    directions = (network.W @ V) / np.linalg.norm(network.W, axis=1, keepdims=True)
    found = magnitudes_and_signs(X, y, V, directions, network.activation, V @ np.array([0.6, 0.8]))
    assert recovery_error(found, network) < 1e-11


def test_only_homogeneous_activations_have_magnitudes():
    with pytest.raises(InputError, match="only if the activation is homogeneous, but tanh is not"):
        decoding_orders(activation("tanh"))


# Algorithm 1


@pytest.mark.parametrize("subspace", SUBSPACES)
@pytest.mark.parametrize("plug_in", ["factors", "inverse"])
@pytest.mark.parametrize("name", ["polynomial(0,0,0,1)", "polynomial(0,0,0,0,1)"])
def test_algorithm_1_is_exact_on_an_exact_design(name, subspace, plug_in):
    network = planted(name, k=2, d=3)
    X, y = exact_design(network, 8)
    found = initialization(X, y, 2, name, rng=0, partition=False, subspace=subspace, plug_in=plug_in)
    assert recovery_error(found.network, network) < 1e-6


@pytest.mark.parametrize("name", ["squared_relu", "relu", "abs"])
def test_algorithm_1_comes_closer_with_more_samples(name):
    network, options = conditioned(4, 2, 1.5, name, 3), {"subspace": "eigsh", "partition": False}
    errors = []
    for n in (2_000, 64_000):
        trials = [
            initialization(*gaussian_samples(network, n, seed), 2, name, rng=seed, **options) for seed in range(5)
        ]
        errors.append(np.median([recovery_error(trial.network, network) for trial in trials]))
    assert errors[1] < 0.4 * errors[0]
    assert errors[1] < 0.3


def test_the_three_steps_of_algorithm_1_see_a_third_of_the_rows_each():
    X, y = gaussian_samples(conditioned(4, 2, 1.5, "squared_relu", 3), 3000, 0)
    found = initialization(X, y, 2, "squared_relu", rng=0)
    S2, S3, S4 = np.array_split(np.random.default_rng(0).permutation(3000), 3)
    V = found.subspace.basis
    P2 = np.einsum("s,sa,sb->ab", y[S2], X[S2], X[S2]) / 1000 - y[S2].mean() * np.eye(4)
    np.testing.assert_allclose(V @ V.T, strongest_projector(P2, 2), atol=1e-6)
    Z, mean = X[S3] @ V, y[S3] @ X[S3] @ V / 1000
    cube = np.einsum("s,sa,sb,sc->abc", y[S3], Z, Z, Z) / 1000
    cube -= sum(np.einsum(places, mean, np.eye(2)) for places in ("a,bc->abc", "b,ac->abc", "c,ab->abc"))
    np.testing.assert_allclose(found.cube, cube, atol=1e-12)
    last = magnitudes_and_signs(X[S4], y[S4], V, found.directions, found.network.activation, V[:, 0])
    np.testing.assert_allclose(found.network.W, last.W, rtol=1e-12)
    np.testing.assert_array_equal(found.network.a, last.a)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 5}, "width ≤ d, found X"),
        ({"activation": "tanh"}, "homogeneous"),
        ({"activation": "quadratic"}, "P_3 is not defined"),
        ({"subspace": "svd"}, "subspace must be one of power, eigsh, found 'svd'"),
        ({"plug_in": "none"}, "plug_in must be one of factors, inverse, both, found 'none'"),
        ({"y": np.ones(7)}, "found X"),
    ],
)
def test_algorithm_1_refuses_what_it_cannot_do(arguments, message):
    rng = np.random.default_rng(0)
    given = {"X": rng.standard_normal((30, 4)), "y": rng.standard_normal(30), "width": 2, "activation": "squared_relu"}
    with pytest.raises(InputError, match=message):
        initialization(**(given | arguments), rng=0)


# Algorithm 2


def test_the_step_size_is_the_papers():
    W = np.diag([2.0, 1.0])
    assert paper_step_size(TwoLayerNetwork([1.0, -3.0], W, activation="squared_relu")) == pytest.approx(1 / (2 * 9 * 4))
    assert paper_step_size(TwoLayerNetwork([1.0, 1.0], W, activation="relu")) == pytest.approx(1 / 2)
    cubic = TwoLayerNetwork([1.0, 1.0], W, activation="polynomial(0,0,0,1)")
    assert paper_step_size(cubic) == pytest.approx(1 / (2 * 16))


def test_the_descent_is_gradient_descent_on_the_first_layer():
    network = conditioned(4, 2, 1.5, "squared_relu", 3)
    X, y = gaussian_samples(network, 900, 0)
    found, history = recover_zhong2017(X, y, 2, "squared_relu", rng=0, max_steps=3, step_size=0.05)
    W, v = history.start.network.W.copy(), history.start.network.a
    risks = []
    for _ in range(3):
        residual = np.maximum(X @ W.T, 0) ** 2 @ v - y
        risks.append(np.mean(residual**2) / 2)
        gradient = [v[j] * np.mean(residual * 2 * np.maximum(X @ W[j], 0) * X.T, axis=1) for j in range(2)]
        W -= 0.05 * np.array(gradient)
    risks.append(np.mean((np.maximum(X @ W.T, 0) ** 2 @ v - y) ** 2) / 2)
    np.testing.assert_allclose(found.W, W, rtol=1e-12)
    np.testing.assert_array_equal(found.a, v)
    np.testing.assert_allclose(history.risks, risks, rtol=1e-12)
    assert (history.steps, history.step_size) == (3, 0.05)


@pytest.mark.parametrize("subspace", SUBSPACES)
def test_algorithm_2_recovers_a_squared_relu_network_at_the_papers_step_size(subspace):
    network = conditioned(6, 3, 1.5, "squared_relu", 2)
    X, y = gaussian_samples(network, 12_000, 0)
    found, history = recover_zhong2017(X, y, 3, "squared_relu", rng=0, subspace=subspace, max_steps=3000)
    assert recovery_error(found, network) < 1e-11
    assert history.step_size == paper_step_size(history.start.network)
    assert history.risks[-1] <= 1e-26 * np.mean(y**2) / 2 < history.risks[-2]


def test_the_same_seed_gives_the_same_network():
    X, y = gaussian_samples(conditioned(6, 3, 2.0, "squared_relu", 1), 2000, 0)
    first, second = (recover_zhong2017(X, y, 3, "squared_relu", rng=7, max_steps=5)[0] for _ in range(2))
    assert first == second


def test_with_resampling_each_step_has_rows_of_its_own():
    network = conditioned(4, 2, 1.5, "squared_relu", 3)
    X, y = gaussian_samples(network, 4000, 0)
    found, history = recover_zhong2017(X, y, 2, "squared_relu", rng=0, resampling=True, max_steps=10)
    order = np.random.default_rng(0).permutation(4000)
    W, v = history.start.network.W, history.start.network.a
    for part in np.array_split(order[2000:], 10):
        residual = np.maximum(X[part] @ W.T, 0) ** 2 @ v - y[part]
        W = (
            W
            - history.step_size * 2 * v[:, None] * (np.maximum(X[part] @ W.T, 0) * residual[:, None]).T @ X[part] / 200
        )
    np.testing.assert_allclose(found.W, W, rtol=1e-11)


def test_with_resampling_the_descent_still_converges():
    network = conditioned(4, 2, 1.5, "squared_relu", 3)
    X, y = gaussian_samples(network, 60_000, 0)
    options = {"resampling": True, "subspace": "eigsh", "step_size": 0.05}
    found, history = recover_zhong2017(X, y, 2, "squared_relu", rng=0, **options)
    assert history.steps <= 30_000 // 8
    assert recovery_error(found, network) < 1e-11


def test_a_diverging_descent_returns_its_last_network_of_finite_risk():
    X, y = gaussian_samples(conditioned(4, 2, 1.5, "squared_relu", 3), 900, 0)
    options = {"rng": 0, "step_size": 100.0}
    found, history = recover_zhong2017(X, y, 2, "squared_relu", **options)
    assert not np.isfinite(history.risks[-1])
    assert np.isfinite(np.mean((found(X) - y) ** 2))
    found, again = recover_zhong2017(X, y, 2, "squared_relu", max_steps=history.steps, **options)
    assert again.steps == history.steps
    assert np.isfinite(np.mean((found(X) - y) ** 2))


def test_resampling_needs_a_row_a_step():
    X, y = gaussian_samples(conditioned(4, 2, 1.5, "squared_relu", 3), 100, 0)
    with pytest.raises(InputError, match="found 50 for 51 steps"):
        recover_zhong2017(X, y, 2, "squared_relu", rng=0, resampling=True, max_steps=51)
