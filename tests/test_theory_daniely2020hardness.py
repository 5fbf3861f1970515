"""The bounds of daniely2020hardness, beside the printed formulas and beside what they bound."""

from itertools import product
from math import inf, log, sqrt

import numpy as np
import pytest
from scipy import stats

from twolayer.errors import InputError
from twolayer.network import Polynomial, TwoLayerNetwork
from twolayer.papers.daniely2020hardness.theory import (
    ARCHITECTURES,
    WEIGHT_LAWS,
    balanced_conjunction,
    concentration,
    conjunction_size,
    false_pass_bound,
    filter_norm_bound,
    hidden_units,
    log2_expected_assignments,
    log2_realized_by_chance,
    norm_bound,
    quantities,
    satisfied_fraction,
    scattered_loss,
    statistical_clauses,
    subgaussian_constant,
    unsatisfiable_ratio,
)

N, SCALE, EPSILON = 5000, 0.25, 0.3
LOG = 8.517193191416238  # log 5000
ROOT = 70.71067811865476  # sqrt(5000)
EASY = np.exp(0.3 * LOG)  # 5000^0.3

# As printed, all to be divided by σ, r or √λ_min.
PRINTED = {
    ("fully_connected", "normal"): ("Corollary 3.1", EASY),
    ("fully_connected", "uniform"): ("Corollary 3.1", EASY),
    ("fully_connected", "sign"): ("Corollary 3.1", EASY),
    ("fully_connected", "gaussian"): ("Theorem 3.2", EASY),
    ("fully_connected", "sphere"): ("Theorem 3.3", 5000 * ROOT * LOG**4),
    ("convolutional", "normal"): ("Corollary 3.3", 5000 * LOG),
    ("convolutional", "uniform"): ("Corollary 3.3", 5000 * LOG),
    ("convolutional", "sign"): ("Corollary 3.3", LOG**2),
    ("convolutional", "gaussian"): ("Theorem 3.5", 5000 * LOG),
    ("convolutional", "sphere"): ("Theorem 3.6", sqrt(5000 * LOG)),
}
# log²n for the length of an input of the sign-CNN, over what the least singular value is with high probability.
LEAST = {
    ("fully_connected", "sphere"): 1 / (2 * ROOT) / (5000 * LOG),
    ("convolutional", "normal"): LOG / 5000,
    ("convolutional", "uniform"): LOG / 5000,
    ("convolutional", "sign"): 1.0,
    ("convolutional", "gaussian"): LOG / 5000,
    ("convolutional", "sphere"): LOG / (2 * 5000 * ROOT),
}


@pytest.mark.parametrize(("architecture", "law"), [*product(ARCHITECTURES, WEIGHT_LAWS)])
def test_each_bound_is_the_printed_one(architecture, law):
    found = norm_bound(architecture, law, N, SCALE, EPSILON)
    theorem, value = PRINTED[architecture, law]
    assert found.theorem == theorem
    assert found.value == pytest.approx(value / SCALE, rel=1e-12)
    least = LEAST.get((architecture, law), 1 / (5000 * LOG))
    assert found.derived == pytest.approx(LOG**2 / least / SCALE, rel=1e-12)


@pytest.mark.parametrize("law", WEIGHT_LAWS)
def test_wide_convolutional_networks_have_the_bound_of_the_remark(law):
    found = norm_bound("convolutional", law, N, SCALE, EPSILON, is_wide=True)
    assert (found.theorem, found.formula[:4]) == ("Remark 3.1", "n^ε/")
    assert found.value == pytest.approx(EASY / SCALE, rel=1e-12)
    assert norm_bound("fully_connected", law, N, is_wide=True) == norm_bound("fully_connected", law, N)


@pytest.mark.parametrize(
    ("law", "mass"), [("normal", lambda f: stats.norm.cdf(f) - stats.norm.cdf(-f)), ("uniform", float)]
)
def test_few_entries_are_below_their_concentration(law, mass):
    shares = [t * mass(concentration(law, t)) for t in (10, 10**3, 10**6, 10**12)]
    assert shares == sorted(shares, reverse=True)
    assert shares[-1] < 0.05
    assert concentration(law, 100, 3.0) == pytest.approx(3 * concentration(law, 100), rel=1e-14)


def test_the_bound_of_a_filter_is_the_printed_one_and_below_that_of_the_corollary():
    assert filter_norm_bound(5000, 0.5) == pytest.approx(2 * LOG**2, rel=1e-12)
    for law in ("normal", "uniform", "sign"):
        for n_variables in (10, 1000, 10**6):
            n = round((n_variables + 1) * log(n_variables) ** 2)
            bound = filter_norm_bound(n_variables, concentration(law, n_variables, SCALE))
            assert bound <= norm_bound("convolutional", law, n, SCALE).value


def test_signs_are_never_below_their_concentration():
    assert concentration("sign", 10**6, 3.0) == 3.0


TAILS = {  # P(|z| > t) for standard deviation 1, and just below a jump
    "normal": lambda t: 2 * stats.norm.sf(t),
    "uniform": lambda t: np.maximum(0, 1 - t / sqrt(3)),
    "sign": lambda t: (t < 1).astype(float),
}


@pytest.mark.parametrize("law", TAILS)
def test_the_subgaussian_constant_is_the_least(law):
    t = np.linspace(1e-3, 30 if law == "normal" else 3, 300_001)

    def holds(b):
        return (TAILS[law](t) <= 2 * np.exp(-((t / b) ** 2)) * (1 + 1e-12)).all()

    assert holds(subgaussian_constant(law))
    assert not holds(subgaussian_constant(law) * 0.99)


def test_the_counting_quantities_are_their_definitions():
    for K, M in [(2, 1), (2, 3), (3, 2)]:
        cube = list(product((0, 1), repeat=K * M))
        exact = sum(all(any(z[i : i + K]) for i in range(0, K * M, K)) for z in cube) / len(cube)
        assert satisfied_fraction(K, M) == pytest.approx(exact, rel=1e-12)
    for K in (2, 3, 4, 7):
        distance = {M: abs(satisfied_fraction(K, M) - 0.5) for M in range(1, 200)}
        assert balanced_conjunction(K) == min(distance, key=distance.get)
    assert balanced_conjunction(3) == 5
    assert conjunction_size(3, 1000) == 222  # 32 log 1000 = 221.05
    assert (1 - 2.0**-3) ** conjunction_size(3, 1000) * 1000 < 1
    assert unsatisfiable_ratio(3) == pytest.approx(5.19089307, rel=1e-8)
    assert hidden_units(60) == 17
    assert statistical_clauses(100, 3) == pytest.approx(1000)
    assert statistical_clauses(100, 1) == statistical_clauses(100, 2) == pytest.approx(100 * np.log(100))
    assert log2_expected_assignments(100, 519, 3) > 0 > log2_expected_assignments(100, 520, 3)
    assert log2_realized_by_chance(60, 100) == -39
    assert log2_realized_by_chance(60, 50) == 0


def test_no_learner_beats_the_loss_on_scattered_labels():
    rng, n, m, trials = np.random.default_rng(0), 400, 40, 4000
    coins = rng.integers(0, 2, (trials, n))
    best = np.where(np.arange(n) < m, coins, 0.5)  # knows what it saw, and ½ is the best guess of the rest
    losses = ((best - coins) ** 2).mean(axis=1)
    assert np.allclose(losses, scattered_loss(m, n))
    rash = np.where(np.arange(n) < m, coins, rng.integers(0, 2, (trials, n)))
    assert ((rash - coins) ** 2).mean() > scattered_loss(m, n)


def test_the_chance_of_a_false_pass_is_bounded():
    n, m = 60, 6
    # Hard guesses vary most: they pass when at most a tenth of all are wrong, of the 54 unseen coins.
    exact = stats.binom.cdf(int(0.1 * n), n - m, 0.5)
    assert exact < false_pass_bound(m, n) < 1
    unseen, threshold = 54, 6
    assert false_pass_bound(m, n) == pytest.approx(np.exp(-2 * unseen * (0.25 - threshold / unseen) ** 2), rel=1e-12)
    assert false_pass_bound(40, 60) == 1
    assert false_pass_bound(60, 60) == 1
    assert false_pass_bound(200, 2000) < 1e-20


def test_the_quantities_of_a_network_are_the_bounds_at_its_own_scales():
    W = np.array([[3.0, 0, -4, 0], [0, 0, 0, 5]])
    found = quantities(TwoLayerNetwork([1.0, 2.0], W))
    sigma = sqrt(50 / 8)
    assert (found["inputs"], found["units"]) == (4, 2)
    assert found["units_of_the_theorems"] == pytest.approx(log(4) ** 2)
    assert (found["sigma"], found["largest_weight"], found["row_norm"]) == (sigma, 5, 5)
    assert found["norm_bound_normal"] == pytest.approx(2 / sigma)
    assert found["norm_bound_uniform"] == found["norm_bound_sign"] == pytest.approx(2 / 5)
    assert found["norm_bound_sphere"] == pytest.approx(8 * log(4) ** 4 / 5)


W = np.ones((2, 4))
REFUSED = {
    "and one of normal, uniform, sign, gaussian, sphere, found 'recurrent' and 'normal'": lambda: norm_bound(
        "recurrent", "normal", 5
    ),
    "number of coordinates must be an integer of at least 3, found 2": lambda: norm_bound("convolutional", "sign", 2),
    "the scale must be positive, found 0": lambda: norm_bound("convolutional", "sign", 9, 0),
    "epsilon must be a finite number": lambda: norm_bound("convolutional", "sign", 9, 1, inf),
    "expected a law of independent entries, one of normal, uniform, sign, found 'sphere'": lambda: concentration(
        "sphere", 9
    ),
    "one of normal, uniform, sign, found 'gaussian'": lambda: subgaussian_constant("gaussian"),
    "the clause size K must be an integer of at least 2, found 1": lambda: satisfied_fraction(1, 5),
    "the clause size K must be at most 1000, found 1001": lambda: conjunction_size(1001, 5),
    "the concentration f(n') must be positive, found 0": lambda: filter_norm_bound(9, 0),
    "at most all 5 samples can be seen, found 6": lambda: scattered_loss(6, 5),
    "positive output weights, found another": lambda: quantities(TwoLayerNetwork([1.0, -1.0], W)),
    "without biases and": lambda: quantities(TwoLayerNetwork([1.0, 1.0], W, [0.0, 1.0])),
    "speaks of ReLU networks": lambda: quantities(TwoLayerNetwork([1.0, 1.0], W, activation="tanh")),
    "speaks of ReLU": lambda: quantities(TwoLayerNetwork([1.0, 1.0], W, polynomial=Polynomial(1.0))),
    "the scale must be positive": lambda: quantities(TwoLayerNetwork([1.0, 1.0], 0 * W)),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_the_paper_does_not_speak_of_is_refused(message):
    with pytest.raises(InputError) as raised:
        REFUSED[message]()
    assert message in str(raised.value)
