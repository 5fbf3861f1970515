"""The sign-CNN, the laws of random weights, and the transform M: labels before and after, and the law after."""

from itertools import product

import numpy as np
import pytest
from scipy import linalg, sparse, stats

from csp_oracles import (
    assignments,
    clauses_of,
    cnn_units,
    dense,
    exact_solution,
    full_matrix,
    network_output,
    satisfies,
)
from twolayer.errors import InputError
from twolayer.papers.daniely2020hardness.instances import (
    LabelledTuples,
    WeightLaw,
    autoregressive,
    cnn_output,
    conjunction,
    conjunctions,
    convolutional_transform,
    covariance,
    encode,
    fully_connected_output,
    fully_connected_transform,
    goodness_of_fit,
    planted_formula,
    random_assignment,
    random_formula,
    realising_assignment,
    realizable_tuples,
    sat,
    satisfying_assignment,
    scattered_tuples,
    sign_filter,
    with_negations,
)
from twolayer.papers.daniely2020hardness.instances.sign_cnn import require_patches

LAWS = ["normal", "uniform", "sign", "gaussian", "sphere"]
OUTPUTS = ["clip", "max"]
ROUNDING = 1e-6  # what the library promises of labels after a transform


def law_of(name: str, dim: int, scale: float = 0.7) -> WeightLaw:
    return WeightLaw(name, scale, autoregressive(dim, -0.6, scale) if name == "gaussian" else None)


def test_a_clause_becomes_its_patch():
    formula = planted_formula([1, -1, 1, 1, -1, 1], 1, conjunction(2, 2), 3)
    X, y = encode(LabelledTuples(formula, np.array([0])), 3)
    expected = np.zeros((3, 7))
    for patch, clause in enumerate(clauses_of(formula, 0)):
        for sign, variable in clause:
            expected[patch, variable] = -sign
        expected[patch, 6] = -1
    assert np.array_equal(dense(X)[0], expected.ravel())
    assert X.has_canonical_format
    assert y.tolist() == [0]


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize(("K", "M"), [(2, 1), (2, 3), (3, 2), (4, 2)])
def test_the_sign_cnn_says_whether_a_clause_is_false(K, M, output):
    psi = random_assignment(12, 0)
    sample = scattered_tuples(12, 300, conjunction(K, M), 1)
    X, _ = encode(sample, M + 1)
    by_clauses = [int(not satisfies(clauses_of(sample.tuples, i), psi)) for i in range(300)]
    assert 0 < sum(by_clauses) < 300
    assert cnn_output(X, sign_filter(psi), output).tolist() == by_clauses
    units = cnn_units([*psi.tolist(), 1], M + 1)
    assert [network_output(row, units, output) for row in dense(X)[:50].astype(int).tolist()] == by_clauses[:50]
    assert (np.asarray(X.power(2).sum(axis=1)) == M * (K * K - K + 1)).all()


@pytest.mark.parametrize("output", OUTPUTS)
def test_networks_are_their_definitions_on_any_inputs(output):
    rng = np.random.default_rng(0)
    X, w, W = rng.standard_normal((40, 12)), rng.standard_normal(4), rng.standard_normal((5, 12)) / 4
    by_cnn = [network_output(x, cnn_units(w, 3), output) for x in X]
    by_network = [network_output(x, W, output) for x in X]
    for inputs in (X, sparse.csr_array(X * (np.abs(X) > 0)), sparse.csr_array(X)):
        np.testing.assert_allclose(cnn_output(inputs, w, output), by_cnn, rtol=1e-13)
        np.testing.assert_allclose(fully_connected_output(inputs, W, output), by_network, rtol=1e-13)


def test_a_cnn_takes_inputs_in_blocks_without_a_seam(monkeypatch):
    sample = scattered_tuples(20, 500, conjunction(3, 5), 1)
    X, _ = encode(sample, 6)
    whole = cnn_output(X, sign_filter(random_assignment(20, 0)))
    monkeypatch.setattr("twolayer.papers.daniely2020hardness.instances.sign_cnn._ENTRIES_AT_ONCE", 100)
    assert np.array_equal(cnn_output(X, sign_filter(random_assignment(20, 0))), whole)


# Shown: a formula that the solver calls unsatisfiable has no assignment realising its samples; a planted one has.


@pytest.mark.parametrize("M", [1, 2])
def test_samples_are_realised_by_an_assignment_exactly_where_the_solver_finds_one(M):
    n, n_satisfiable = 8, 0
    for seed in range(16):
        n_tuples = (24, 40, 56, 96)[seed % 4] // M
        block = 1 if M == 1 else 60
        tuples = conjunctions(random_formula(n, block * n_tuples, sat(3), seed), M, block)
        X, y = encode(LabelledTuples(tuples, np.zeros(len(tuples), dtype=int)))
        realised = [bool((cnn_output(X, sign_filter(psi)) == y).all()) for psi in assignments(n)]
        is_satisfiable = satisfying_assignment(tuples) is not None
        assert any(realised) == is_satisfiable
        n_satisfiable += is_satisfiable
    assert 0 < n_satisfiable < 16


def test_mixed_samples_are_realised_by_an_assignment_exactly_where_the_solver_finds_one():
    n, n_realised = 7, 0
    for seed in range(16):
        sample = scattered_tuples(n, (4, 6, 8, 12)[seed % 4], conjunction(2, 3), seed)
        X, y = encode(sample)
        realised = [psi for psi in assignments(n) if (cnn_output(X, sign_filter(psi)) == y).all()]
        found = realising_assignment(sample)
        assert (found is not None) == bool(realised)
        assert found is None or tuple(found.tolist()) in realised
        n_realised += bool(realised)
    assert 0 < n_realised < 16


def test_a_planted_formula_is_realised_from_clauses_to_samples():
    psi = random_assignment(60, 0)
    formula = planted_formula(psi, 6000, sat(3), 1)
    X, y = encode(with_negations(conjunctions(formula, 5), 2, psi), 17)
    assert X.shape == (100, 17 * 61)
    assert 0 < y.mean() < 1
    for output in OUTPUTS:
        assert np.array_equal(cnn_output(X, sign_filter(psi), output), y)


# Shown: labels agree before and after each reduction, for every law and both outputs, over 10 000 samples each.


@pytest.mark.parametrize("law", LAWS)
def test_labels_agree_before_and_after_every_transform(law):
    n_variables, k, m = 19, 7, 10_000
    t, added = n_variables + 1, 0 if law == "sphere" else 11
    psi = random_assignment(n_variables, 0)
    w = sign_filter(psi)
    X, y = encode(realizable_tuples(psi, m, conjunction(3, 5), 1), k)
    M = fully_connected_transform(law_of(law, k * t + added), t, k, added, 2)
    z = convolutional_transform(law_of(law, t), t, 3)
    assert M.weights(w).shape == (k, k * t + added)
    for output in OUTPUTS:
        assert np.array_equal(cnn_output(X, w, output), y)
        network = fully_connected_output(M.inputs(X), M.weights(w), output)
        cnn = cnn_output(z.inputs(X), z.weights(w), output)
        assert np.array_equal(np.rint(network), y)
        assert np.array_equal(np.rint(cnn), y)
        assert np.abs(network - y).max() < ROUNDING
        assert np.abs(cnn - y).max() < 1e-12


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("law", ["normal", "uniform", "sign", "sphere"])
def test_in_exact_arithmetic_labels_do_not_change_at_all(law, output):
    t, k = 5, 2
    w = sign_filter([1, -1, -1, 1])
    X, _ = encode(scattered_tuples(4, 8, conjunction(2, 2), 5), k)
    before = [
        network_output(row, cnn_units(w.astype(int).tolist(), k), output) for row in dense(X).astype(int).tolist()
    ]
    M = fully_connected_transform(law_of(law, k * t), t, k, 0, 4)
    W = full_matrix(M.blocks) @ np.array(cnn_units(w, k)).T
    assert np.array_equal(M.weights(w), W.T)
    for x, label in zip(dense(X), before, strict=True):
        moved = exact_solution(full_matrix(M.blocks).T, x)
        assert network_output(moved, [[type(moved[0])(float(v)) for v in unit] for unit in W.T], output) == label
        np.testing.assert_allclose(
            M.inputs(sparse.csr_array(x[None])).toarray()[0], np.array(moved, float), rtol=1e-10, atol=1e-12
        )
    assert set(before) == {0, 1}


@pytest.mark.parametrize("law", LAWS)
def test_the_transform_is_m_inverse_and_its_report_is_of_the_full_matrix(law):
    t, k, added = 4, 3, 0 if law == "sphere" else 2
    M = fully_connected_transform(law_of(law, t * k + added), t, k, added, 1)
    full = full_matrix(M.blocks)
    assert M.least_singular_value == pytest.approx(np.linalg.svd(full, compute_uv=False)[-1], rel=1e-10)
    X = np.random.default_rng(0).standard_normal((5, t * k))
    expected = np.concatenate([np.linalg.solve(full.T, X.T).T, np.zeros((5, added))], axis=1)
    if law == "gaussian":
        i = np.arange(t * k + added)
        factor = np.linalg.cholesky(0.49 * (-0.6) ** np.abs(i[:, None] - i))
        expected = linalg.solve_triangular(factor, expected.T, lower=True, trans="T").T
        assert M.law.bound_scale == pytest.approx(np.sqrt(np.linalg.eigvalsh(factor @ factor.T)[0]), rel=1e-9)
    np.testing.assert_allclose(M.inputs(sparse.csr_array(X)).toarray(), expected, rtol=1e-9, atol=1e-12)
    ceiling = np.linalg.norm(X, axis=1) / M.least_singular_value
    ceiling = ceiling / M.law.bound_scale if law == "gaussian" else ceiling
    assert (np.linalg.norm(expected, axis=1) <= ceiling * (1 + 1e-9)).all()


@pytest.mark.parametrize("law", LAWS)
def test_a_patch_is_divided_by_the_entries_of_its_filter(law):
    t, k = 5, 3
    z = convolutional_transform(law_of(law, t), t, 1)
    X = np.random.default_rng(0).standard_normal((4, k, t))
    expected = X / z.entries
    if law == "gaussian":
        i = np.arange(t)
        factor = np.linalg.cholesky(0.49 * (-0.6) ** np.abs(i[:, None] - i))
        expected = np.einsum("mkt,ts->mks", expected, np.linalg.inv(factor))
    found = z.inputs(sparse.csr_array(X.reshape(4, -1))).toarray()
    np.testing.assert_allclose(found, expected.reshape(4, -1), rtol=1e-10, atol=1e-12)
    assert z.least_singular_value == np.abs(z.entries).min()


def test_singular_blocks_of_signs_are_drawn_anew_and_counted():
    law, t = WeightLaw("sign", 2.0), 3000
    M = fully_connected_transform(law, t, 2, 0, 0)
    assert np.array_equal(np.unique(M.blocks), [-2, 2])
    assert (np.abs(np.linalg.det(M.blocks)) > 7).all()
    # A 2 x 2 matrix of signs is singular with chance 1/2: one redraw a block is expected, with variance 2.
    assert abs(M.redraws - t) < 4 * np.sqrt(2 * t)
    assert fully_connected_transform(law, 50, 1, 0, 0).redraws == 0
    assert fully_connected_transform(WeightLaw("normal"), 50, 3, 0, 0).redraws == 0


def test_entries_of_a_filter_that_are_as_good_as_zero_are_drawn_anew(monkeypatch):
    monkeypatch.setattr("twolayer.papers.daniely2020hardness.instances.transform._LARGEST_CONDITION", 10.0)
    z = convolutional_transform(WeightLaw("uniform"), 200, 0)
    assert z.redraws > 0
    assert np.abs(z.entries).min() > np.abs(z.entries).max() / 10


# Shown: the law of the transformed weights passes a Kolmogorov-Smirnov test at n = 10 000, and a wrong M fails it.


def adversarial_filter(t: int) -> np.ndarray:
    """The filter for which a mistake in M is not hidden by the chance of its signs."""
    return sign_filter(np.ones(t - 1, dtype=int))


@pytest.mark.parametrize("law", LAWS)
def test_transformed_weights_have_their_law(law):
    t, k, added = (1000, 10, 0) if law == "sphere" else (1000, 8, 2000)
    M = fully_connected_transform(law_of(law, t * k + added), t, k, added, 5)
    W = M.weights(adversarial_filter(t))
    assert goodness_of_fit(W[:1], M.law).p_value > 0.001  # the n = 10 000 weights of one unit
    assert goodness_of_fit(W, M.law).p_value > 0.001
    z = convolutional_transform(law_of(law, 10_000), 10_000, 6)
    w = z.weights(adversarial_filter(10_000))
    assert goodness_of_fit(w[None], z.law).p_value > 0.001
    if law == "sphere":
        np.testing.assert_allclose(np.linalg.norm([*W, w], axis=1), 0.7, rtol=1e-12)


@pytest.mark.parametrize("law", ["normal", "uniform", "sign", "sphere"])
def test_units_and_coordinates_of_the_transformed_weights_are_uncorrelated(law):
    W = fully_connected_transform(law_of(law, 10_000), 1000, 10, 0, 5).weights(adversarial_filter(1000))
    W /= np.sqrt((W**2).mean())
    between_units = W @ W.T / 10_000 - np.eye(10) * (W**2).mean(axis=1)
    between_blocks = np.einsum("jir,jsr->is", *[W.reshape(10, 10, 1000)] * 2) / 10_000
    assert np.abs(between_units).max() < 4.5 / np.sqrt(10_000)
    assert np.abs(between_blocks - np.diag(np.diag(between_blocks))).max() < 4.5 / np.sqrt(10_000)


@pytest.mark.parametrize("law", LAWS)
def test_a_wrong_transform_fails_the_test_of_its_law(law):
    t, k = 1000, 10
    M = fully_connected_transform(law_of(law, t * k), t, k, 0, 5)
    w = adversarial_filter(t)
    unsymmetric = type(M)(M.law, np.abs(M.blocks), M.draw_fresh, M.inverse, 1.0, 0)
    too_large = type(M)(M.law, 1.05 * M.blocks, M.draw_fresh, M.inverse, 1.0, 0)
    undrawn = type(M)(M.law, np.broadcast_to(np.eye(k), (t, k, k)), M.draw_fresh, M.inverse, 1.0, 0)
    for wrong in (unsymmetric, too_large, undrawn):
        assert goodness_of_fit(wrong.weights(w), M.law).p_value < 1e-6
    z = convolutional_transform(law_of(law, 10_000), 10_000, 6)
    wrong_z = type(z)(z.law, np.abs(z.entries), z.inverse, 1.0, 0)
    assert goodness_of_fit(wrong_z.weights(adversarial_filter(10_000))[None], z.law).p_value < 1e-6


def test_a_law_is_not_taken_for_another():
    rng, d = np.random.default_rng(1), 10_000
    laws = [WeightLaw(name, 1.0) for name in LAWS if name != "gaussian"]
    laws += [WeightLaw("gaussian", covariance=autoregressive(d, correlation)) for correlation in (-0.4, 0.4)]
    for drawn, claimed in product(laws, repeat=2):
        if {drawn.name, claimed.name} != {"normal", "gaussian"}:  # entries of both are N(0, 1), unless whitened
            fit = goodness_of_fit(drawn.units(drawn.entries((1, d), rng)), claimed)
            assert (fit.p_value > 1e-3) == (drawn is claimed)


@pytest.mark.parametrize("law", ["normal", "uniform", "sphere"])
def test_the_kolmogorov_smirnov_test_is_that_of_scipy(law):
    law = WeightLaw(law, 0.3)
    W = law.units(law.entries((2, 500), np.random.default_rng(0)))
    found = goodness_of_fit(W, law)
    expected = stats.kstest(W.ravel(), lambda v: law.cdf(v, 500), method="asymp")
    assert found.distance == pytest.approx(expected.statistic, rel=1e-9)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-9)


def test_the_law_of_an_entry_of_the_sphere_is_that_of_many_draws():
    law = WeightLaw("sphere", 2.0)
    entries = law.units(law.entries((20_000, 3), np.random.default_rng(0)))
    np.testing.assert_allclose(np.linalg.norm(entries, axis=1), 2.0, rtol=1e-14)
    # Archimedes: one coordinate of the sphere in three dimensions is uniform.
    np.testing.assert_allclose(law.cdf([-2.5, -2, -1, 0, 1, 2, 2.5], 3), [0, 0, 0.25, 0.5, 0.75, 1, 1], atol=1e-14)
    assert stats.kstest(entries[:, 1], lambda v: law.cdf(v, 3)).pvalue > 0.001


def test_gaussian_units_have_their_covariance():
    rng, d, n = np.random.default_rng(0), 4, 100_000
    i = np.arange(d)
    for sigma, found in [
        (2.25 * 0.5 ** np.abs(i[:, None] - i), autoregressive(d, 0.5, 1.5)),
        (np.array([[2.0, 0.3, 0, 0], [0.3, 1, 0.2, 0], [0, 0.2, 1, -0.4], [0, 0, -0.4, 3]]), None),
    ]:
        found = found or covariance(sigma)
        law = WeightLaw("gaussian", covariance=found)
        W = law.units(law.entries((n, d), rng))
        error = np.sqrt((sigma**2 + np.outer(np.diag(sigma), np.diag(sigma))) / n)
        assert (np.abs(W.T @ W / n - sigma) < 4.5 * error).all()
        assert found.least_eigenvalue == pytest.approx(np.linalg.eigvalsh(sigma)[0], rel=1e-10)
        np.testing.assert_allclose(found.whiten(found.colour(W)), W, rtol=1e-10)
        precision = (found.inverse_factor.T @ found.inverse_factor).toarray()
        np.testing.assert_allclose(precision @ sigma, np.eye(d), atol=1e-12)


def fc(law="normal", t=3, k=2, added=0, **options):
    return fully_connected_transform(WeightLaw(law, **options), t, k, added, 0)


REFUSED = {
    "3 clauses need as many patches, found 2; nearest allowed: 3": lambda: encode(
        scattered_tuples(9, 5, conjunction(2, 3), 0), 2
    ),
    "patches of 4 coordinates do not divide inputs of 10; nearest allowed: 8": lambda: cnn_output(
        np.ones((2, 10)), np.ones(4)
    ),
    "inputs may have 2147483647 coordinates, found 1000000000 patches of 10; nearest: 214748364": lambda: encode(
        scattered_tuples(9, 5, conjunction(2, 3), 0), 10**9
    ),
    "nearest allowed: 67108858 added coordinates": lambda: fc(added=10**11),
    "M has 2001 blocks of size 1000 and 0 added coordinates, 2001000000 entries, and at most 134217728 are": lambda: fc(
        t=2001, k=1000
    ),
    "a patch may have 2147483647 coordinates, found 4294967297; nearest": lambda: require_patches(9, 3, 2**32 + 1),
    "nearest allowed: 258 patches": lambda: fc(t=2001, k=1000),
    "nearest allowed: patches of 134217728": lambda: fc(t=1 << 28, k=1),
    "the output must be one of clip, max, found 'mean'": lambda: cnn_output(np.ones((2, 8)), np.ones(4), "mean"),
    "inputs have 3 coordinates, and units 2": lambda: fully_connected_output(np.ones((2, 3)), np.ones((2, 2))),
    "no coordinates can be added with the law 'sphere', found 4; nearest allowed: 0": lambda: fc("sphere", added=4),
    "the covariance must have dimension 8, found 7": lambda: fc("gaussian", added=2, covariance=autoregressive(7, 0.5)),
    "the covariance must have dimension 3, found 7": lambda: convolutional_transform(
        WeightLaw("gaussian", covariance=autoregressive(7, 0.5)), 3
    ),
    "the filter must consist of 3 numbers −1 or 1": lambda: fc().weights([1, 2, 1]),
    "inputs must have 6 coordinates, found 5": lambda: fc().inputs(sparse.csr_array(np.ones((1, 5)))),
    "patches of 3 coordinates do not divide inputs of 5": lambda: convolutional_transform(WeightLaw("sign"), 3).inputs(
        sparse.csr_array(np.ones((1, 5)))
    ),
    "the law must be one of normal, uniform, sign, gaussian, sphere, found 'cauchy'": lambda: WeightLaw("cauchy"),
    "the scale must be from 1e-100 to 1e+100, found 0": lambda: WeightLaw("normal", 0),
    "to 1e+100, found 1e+101": lambda: autoregressive(3, 0.5, 1e101),
    "a covariance belongs to the law 'gaussian'": lambda: WeightLaw("gaussian"),
    "the correlation must be between −0.999 and 0.999, found 1": lambda: autoregressive(3, 1.0),
    "the covariance must be a symmetric matrix, found shape (2, 2)": lambda: covariance([[1, 0.5], [0.4, 1]]),
    "the covariance must be positive definite, found the eigenvalue": lambda: covariance([[1, 1], [1, 1]]),
    "the covariance has dimension 3, and a unit 2 weights": lambda: WeightLaw(
        "gaussian", covariance=autoregressive(3, 0.5)
    ).units(np.ones((1, 2))),
}


@pytest.mark.parametrize("message", REFUSED)
def test_sizes_that_a_transform_does_not_allow_are_refused(message):
    with pytest.raises(InputError) as raised:
        REFUSED[message]()
    assert message in str(raised.value)
