"""The 1/10 rule, and the families of instances."""

import numpy as np
import pytest
from scipy import sparse, stats

from csp_oracles import cnn_units, dense, network_output
from twolayer.errors import InputError
from twolayer.papers.daniely2020hardness.instances import (
    EASY_TWIN,
    RANDOM_CNN,
    RANDOM_NETWORK,
    SIGN_CNN,
    Power,
    Verdict,
    distinguish,
    distinguishing_power,
)

FAMILIES = (SIGN_CNN, RANDOM_NETWORK, RANDOM_CNN, EASY_TWIN)
SMALL = {"variables": 60, "width": 17}
LAWS = ("normal", "uniform", "sign", "gaussian", "sphere")
VARIANTS = [
    *((SIGN_CNN, {"pooling": pooling}) for pooling in ("clip", "max")),
    *(
        (family, {"law": law, "pooling": o})
        for family in (RANDOM_NETWORK, RANDOM_CNN)
        for law in LAWS
        for o in ("clip", "max")
    ),
    *((EASY_TWIN, {"twin": twin}) for twin in ("few_variables", "repeated_tuples", "gaussian_inputs")),
]


class ByHeart:
    """Knows the labels that it saw, and predicts a constant elsewhere."""

    def __init__(self, constant):
        self.constant = constant

    def fit(self, X, y):
        self.known = {row.tobytes(): label for row, label in zip(dense(X), y, strict=True)}
        self.n_seen = X.shape[0]

    def predict(self, X):
        return np.array([self.known.get(row.tobytes(), self.constant) for row in dense(X)])


class Oracle:
    """Predicts what it is told, whatever it saw."""

    def __init__(self, predictions):
        self.predictions = predictions

    def fit(self, X, y):
        pass

    def predict(self, _):
        return self.predictions


def coins(rng, n=1000, d=3):
    return rng.standard_normal((n, d)), rng.integers(0, 2, n).astype(float)


def test_the_verdict_is_the_mean_loss_of_the_clipped_predictions():
    X, y = coins(np.random.default_rng(0))
    predictions = np.random.default_rng(1).normal(0.5, 2, 1000)
    found = distinguish(Oracle(predictions), X, y, 50, 2)
    losses = [(min(1.0, max(0.0, p)) - label) ** 2 for p, label in zip(predictions, y, strict=True)]
    assert found.loss == pytest.approx(np.mean(losses), rel=1e-12)
    assert found.standard_error == pytest.approx(stats.sem(losses), rel=1e-12)
    assert found.constant_loss == pytest.approx(np.var(y), rel=1e-12)
    assert not found.is_realizable
    assert found.is_clear


def test_a_learner_is_shown_a_random_tenth_and_judged_on_all():
    X, y = coins(np.random.default_rng(0))
    learner = ByHeart(0.5)
    found = distinguish(learner, X, y, rng=3)
    assert learner.n_seen == 100
    assert found.n_samples == 1000
    assert found.n_seen == len(learner.known) < 100  # drawn with replacement
    assert found.unseen_loss == 0.25
    assert found.loss == pytest.approx(0.25 * (1 - found.n_seen / 1000), rel=1e-12)


@pytest.mark.parametrize(
    ("share", "is_realizable", "is_clear"), [(0.05, True, True), (0.1, True, False), (0.2, False, True)]
)
def test_the_rule_is_one_tenth(share, is_realizable, is_clear):
    y = np.zeros(1000)
    predictions = np.where(np.arange(1000) < 1000 * share, 1.0, 0.0)
    found = distinguish(Oracle(predictions), np.ones((1000, 2)), y, 10, 0)
    assert (found.is_realizable, found.is_clear) == (is_realizable, is_clear)


def test_sparse_and_dense_inputs_give_the_same_verdict():
    X, y = coins(np.random.default_rng(0))
    assert distinguish(ByHeart(0.5), X, y, 50, 3) == distinguish(ByHeart(0.5), sparse.csr_array(X), y, 50, 3)


def test_power_is_the_share_of_verdicts_with_wilson_s_interval():
    def verdict(is_realizable, loss):
        return Verdict(is_realizable, loss, 0.01, loss, 0.01, 0.25, 10, 100)

    power = Power((*[verdict(True, 0.05)] * 7, *[verdict(False, 0.2)] * 3))
    interval = stats.binomtest(7, 10).proportion_ci(0.95, method="wilson")
    assert power.frequency == 0.7
    assert power.interval == pytest.approx((interval.low, interval.high), rel=1e-9)
    assert power.loss == pytest.approx(0.095)
    assert power.standard_error == pytest.approx(stats.sem([0.05] * 7 + [0.2] * 3), rel=1e-12)
    assert np.isnan(Power((verdict(True, 0.05),)).standard_error)


def test_power_draws_a_fresh_sample_and_a_fresh_learner_each_time():
    seeds, samples = [], []

    def make(seed):
        seeds.append(seed)
        return ByHeart(0.5)

    def draw(rng):
        samples.append(coins(rng))
        return samples[-1]

    power = distinguishing_power(make, draw, 5, 20, 0)
    assert len(power.verdicts) == len(set(seeds)) == len({X.tobytes() for X, _ in samples}) == 5
    assert power.frequency == 0
    assert distinguishing_power(make, draw, 5, 20, 0) == power


def test_learning_by_heart_passes_where_tuples_repeat_and_only_if_they_are_realizable():
    options = {**EASY_TWIN.defaults, "twin": "repeated_tuples", "distinct": 10}
    for is_scattered in (False, True):
        X, y, _, _ = EASY_TWIN.draw(np.random.default_rng(0), **options | {"is_scattered": is_scattered})
        assert distinguish(ByHeart(0.5), X, y, 100, 1).is_realizable != is_scattered
        assert len({row.tobytes() for row in dense(X)}) == 10


REFUSED = {
    "y must hold 30 labels between 0 and 1, found 20": lambda X, y: distinguish(ByHeart(0), X[:30], y[:20]),
    "y must hold 30 labels between 0 and 1, found 30": lambda X, y: distinguish(ByHeart(0), X[:30], 2 * y[:30]),
    "4 examples need a sample of 40 rows or more, found 30; nearest allowed: 3": lambda X, y: distinguish(
        ByHeart(0), X[:30], y[:30], 4
    ),
    "the learner predicted 20 numbers for 30 rows": lambda X, y: distinguish(Oracle(y[:20]), X[:30], y[:30]),
    "the learner's predictions must be finite, found nan at index 0": lambda X, y: distinguish(
        Oracle(y[:30] * np.nan), X[:30], y[:30]
    ),
}


@pytest.mark.parametrize("message", REFUSED)
def test_samples_that_cannot_be_judged_are_refused(message):
    with pytest.raises(InputError) as raised:
        REFUSED[message](*coins(np.random.default_rng(0)))
    assert message in str(raised.value)


def assert_sizes(family, X, y, planted, options, claim):
    """What is computed from the arrays is what is claimed, but for what was drawn and is in no array."""
    found = family.sizes(X, y, planted, options)
    assert found == {name: value for name, value in claim.sizes.items() if name not in family.drawn_sizes}
    assert claim.sizes.keys() - found.keys() == set(family.drawn_sizes)


def drawn(family, seed=0, **options):
    chosen = {**family.defaults, **({} if family is EASY_TWIN else SMALL), **options}
    return chosen, family.draw(np.random.default_rng(seed), **chosen)


@pytest.mark.parametrize(
    ("family", "options"), VARIANTS, ids=lambda v: v.name if hasattr(v, "name") else "-".join(v.values())
)
def test_a_family_has_the_labels_and_sizes_that_it_claims(family, options):
    chosen, (X, y, planted, claim) = drawn(family, **options, samples=500)
    assert {"X": X.shape}.items() <= family.shapes(chosen).items()
    assert all(planted[name].shape == shape for name, shape in family.shapes(chosen).items() if name != "X")
    assert np.array_equal(np.rint(family.labels(planted, X)), y) or options.get("twin") == "gaussian_inputs"
    assert np.abs(family.labels(planted, X) - y).max() <= family.tolerance
    assert_sizes(family, X, y, planted, chosen, claim)
    assert (claim.sizes["samples"], claim.sizes["dim"]) == X.shape
    assert claim.sizes["largest_norm"] == pytest.approx(np.linalg.norm(dense(X), axis=1).max(), rel=1e-12)
    assert claim.sizes["nonzeros"] == np.count_nonzero(dense(X))
    assert claim.sizes["width_of_the_theorems"] == round(np.log(chosen["variables"]) ** 2)
    assert claim.sizes["width"] == chosen["width"]
    assert claim.sizes["mean_label"] == pytest.approx(sum(y) / 500)
    if family is not EASY_TWIN:
        assert (claim.sizes["order"], claim.sizes["statistical_samples"]) == (3, pytest.approx(60**1.5))
    assert 0.1 < y.var() == pytest.approx(claim.sizes["loss_of_a_constant"])
    again = drawn(family, **options, samples=500)[1]
    assert np.array_equal(dense(again[0]), dense(X))


@pytest.mark.parametrize(
    ("family", "options"), VARIANTS, ids=lambda v: v.name if hasattr(v, "name") else "-".join(v.values())
)
def test_a_scattered_sample_has_no_planted_network_and_fair_coins(family, options):
    chosen, (X, y, planted, claim) = drawn(family, **options, is_scattered=True, samples=2000)
    assert planted is None
    assert claim.sizes["log2_realized_by_chance"] == chosen["variables"] + 1 - 2000
    assert family.shapes(chosen) == {"X": X.shape}
    assert abs(y.mean() - 0.5) < 4 * 0.5 / np.sqrt(2000)
    assert_sizes(family, X, y, None, chosen, claim)
    assert "fair coins" in claim.statement
    assert "±1 realises, but with chance" in claim.statement  # of filters of real numbers nothing is claimed


@pytest.mark.parametrize("law", LAWS)
def test_the_report_of_a_random_network_is_that_of_its_weights(law):
    options, (X, _, planted, claim) = drawn(RANDOM_NETWORK, law=law, width=9, variables=36, samples=50, epsilon=0.4)
    W, t = planted["W"], 37
    if law == "gaussian":
        i = np.arange(W.shape[1])
        sigma = 0.5 ** np.abs(i[:, None] - i)
        W = np.linalg.solve(np.linalg.cholesky(sigma), W.T).T
    M = np.zeros((9 * t, 9 * t))
    for i, j, r in np.ndindex(9, 9, t):
        M[i * t + r, j * t + r] = W[j, i * t + r]
    assert claim.sizes["least_singular_value"] == pytest.approx(np.linalg.svd(M, compute_uv=False)[-1], rel=1e-9)
    scale = np.sqrt(np.linalg.eigvalsh(sigma)[0]) if law == "gaussian" else 1.0
    assert claim.sizes["largest_norm"] <= np.sqrt(117) / claim.sizes["least_singular_value"] / scale * (1 + 1e-9)
    n = X.shape[1]
    printed = n**1.5 * np.log(n) ** 4 if law == "sphere" else n**0.4 / scale
    assert claim.sizes["norm_bound"] == pytest.approx(printed, rel=1e-9)
    assert n ** claim.sizes["norm_exponent"] == pytest.approx(claim.sizes["largest_norm"] * scale, rel=1e-9)
    assert claim.sizes["is_within_norm_bound"] == (claim.sizes["largest_norm"] <= claim.sizes["norm_bound"])
    assert ("the inputs are within the norm" in claim.statement) == claim.sizes["is_within_norm_bound"]
    assert options["law"] in claim.statement


@pytest.mark.parametrize("is_scattered", [False, True])
def test_redraws_and_the_least_singular_value_are_reported_of_scattered_samples_too(is_scattered):
    """Of 37 · 2 random matrices of ±1 of size 9 or less, some are singular; the transform is the same for both."""
    small = {"law": "sign", "width": 9, "variables": 300, "samples": 400}
    _, (_, _, _, claim) = drawn(RANDOM_NETWORK, is_scattered=is_scattered, **small)
    assert claim.sizes["redraws"] > 0
    assert 0 < claim.sizes["least_singular_value"] < 1


def test_added_zeros_bring_the_inputs_within_the_norm_bound():
    small = {"law": "sign", "width": 9, "variables": 36, "samples": 50, "epsilon": 0.3}
    found = [drawn(RANDOM_NETWORK, **small, added=added)[1][3].sizes for added in (0, 200_000)]
    assert found[0]["largest_norm"] == found[1]["largest_norm"]
    assert [sizes["norm_bound"] for sizes in found] == pytest.approx([333**0.3, 200_333**0.3])
    assert [sizes["is_within_norm_bound"] for sizes in found] == [0, 1]


def test_a_random_cnn_reports_the_bounds_of_theorem_3_4_and_of_the_remark():
    _, (X, _, _, claim) = drawn(RANDOM_CNN, law="uniform", scale=2.0, samples=50, epsilon=0.25)
    assert claim.sizes["wide_norm_bound"] == pytest.approx(X.shape[1] ** 0.25 / 2)
    assert claim.sizes["filter_norm_bound"] == pytest.approx(np.log(60) ** 2 * 60 * np.log(60) / 2)
    assert "filter_norm_bound" not in drawn(RANDOM_CNN, law="sphere", samples=50)[1][3].sizes


def test_a_random_cnn_is_its_definition():
    _, (X, y, planted, claim) = drawn(RANDOM_CNN, samples=60, law="gaussian", pooling="max")
    units = cnn_units(planted["filter"], 17)
    np.testing.assert_allclose([network_output(x, units, "max") for x in dense(X)[:20]], y[:20], atol=1e-12)
    assert claim.theorem == "Theorem 3.5"


def test_twins_have_the_structure_that_gives_them_away():
    _, (X, _, _, _) = drawn(EASY_TWIN, twin="few_variables")
    used = np.abs(dense(X)).reshape(-1, 5, 61).sum(axis=(0, 1)) > 0
    assert np.flatnonzero(used).tolist() == [*range(15), 60]
    _, (X, y, planted, _) = drawn(EASY_TWIN, twin="gaussian_inputs")
    assert not X[:, 61:].any()
    assert stats.kstest(X[:, :61].ravel(), stats.norm.cdf).pvalue > 0.001
    expected = [min(1, max(0, x)) for x in X[:, :61] @ planted["filter"]]
    np.testing.assert_allclose(y, expected, atol=1e-12)


BAD_OPTIONS = {
    "the pooling must be one of clip, max": (SIGN_CNN, {"pooling": "mean"}),
    "with K = 4 the largest M allowed is 15": (SIGN_CNN, {"clauses": 16}),
    "9 clauses need as many patches, found 8; nearest allowed: 9": (RANDOM_CNN, {"width": 8}),
    "so few scattered labels, found 92; nearest: 93": (RANDOM_NETWORK, {"samples": 92, "is_scattered": True}),
    "the law must be one of": (RANDOM_NETWORK, {"law": "cauchy"}),
    "no coordinates can be added with the law 'sphere'": (RANDOM_NETWORK, {"law": "sphere", "added": 5}),
    "the number of added coordinates must be an integer of at least 0": (RANDOM_NETWORK, {"added": -1}),
    "the correlation must be between −0.999 and 0.999": (RANDOM_CNN, {"law": "gaussian", "correlation": 1.0}),
    "the number of constraints must be an integer": (SIGN_CNN, {"samples": -3}),
    "the number of samples must be an integer": (EASY_TWIN, {"samples": -3, "twin": "gaussian_inputs"}),
    "the twin must be one of few_variables, repeated_tuples, gaussian_inputs, found 'x'": (EASY_TWIN, {"twin": "x"}),
    "at most all 60 variables can be in use, found 61": (EASY_TWIN, {"used": 61}),
    "T_3,5 needs 15 distinct variables, found 14": (EASY_TWIN, {"used": 14}),
    "the number of different inputs must be": (EASY_TWIN, {"twin": "repeated_tuples", "distinct": 0}),
    "at most 40 of 40 inputs can be different, found 50": (EASY_TWIN, {"twin": "repeated_tuples", "samples": 40}),
    "the planting must be one of uniform, balanced, found 'quiet'": (SIGN_CNN, {"planting": "quiet"}),
    "need K ≥ 4 literals, found K = 3": (SIGN_CNN, {"clause_size": 3}),
    "of K = 4 literals need M ≥ 9 clauses, found 8; nearest allowed: 9": (SIGN_CNN, {"clauses": 8}),
}


@pytest.mark.parametrize("message", BAD_OPTIONS)
def test_options_that_a_family_does_not_allow_are_refused(message):
    family, options = BAD_OPTIONS[message]
    with pytest.raises(InputError) as raised:
        drawn(family, **options)
    assert message in str(raised.value)
