"""Hermite moments against naive sums over placements, exact Gaussian designs, and the laws that hold on any data."""

import time
import tracemalloc
from functools import reduce
from itertools import combinations_with_replacement
from math import erf, exp, pi, sqrt

import numpy as np
import pytest
from scipy.sparse.linalg import eigsh
from threadpoolctl import threadpool_info, threadpool_limits

from oracles import gaussian_grid, hermite
from twolayer.errors import InputError
from twolayer.moments import (
    HermiteMoments,
    HermitePolynomial,
    MomentOperator,
    controlled_moments,
    hermite_regression,
    moment_cube,
    moment_vector,
    passes,
    regression,
    weighted_gram,
)
from twolayer.moments.pairs import pair_count

# ---------------------------------------------------------------------------------------------- slow definitions


def matchings(places):
    """All ways to pair off some of the places: (pairs, places left alone)."""
    if not places:
        yield (), ()
        return
    first, *rest = places
    for pairs, alone in matchings(rest):
        yield pairs, (first, *alone)
    for i, partner in enumerate(rest):
        for pairs, alone in matchings([*rest[:i], *rest[i + 1 :]]):
            yield ((first, partner), *pairs), alone


def naive_moment(X, y, j):
    """mean(y He_j(x)), He_j = Σ over matchings of (−1)^pairs · identities on the pairs · x on the others."""
    total = np.zeros((X.shape[1],) * j)
    letters = "abcdef"[:j]
    for pairs, alone in matchings(range(j)):
        terms = ["s", *(f"s{letters[i]}" for i in alone), *(letters[a] + letters[b] for a, b in pairs)]
        operands = [y, *[X] * len(alone), *[np.eye(X.shape[1])] * len(pairs)]
        total += (-1) ** len(pairs) * np.einsum(",".join(terms) + "->" + letters, *operands, optimize=True)
    return total / len(y)


def seen_through(T, *matrices):
    """Contract the first axis with the first matrix, and so on."""
    for matrix in matrices:
        T = np.tensordot(T, matrix, axes=(0, 0))
    return T


def outer(vectors):
    return reduce(np.multiply.outer, vectors, 1.0)


def assert_equal_to_rounding(actual, expected, size=None, ulps=1000):
    """Equal but for rounding of numbers as large as `size`."""
    size = np.abs(expected).max() if size is None else size
    np.testing.assert_allclose(actual, expected, rtol=0, atol=ulps * np.finfo(float).eps * size)


def data(n=501, d=4, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    return X, np.maximum(X @ rng.standard_normal((d, 3)) + 0.3, 0) @ [2.0, -1.0, 0.7] + rng.standard_normal(n)


def basis(d=4, k=3, seed=5):
    return np.random.default_rng(seed).standard_normal((d, k))


def orthonormal(d=4, k=3, seed=5):
    return np.linalg.qr(basis(d, k, seed))[0]


# ------------------------------------------------------------------------------------------- exact Gaussian designs

PHI = np.polynomial.Polynomial([0.4, -1.0, 0.8, 0.5, -0.3, 0.1, 0.05])


def polynomial_design(dim, units=3):
    """A sample that is exactly Gaussian for a network with the activation PHI, and the network's exact moments."""
    rng = np.random.default_rng(dim)
    W, b, v = rng.standard_normal((units, dim)), 0.5 * rng.standard_normal(units), np.array([1.5, -1.0, 0.8])
    X, masses = gaussian_grid(dim, 8)
    y = len(masses) * masses * (PHI(X @ W.T + b) @ v)
    g, g_masses = gaussian_grid(1, 12)
    norms = np.linalg.norm(W, axis=1)
    m = [
        [g_masses @ (PHI(s * g[:, 0] + c) * hermite(j, g[:, 0])) for s, c in zip(norms, b, strict=True)]
        for j in range(8)
    ]
    return X, y, W / norms[:, None], v * np.array(m)


def relu_design():
    """A sample of the plane, exactly Gaussian for bias-free ReLU units, cut at their kinks; and their exact moments."""
    angles, norms, v = np.array([0.3, 1.7, 4.0]), np.array([1.0, 0.6, 1.8]), np.array([1.0, -0.7, 1.2])
    kinks = np.sort(np.concatenate([angles + pi / 2, angles - pi / 2]) % (2 * pi))
    ends = np.append(kinks, kinks[0] + 2 * pi)
    t, t_rule = np.polynomial.legendre.leggauss(30)
    half = np.diff(ends)[:, None] / 2
    turn, turn_mass = (ends[:-1, None] + half * (1 + t)).ravel(), (half * t_rule).ravel() / (2 * pi)
    r, r_rule = np.polynomial.legendre.leggauss(80)
    r, r_mass = 7 * (1 + r), 7 * r_rule * (7 * (1 + r)) * np.exp(-((7 * (1 + r)) ** 2) / 2)
    X = (r[:, None, None] * np.stack([np.cos(turn), np.sin(turn)], axis=-1)).reshape(-1, 2)
    masses = np.multiply.outer(r_mass, turn_mass).ravel()
    W = np.column_stack([np.cos(angles), np.sin(angles)])
    y = len(masses) * masses * (np.maximum(X @ (norms[:, None] * W).T, 0) @ v)
    c0 = 1 / sqrt(2 * pi)
    return X, y, W, np.multiply.outer([c0, 0.5, c0, 0.0, -c0, 0.0, 3 * c0, 0.0], norms * v)


DESIGNS = {"plane": polynomial_design(2), "space": polynomial_design(3), "relu": relu_design()}


def population(design, j, *matrices):
    """Σ_i v_i m_{j,i} w̄_i^{⊗j} with each place seen through a matrix or a vector."""
    _, _, W, strengths = design
    return sum(s * outer([w @ matrix for matrix in matrices]) for w, s in zip(W, strengths[j], strict=True))


def assert_exact(actual, expected, design):
    """Right to 1e-10 of the design's own size."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-10 * np.abs(design[3]).max())


designs = pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)


@designs
@pytest.mark.parametrize("j", range(5))
def test_each_moment_is_one_rank_one_term_per_unit(design, j):
    X, y, W, _ = design
    identity, V = np.eye(W.shape[1]), basis(W.shape[1], 2)
    assert_exact(HermiteMoments.from_blocks([(X, y)], 4).tensor(j), population(design, j, *[identity] * j), design)
    assert_exact(HermiteMoments.from_blocks([(X, y)], 4, V).tensor(j), population(design, j, *[V] * j), design)


@designs
@pytest.mark.parametrize("order", range(1, 8))
def test_each_contraction_is_one_term_per_unit(design, order):
    X, y, W, _ = design
    identity, V, alpha = np.eye(W.shape[1]), basis(W.shape[1], 2), np.linspace(0.4, -0.7, W.shape[1])
    expected = population(design, order, identity, *[alpha] * (order - 1))
    assert_exact(moment_vector(X, y, order, alpha), expected, design)
    if order >= 2:
        operator = MomentOperator(X, y, order, alpha)
        expected = population(design, order, V, V, *[alpha] * (order - 2))
        assert_exact(operator.restrict(V), expected, design)
        assert_exact(V.T @ (operator @ V), expected, design)
    if order >= 3:
        expected = population(design, order, V, V, V, *[alpha] * (order - 3))
        assert_exact(moment_cube(X, y, V, order, alpha), expected, design)


def test_order_three_is_blind_to_relu_and_order_four_is_not():
    design = DESIGNS["relu"]
    moments = HermiteMoments.from_blocks([design[:2]], 4)
    assert np.abs(moments.tensor(3)).max() < 1e-12
    assert np.abs(moments.tensor(4)).max() > 0.1


# --------------------------------------------------------------------------------------------- naive sums, any data


@pytest.mark.parametrize("j", range(5))
@pytest.mark.parametrize("k", [None, 1, 3, 6])
def test_moments_are_the_naive_means(j, k):
    X, y = data()
    V = None if k is None else basis(4, k)
    expected = seen_through(naive_moment(X, y, j), *[np.eye(4) if V is None else V] * j)
    actual = HermiteMoments.from_blocks([(X, y)], max(j, 1), V).tensor(j)
    assert_equal_to_rounding(actual, expected, size=1 + np.abs(expected).max())
    assert actual.shape == (k or 4,) * j


@pytest.mark.parametrize("order", range(1, 7))
def test_contractions_are_the_naive_means(order):
    X, y = data(101)
    alpha, V = np.array([0.5, -1.0, 2.0, 0.3]), basis()
    T, size = naive_moment(X, y, order), 10.0**order
    assert_equal_to_rounding(moment_vector(X, y, order, alpha), seen_through(T, *[alpha] * (order - 1)), size)
    if order >= 2:
        M, operator = seen_through(T, *[alpha] * (order - 2)), MomentOperator(X, y, order, alpha)
        assert operator.shape == (4, 4)
        assert_equal_to_rounding(operator.matmat(V), M @ V, size)
        assert_equal_to_rounding(operator @ V[:, 0], M @ V[:, 0], size)
        assert_equal_to_rounding(operator.T @ V, M @ V, size)
        assert_equal_to_rounding(operator.restrict(V), V.T @ M @ V, size)
    if order >= 3:
        expected = seen_through(seen_through(T, *[alpha] * (order - 3)), V, V, V)
        assert_equal_to_rounding(moment_cube(X, y, V, order, alpha), expected, size)


def test_lowest_orders_need_no_alpha():
    X, y = data()
    np.testing.assert_array_equal(moment_vector(X, y, 1), moment_vector(X, y, 1, np.ones(4)))
    np.testing.assert_array_equal(MomentOperator(X, y, 2) @ basis(), MomentOperator(X, y, 2, np.ones(4)) @ basis())
    np.testing.assert_array_equal(moment_cube(X, y, basis(), 3), moment_cube(X, y, basis(), 3, np.ones(4)))


def test_operator_serves_an_eigensolver_and_leaves_the_sample_alone():
    X, y = data()
    copies = X.copy(), y.copy()
    operator = MomentOperator(X, y, 4, np.ones(4))
    values = eigsh(operator, k=2, which="LM", v0=np.ones(4), return_eigenvectors=False)
    dense = np.linalg.eigvalsh(seen_through(naive_moment(X, y, 4), np.ones(4), np.ones(4)))
    assert_equal_to_rounding(np.sort(np.abs(values)), np.sort(np.abs(dense))[-2:])
    np.testing.assert_array_equal(X, copies[0])
    np.testing.assert_array_equal(y, copies[1])


@pytest.mark.parametrize("weights", ["both signs", "positive", "negative", "with zeros", "zero"])
def test_weighted_gram_is_the_plain_product(weights):
    X, y = data(3000, 7)
    y = {"both signs": y, "positive": abs(y), "negative": -abs(y), "with zeros": y * (y > 0), "zero": 0 * y}[weights]
    gram = weighted_gram(X, y)
    assert_equal_to_rounding(gram, X.T @ (y[:, None] * X), size=np.abs(y) @ (X * X).sum(axis=1) + 1e-300, ulps=4)
    np.testing.assert_array_equal(gram, gram.T)


@pytest.mark.parametrize("kind", [np.float32, np.int64, "fortran", "strided", "one column", "one row"])
def test_weighted_gram_takes_any_layout_and_real_dtype(kind):
    X, y = data(300, 6)
    X, y = {
        "fortran": lambda: (np.asfortranarray(X), y),
        "strided": lambda: (X[::3, ::2], y[::3]),
        "one column": lambda: (X[:, :1], y),
        "one row": lambda: (X[:1], y[:1]),
    }.get(kind, lambda: ((10 * X).astype(kind), (10 * y).astype(kind)))()
    expected = X.astype(float).T @ (y.astype(float)[:, None] * X.astype(float))
    assert_equal_to_rounding(
        weighted_gram(X, y), expected, size=np.abs(y).astype(float) @ (X.astype(float) ** 2).sum(1)
    )


# ----------------------------------------------------------------------------------------------------------- laws


@pytest.mark.parametrize("j", range(1, 5))
def test_along_a_unit_vector_the_moment_is_the_mean_of_a_polynomial(j):
    X, y = data()
    u = np.array([2.0, -1.0, 0.5, 1.0]) / 2.5
    tensor = HermiteMoments.from_blocks([(X, y)], j).tensor(j)
    assert_equal_to_rounding(seen_through(tensor, *[u] * j), np.mean(y * hermite(j, X @ u)), size=10.0)


@pytest.mark.parametrize("j", range(5))
def test_moments_turn_with_the_inputs_and_are_linear_in_the_labels(j):
    X, y = data()
    Q, other = orthonormal(4, 4), np.cos(X[:, 0])

    def tensor(X, y):
        return HermiteMoments.from_blocks([(X, y)], 4).tensor(j)

    assert_equal_to_rounding(tensor(X @ Q, y), seen_through(tensor(X, y), *[Q] * j), size=30.0)
    assert_equal_to_rounding(tensor(X, 2 * y - 3 * other), 2 * tensor(X, y) - 3 * tensor(X, other), size=30.0)


@pytest.mark.parametrize("j", [2, 3, 4])
def test_tensors_are_exactly_symmetric(j):
    X, y = data()
    for tensor in (HermiteMoments.from_blocks([(X, y)], j).tensor(j), controlled_moments([(X, y)], j).tensor(j)):
        np.testing.assert_array_equal(tensor, np.moveaxis(tensor, 0, -1))
        np.testing.assert_array_equal(tensor, np.swapaxes(tensor, 0, 1))
    cube = moment_cube(X, y, basis(), 4, np.ones(4))
    np.testing.assert_array_equal(cube, cube.transpose(2, 0, 1))
    np.testing.assert_array_equal(cube, cube.transpose(1, 0, 2))


@pytest.mark.parametrize("V", [None, basis()], ids=["whole space", "subspace"])
def test_merged_parts_are_the_whole_in_any_order_and_grouping(V):
    X, y = data(900)
    parts = [HermiteMoments.from_blocks([(X[cut], y[cut])], 4, V) for cut in np.split(np.arange(900), [100, 457])]
    whole = HermiteMoments.from_blocks([(X, y)], 4, V)
    left = parts[0].merge(parts[1]).merge(parts[2])
    right = parts[2].merge(parts[1].merge(parts[0]))
    streamed = HermiteMoments.from_blocks(((X[s : s + 7], y[s : s + 7]) for s in range(0, 900, 7)), 4, V)
    shuffled = HermiteMoments.from_blocks([(X[s : s + 90], y[s : s + 90]) for s in range(810, -1, -90)], 4, V)
    assert left.count == streamed.count == whole.count == 900
    for j in range(5):
        for moments in (left, right, streamed, shuffled):
            assert_equal_to_rounding(moments.tensor(j), whole.tensor(j), size=30.0)


def test_results_are_the_same_bits_for_any_number_of_workers():
    X, y = data(22_000, 20)
    V, delays = orthonormal(20, 20), iter(np.random.default_rng(1).uniform(0, 0.004, 1000))

    def late(X):
        time.sleep(next(delays))  # so that the workers finish out of turn
        return np.zeros(len(X))

    chunk = passes._BLOCKS_PER_CHUNK * passes.block_rows(210)
    assert len(X) > 4 * chunk

    def results(workers):
        moments = HermiteMoments.from_blocks([(X, y)], 4, V, control=late, workers=workers)
        yield from (moments.tensor(j) for j in range(5))
        yield weighted_gram(X, y, workers)
        yield MomentOperator(X, y, 3, V[:, 0], workers=workers) @ V
        yield moment_cube(X, y, V, 4, V[:, 0], workers=workers)
        yield moment_vector(X, y, 3, V[:, 0], workers=workers)
        yield from controlled_moments([(X, y)], 2, V, workers=workers).fits[0].tensors

    one = list(results(1))
    for workers in (2, 5, None):
        for mine, other in zip(results(workers), one, strict=True):
            np.testing.assert_array_equal(mine, other)


def test_terms_are_added_in_a_binary_tree_over_their_positions():
    half = 2.0**-53  # 1 + half rounds to 1, so that the order of the sum shows in it
    (total,) = passes._tree_sum((np.array([1.0 if i == 0 else half]),) for i in range(7))
    assert total[0] == (((1.0 + half) + (half + half)) + ((half + half) + half))
    assert total[0] != sum([1.0] + [half] * 6)


def test_blocks_and_chunks_leave_no_seams():
    X, y = data(9001, 300)
    pieces = [(X[start : start + 1000], y[start : start + 1000]) for start in range(0, 9001, 1000)]
    V, U, alpha = orthonormal(300, 4), orthonormal(300, 25), np.ones(300)
    assert passes.block_rows(300) == passes.block_rows(pair_count(25)) == 1024

    def assert_mean_of_pieces(mean):
        means = sum(len(piece[1]) * mean(*piece) for piece in pieces) / len(y)
        assert_equal_to_rounding(mean(X, y), means, size=np.abs(means).max() + 1)

    assert_mean_of_pieces(lambda X, y: weighted_gram(X, y) / len(y))
    assert_mean_of_pieces(lambda X, y: moment_vector(X, y, 3, alpha))
    assert_mean_of_pieces(lambda X, y: MomentOperator(X, y, 3, alpha) @ V)
    assert_mean_of_pieces(lambda X, y: moment_cube(X, y, U, 5, U[:, 0]))
    assert_mean_of_pieces(lambda X, y: HermiteMoments.from_blocks([(X, y)]).tensor(2))
    assert_mean_of_pieces(lambda X, y: HermiteMoments.from_blocks([(X, y)], 4, U).tensor(4))
    linear = hermite_regression([(X, y)], 1)
    assert_equal_to_rounding(linear(X), linear.tensors[0] + X @ linear.tensors[1], size=10.0)
    features = monomials(X[:, :8], 2)
    expected = features @ np.linalg.lstsq(features, y)[0]
    assert_equal_to_rounding(hermite_regression([(X[:, :8], y)], 2)(X[:, :8]), expected, size=100.0)


@pytest.mark.parametrize("workers", [1, 2])
def test_blas_is_held_to_one_thread_in_a_pass_and_then_let_go(workers):
    X, y = data(50)
    seen = []

    def threads():
        return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}

    def look(X):
        seen.append(threads())
        return np.zeros(len(X))

    def fail(X):
        raise ZeroDivisionError

    with threadpool_limits(2, user_api="blas"):
        assert passes.worker_count(None) == 2
        HermiteMoments.from_blocks([(X, y)], control=look, workers=workers)
        with pytest.raises(ZeroDivisionError):
            HermiteMoments.from_blocks([(X, y)], control=fail, workers=workers)
        assert seen == [{1}]
        assert threads() == {2}


def test_nothing_of_size_d_cubed_or_n_d_squared_is_formed():
    n, d, k = 4_000, 400, 5
    X, y = data(n, d)
    V, alpha = orthonormal(d, k), np.ones(d)
    tracemalloc.start()
    MomentOperator(X, y, 4, alpha, workers=1) @ V
    moment_cube(X, y, V, 4, alpha, workers=1)
    moment_vector(X, y, 4, alpha, workers=1)
    HermiteMoments.from_blocks([(X, y)], 4, V, workers=1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < X.nbytes / 4
    assert X.nbytes < d**3 * 8 / 10


# ---------------------------------------------------------------------------------------------------------- noise


@pytest.mark.parametrize("j", range(5))
def test_noise_is_half_the_distance_of_the_halves(j):
    X, y = data(401)
    V = basis()
    halves = [seen_through(naive_moment(X[rows], y[rows], j), *[V] * j) for rows in (np.s_[0::2], np.s_[1::2])]
    difference = (halves[0] - halves[1]).reshape(3 ** (j // 2), -1)
    expected = np.linalg.norm(difference, 2) / 2
    assert HermiteMoments.from_blocks([(X, y)], 4, V).noise(j) == pytest.approx(expected, rel=1e-11)


def test_noise_has_the_size_of_the_error():
    rng, u, repeats = np.random.default_rng(3), np.array([0.6, 0.0, 0.8]), 150
    truth = [1 / sqrt(2 * pi) * outer([u, u]), -1 / sqrt(2 * pi) * outer([u] * 4)]
    errors, noises = np.zeros((repeats, 2)), np.zeros((repeats, 2))
    for i in range(repeats):
        X = rng.standard_normal((500, 3))
        moments = HermiteMoments.from_blocks([(X, np.maximum(X @ u, 0))], 4)
        errors[i] = [
            np.linalg.norm((moments.tensor(j) - T).reshape(3 ** (j // 2), -1), 2)
            for j, T in zip((2, 4), truth, strict=True)
        ]
        noises[i] = [moments.noise(2), moments.noise(4)]
    ratio = noises.mean(axis=0) / errors.mean(axis=0)
    spread = np.hypot(noises.std(axis=0) / noises.mean(axis=0), errors.std(axis=0) / errors.mean(axis=0)) / sqrt(
        repeats
    )
    assert (spread < 0.1).all()
    assert (abs(ratio - 1) < 4 * spread).all()


def test_noise_of_a_single_row_is_infinite():
    X, y = data(1)
    assert HermiteMoments.from_blocks([(X, y)]).noise(2) == np.inf


# ------------------------------------------------------------------------------------------ regression and controls


def monomials(Z, degree):
    """All monomials of the columns up to a degree, one a column."""
    places = [c for j in range(degree + 1) for c in combinations_with_replacement(range(Z.shape[1]), j)]
    return np.column_stack([Z[:, list(c)].prod(axis=1) for c in places])


@pytest.mark.parametrize("degree", range(5))
@pytest.mark.parametrize("V", [None, orthonormal(4, 2)], ids=["whole space", "subspace"])
def test_regression_is_the_least_squares_polynomial(degree, V):
    X, y = data(800)
    features = monomials(X if V is None else X @ V, degree)
    expected = features @ np.linalg.lstsq(features, y)[0]
    fit = hermite_regression([(X[:300], y[:300]), (X[300:], y[300:])], degree, V)
    assert_equal_to_rounding(fit(X), expected, ulps=20_000)
    assert fit.degree == degree


@pytest.mark.parametrize("degree", range(5))
def test_polynomial_has_the_moments_that_it_is_given_by(degree):
    rng, V = np.random.default_rng(0), orthonormal(3, 2)
    tensors = [naive_moment(rng.standard_normal((9, 2)), rng.standard_normal(9), j) for j in range(degree + 1)]
    polynomial = HermitePolynomial(tuple(tensors), V)
    X, masses = gaussian_grid(3, 6)
    moments = HermiteMoments.from_blocks([(X, len(masses) * masses * polynomial(X))], 4, V)
    for j in range(5):
        expected = tensors[j] if j <= degree else np.zeros((2,) * j)
        assert_equal_to_rounding(
            moments.tensor(j), expected, size=1 + max(np.abs(T).max() for T in tensors), ulps=10_000
        )


@pytest.mark.parametrize("V", [None, orthonormal(8, 5)], ids=["whole space", "subspace"])
def test_quadratic_fit_by_products_is_that_by_normal_equations(V, monkeypatch):
    X, y = data(400, 8)
    blocks = [(X[:150], y[:150]), (X[150:], y[150:])]
    direct = hermite_regression(blocks, 2, V, control=lambda X: X[:, 0] ** 3)
    monkeypatch.setattr(regression, "_MAX_DIRECT", 1)
    iterated = hermite_regression(blocks, 2, V, control=lambda X: X[:, 0] ** 3)
    for mine, other in zip(iterated.tensors, direct.tensors, strict=True):
        np.testing.assert_allclose(mine, other, atol=1e-8 * np.abs(direct.tensors[1]).max())


def test_quadratic_fit_by_products_takes_few_steps(monkeypatch):
    monkeypatch.setattr(regression, "_MAX_DIRECT", 1)
    monkeypatch.setattr(regression, "_CG_STEPS", 25)
    X, y = data(66 * 10, 10)
    assert hermite_regression([(X, y)], 2).degree == 2


def test_quadratic_fit_that_stops_early_says_so(monkeypatch):
    monkeypatch.setattr(regression, "_MAX_DIRECT", 1)
    monkeypatch.setattr(regression, "_CG_STEPS", 2)
    with pytest.warns(UserWarning, match="stopped after 2 steps .* its 15 coefficients need more rows than 60"):
        hermite_regression([data(60)], 2)


@pytest.mark.parametrize("largest", [2048, 1], ids=["normal equations", "products"])
def test_singular_designs_are_fitted_too(largest, monkeypatch):
    monkeypatch.setattr(regression, "_MAX_DIRECT", largest)
    rng = np.random.default_rng(0)
    X = rng.choice([-1.0, 1.0], (200, 3))  # x_i² = 1: the squares are constants
    y = 1 + X[:, 0] - 2 * X[:, 0] * X[:, 2]
    np.testing.assert_allclose(hermite_regression([(X, y)], 2)(X), y, atol=1e-9)


@pytest.mark.parametrize("V", [None, orthonormal()], ids=["whole space", "subspace"])
@pytest.mark.parametrize("degree", [1, 2])
def test_controlled_moments_are_those_of_the_fit_plus_those_of_its_residual(V, degree):
    X, y = data(700)
    Z = X if V is None else X @ V
    moments = controlled_moments([(X[:99], y[:99]), (X[99:], y[99:])], 4, V, degree=degree)
    stages = [monomials(X, degree)] if V is None else [monomials(X, 1), monomials(Z, 2)][:degree]
    residual = y
    for features in stages:
        residual = residual - features @ np.linalg.lstsq(features, residual)[0]
    grid, masses = gaussian_grid(4, 5)
    p = sum(fit(grid) for fit in moments.fits)
    assert_equal_to_rounding(sum(fit(X) for fit in moments.fits), y - residual, ulps=20_000)
    for j in range(5):
        naive = naive_moment(X, residual, j) + naive_moment(grid, len(masses) * masses * p, j)
        expected = seen_through(naive, *[np.eye(4) if V is None else V] * j)
        assert_equal_to_rounding(moments.tensor(j), expected, size=10.0, ulps=20_000)
    assert (moments.order, moments.count) == (4, 700)


def test_a_quadratic_leaves_nothing_to_be_noisy():
    X, _ = data(200)
    A = np.diag([1.0, -2.0, 0.5, 0.0])
    y = 3 + X @ [1.0, 0.0, -1.0, 2.0] + ((X @ A) * X).sum(axis=1)
    moments, plain = controlled_moments([(X, y)], 4), HermiteMoments.from_blocks([(X, y)], 4)
    expected = [3 + np.trace(A), [1, 0, -1, 2], 2 * A, np.zeros((4,) * 3), np.zeros((4,) * 4)]
    for j, T in enumerate(expected):
        np.testing.assert_allclose(moments.tensor(j), T, atol=1e-10)
        assert moments.noise(j) < 1e-10 < 0.01 < plain.noise(j)


def test_degree_defaults_to_one_below_the_orders_above_the_fit():
    blocks = [data(200)]
    assert [fit.degree for fit in controlled_moments(blocks, 2).fits] == [1]
    assert [fit.degree for fit in controlled_moments(blocks, 3).fits] == [2]
    assert [fit.degree for fit in controlled_moments(blocks, 4, orthonormal()).fits] == [1, 2]


def test_control_variates_keep_the_mean_and_shrink_the_variance():
    rng, w, b, n, repeats = np.random.default_rng(8), np.array([0.6, 0.8, 0.0]), 0.5, 3000, 60
    density, mass = exp(-b * b / 2) / sqrt(2 * pi), (1 + erf(b / sqrt(2))) / 2
    truth = np.array([b * mass + density, mass, density, -b * density, (b * b - 1) * density])
    estimates = np.zeros((2, repeats, 5))
    for i in range(repeats):
        X = rng.standard_normal((n, 3))
        blocks = [(X, np.maximum(X @ w + b, 0))]
        for kind, moments in enumerate((controlled_moments(blocks, 4), HermiteMoments.from_blocks(blocks, 4))):
            estimates[kind, i] = [seen_through(moments.tensor(j), *[w] * j) for j in range(5)]
    error, deviation = estimates[0].mean(axis=0) - truth, estimates.std(axis=1)
    standard_error = deviation[0] / sqrt(repeats)
    assert (standard_error < 0.06 * np.abs(truth)).all()
    assert (np.abs(error) < 4 * standard_error).all()
    assert (deviation[0] < deviation[1] / [5, 5, 3, 3, 3]).all()


def test_moments_of_a_residual_forget_what_is_subtracted():
    X, y = data()
    control = controlled_moments([(X, y)], 2).fits[0]
    moments = HermiteMoments.from_blocks([(X, y)], 3, control=control)
    plain = HermiteMoments.from_blocks([(X, y - control(X))], 3)
    for j in range(4):
        assert_equal_to_rounding(moments.tensor(j), plain.tensor(j), size=10.0)
    perfect = HermiteMoments.from_blocks([(X, control(X))], 3, control=control)
    assert max(np.abs(perfect.tensor(j)).max() for j in range(4)) < 1e-13


# ------------------------------------------------------------------------------------------------------- bad input

X0, Y0 = data(30)
BAD = {
    "X must have two dimensions": lambda: weighted_gram(Y0, Y0),
    "y must have one dimension": lambda: weighted_gram(X0, X0),
    "same number of rows, found 30 and 29": lambda: weighted_gram(X0, Y0[:-1]),
    "X must hold real numbers": lambda: weighted_gram(X0 + 1j, Y0),
    "must be finite": lambda: weighted_gram(np.where(X0 > 1, np.inf, X0), Y0),
    "workers must be": lambda: weighted_gram(X0, Y0, workers=0),
    "at least one row is needed": lambda: HermiteMoments.from_blocks([(X0[:0], Y0[:0])]),
    "at least one block of rows is needed": lambda: HermiteMoments.from_blocks([]),
    "as many columns, found 4 and 3": lambda: HermiteMoments.from_blocks([(X0, Y0), (X0[:, :3], Y0)]),
    "order must be an integer from 0 to 4, found 5": lambda: HermiteMoments.from_blocks([(X0, Y0)], 5),
    r"V must have shape \(4, k\), a row for each column of X, found \(3, 3\)": lambda: HermiteMoments.from_blocks(
        [(X0, Y0)], 2, np.eye(3)
    ),
    "orders 0 to 2 are held, order 3 is not": lambda: HermiteMoments.from_blocks([(X0, Y0)]).tensor(3),
    "found orders 2 and 3": lambda: HermiteMoments.from_blocks([(X0, Y0)]).merge(
        HermiteMoments.from_blocks([(X0, Y0)], 3)
    ),
    "same order and V": lambda: HermiteMoments.from_blocks([(X0, Y0)], 2, np.eye(4)).merge(
        HermiteMoments.from_blocks([(X0, Y0)], 2, -np.eye(4))
    ),
    "order must be .* at least 2, found 1": lambda: MomentOperator(X0, Y0, 1),
    "order 3 needs alpha for its last 1 places": lambda: MomentOperator(X0, Y0, 3),
    "alpha must have length 4": lambda: moment_vector(X0, Y0, 2, np.ones(3)),
    "order must be .* at least 3, found 2": lambda: moment_cube(X0, Y0, np.eye(4), 2),
    "degree must be an integer from 0 to 4": lambda: hermite_regression([(X0, Y0)], 5),
    "has 35 coefficients and needs as many rows, found 30": lambda: hermite_regression([(X0, Y0)], 3),
    "but at most 2048 can be fitted": lambda: hermite_regression([(np.ones((9, 30)), np.ones(9))], 3),
    "orthonormal columns": lambda: hermite_regression([(X0, Y0)], 1, 2 * np.eye(4)),
    "found an iterator": lambda: controlled_moments(iter([(X0, Y0)]), 2),
    "order must be an integer from 1 to 4": lambda: controlled_moments([(X0, Y0)], 0),
    "degree must be 1 or 2": lambda: controlled_moments([(X0, Y0)], 2, degree=3),
}


@pytest.mark.parametrize("message", BAD)
def test_bad_input_is_named(message):
    with pytest.raises(InputError, match=message):
        BAD[message]()
