"""What a planted formula shows of its assignment: nothing to a vote, if it is planted with care."""

from itertools import combinations, product

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from twolayer.errors import InputError
from twolayer.papers.daniely2020hardness.instances import (
    PLANTINGS,
    RANDOM_CNN,
    RANDOM_NETWORK,
    SIGN_CNN,
    MajorityVote,
    conjunction,
    distinguishing_power,
    planting_order,
)
from twolayer.papers.daniely2020hardness.instances.planting import (
    _balanced_false,
    _completion_bias,
    _completion_law,
    _satisfied_law,
)

NAIVE = {"planting": "uniform", "clause_size": 3, "clauses": 5, "variables": 60, "width": 17}
CAREFUL = {**NAIVE, "planting": "balanced", "clause_size": 4, "clauses": 9}


def cube_weights(law):
    """The values of K literals, and their chance: the number of true ones has this law, and their places are random."""
    K = len(law) - 1
    cube = np.array(list(product((-1, 1), repeat=K)))
    true = (cube > 0).sum(axis=1)
    return cube, law[true] / np.bincount(true)[true]


def correlation(law, size):
    """Mean of the product of `size` literals of a clause, exactly; the same for all of them, as is seen."""
    cube, weights = cube_weights(law)
    found = [weights @ cube[:, list(chosen)].prod(axis=1) for chosen in combinations(range(cube.shape[1]), size)]
    assert np.ptp(found) < 1e-12
    return found[0]


@pytest.mark.parametrize("K", [4, 5, 6, 7])
def test_a_satisfied_clause_hides_all_that_fewer_than_all_but_one_of_its_literals_could_show(K):
    law = _satisfied_law(K)
    assert law.min() >= 0
    assert law[0] == 0
    np.testing.assert_allclose([correlation(law, size) for size in range(1, K - 1)], 0, atol=1e-12)
    assert correlation(law, K - 1) == pytest.approx((-1) ** K / K)
    assert correlation(law, K) == pytest.approx(0, abs=1e-12)  # no parity: no equations to eliminate


@pytest.mark.parametrize("K", [4, 5, 6, 7])
def test_the_completion_makes_up_for_false_clauses_in_literals_and_in_pairs(K):
    a = _completion_bias(K)
    assert [correlation(_completion_law(K), size) for size in (1, 2)] == pytest.approx([a, -a])


@pytest.mark.parametrize(("K", "M"), [(4, 9), (5, 9), (6, 13), (4, 16), (4, 40)])
@pytest.mark.parametrize("is_negated", [False, True])
def test_balanced_values_have_the_label_asked_for_and_no_bias_of_one_literal_or_two(K, M, is_negated):
    n = 8000
    predicate = conjunction(K, M, is_negated, "balanced")
    values = predicate.values(n, np.random.default_rng(K * M)).astype(float)
    assert predicate.holds(values).all()
    within = np.repeat(np.arange(M), K)
    pairs = values.T @ values / n
    other = within[:, None] != within
    scores = {
        "literals": values.mean() * np.sqrt(values.size),
        "worst literal": np.abs(values.mean(axis=0)).max() * np.sqrt(n) - 2,
        "worst pair": np.abs(pairs - np.eye(K * M)).max() * np.sqrt(n) - 3,
        "two clauses": pairs[other].mean() * np.sqrt(n * other.sum() / 2),
        "one clause": (pairs[~other].sum() - K * M) / (M * K * (K - 1)) * np.sqrt(n * M * K * (K - 1) / 2),
    }
    assert max(map(abs, scores.values())) < 6, scores  # in standard errors of independent fair coins, or nearly


def test_the_number_of_false_clauses_has_the_mean_and_the_variance_of_pairwise_independent_ones():
    M, n = 9, 40_000
    n_false = (_balanced_false(n, 4, M, np.random.default_rng(0)) == 0).sum(axis=1)
    assert set(n_false) == {1, 4}
    assert abs((n_false == 4).mean() - 1 / 6) < 4 * np.sqrt(5 / 36 / n)
    p = 1.5 / M  # the mean of 1 and 4 with chances 5/6 and 1/6
    variance = 5 / 6 * 1 + 1 / 6 * 16 - 1.5**2
    assert variance == pytest.approx(M * p * (1 - p))


def test_the_order_is_the_number_of_literals_that_show_something():
    assert set(PLANTINGS) == {"uniform", "balanced"}
    assert (planting_order("uniform", 3), planting_order("balanced", 4)) == (1, 3)


def vote_on(family, options, n_samples=2000):
    """Share of the signs of the filter that the vote over half of a sample finds, and its loss on the other half."""
    chosen = {**family.defaults, **options, "samples": n_samples}
    X, y, planted, _ = family.draw(np.random.default_rng(0), **chosen)
    half = n_samples // 2
    learner = MajorityVote(chosen["variables"] + 1, chosen["pooling"]).fit(X[:half], y[:half])
    agreement = np.mean(np.sign(learner.filter) == np.sign(planted["filter"]))
    return agreement, np.mean((learner.predict(X[half:]) - y[half:]) ** 2)


VOTES = [(SIGN_CNN, {"pooling": "clip"}), (SIGN_CNN, {"pooling": "max"}), (RANDOM_CNN, {"law": "uniform"})]


@pytest.mark.parametrize(("family", "options"), VOTES)
def test_a_vote_learns_what_is_planted_naively_and_not_what_is_planted_with_care(family, options):
    agreement, loss = vote_on(family, {**NAIVE, **options})
    assert agreement >= 58 / 61
    assert loss < 0.1
    agreement, loss = vote_on(family, {**CAREFUL, **options})
    assert agreement < 0.8  # coins: more than four standard errors above one half
    assert loss > 0.3


def test_the_vote_finds_the_magnitudes_of_a_random_filter():
    chosen = {**RANDOM_CNN.defaults, **NAIVE}
    X, y, planted, _ = RANDOM_CNN.draw(np.random.default_rng(1), **chosen)
    learner = MajorityVote(61).fit(X, y)
    np.testing.assert_allclose(learner.filter, planted["filter"], rtol=1e-12)
    np.testing.assert_allclose(MajorityVote(61).fit(X.toarray(), y).filter, learner.filter)


def test_the_vote_tells_naive_samples_from_scattered_ones_and_not_careful_ones():
    def frequency(options, is_scattered):
        def draw(rng):
            chosen = {**SIGN_CNN.defaults, **options, "samples": 10_000, "is_scattered": is_scattered}
            return SIGN_CNN.draw(rng, **chosen)[:2]

        return distinguishing_power(lambda _: MajorityVote(61), draw, 3, rng=0).frequency

    assert (frequency(NAIVE, False), frequency(NAIVE, True)) == (1, 0)
    assert (frequency(CAREFUL, False), frequency(CAREFUL, True)) == (0, 0)


def test_least_squares_sees_naive_samples_through_the_random_weights_and_not_careful_ones():
    """Few patches and many samples, as linear methods have to find a weight for each of the coordinates."""
    losses = []
    for options in (NAIVE, CAREFUL):
        few = {**RANDOM_NETWORK.defaults, **options, "samples": 3000, "variables": 40, "width": options["clauses"]}
        X, y, _, _ = RANDOM_NETWORK.draw(np.random.default_rng(0), **few)
        X = X.toarray() / np.sqrt(X.power(2).mean(axis=0))
        model = Ridge(alpha=1.0).fit(X[:2000], y[:2000])
        losses.append(np.mean((model.predict(X[2000:]) - y[2000:]) ** 2))
    assert losses[0] < 0.23
    assert losses[1] > 0.25


REFUSED = {
    "the planting must be one of uniform, balanced, found 'quiet'": lambda: conjunction(4, 9, planting="quiet"),
    "balanced clauses need K ≥ 4 literals, found K = 3": lambda: conjunction(3, 9, planting="balanced"),
    "need M ≥ 9 clauses, found 8; nearest allowed: 9": lambda: conjunction(5, 8, True, "balanced"),
    "need M ≥ 13 clauses, found 12": lambda: conjunction(6, 12, True, "balanced"),
    "expected patches of 7 coordinates and 3 rows": lambda: MajorityVote(7).fit(np.eye(3), np.ones(3)),
    "the size of a patch must be an integer of at least 2": lambda: MajorityVote(1),
}


@pytest.mark.parametrize("message", REFUSED)
def test_what_cannot_be_planted_or_voted_on_is_refused(message):
    with pytest.raises(InputError) as raised:
        REFUSED[message]()
    assert message in str(raised.value)
