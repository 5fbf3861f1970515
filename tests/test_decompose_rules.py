"""The rules by which a decomposition is judged, row by row: on both sides of a threshold a case that only it decides.

Each case is off its threshold by a factor of two or three, so that a threshold ten times as large or as small fails.
"""

from dataclasses import replace
from itertools import permutations

import numpy as np
import pytest

from decomposition_problems import noisy, planted, sum_of, symmetric_noise
from twolayer.decompose import DECOMPOSITIONS, Status, decompose
from twolayer.decompose.decomposition import dimension, generic_rank, pose
from twolayer.decompose.flattening import flattened
from twolayer.decompose.rank_evidence import is_noise_beyond, noise_level, rank_shown
from twolayer.decompose.standards import STANDARDS
from twolayer.decompose.uniqueness import has_one_sum_nearby
from twolayer.entry import Entry
from twolayer.errors import InputError


def posed(weights, factors, order=3, rank=None, level=0.0):
    """The problem of a sum of terms, under noise of a relative norm."""
    T = noisy(sum_of(np.asarray(weights, dtype=float), np.asarray(factors, dtype=float), order), level, 0)
    return pose(T, len(weights) if rank is None else rank, "auto", lambda *_: 10**6)


def status(problem, weights, factors, *, residual, left_over=0.0, is_settled=True, values=None):
    """The status of terms that are given, of a tensor of norm one."""
    if values is not None:
        problem.__dict__["values"] = np.asarray(values)
    return problem._status(np.asarray(weights), np.asarray(factors), residual, left_over, is_settled)


E = np.eye(6)
WEIGHTS = np.array([0.8, 0.6])  # of a tensor of norm one with orthogonal factors
NOISE = [0.8, 0.6, 1e-3, 9e-4, 8e-4, 7e-4]  # its singular values under noise
LEFT = noise_level(np.array(NOISE), 2, 3) * np.sqrt(1 - 12 / 56)  # what a fit leaves of such noise: 12 of 56 numbers


def status_of_two(residual, **given):
    noisy_sum = posed(WEIGHTS, E[:2], level=1e-3)  # without noise it would be a sum of six terms, four of them zero
    return status(noisy_sum, WEIGHTS, E[:2], **{"residual": residual, "values": NOISE, **given})


# The table of statuses


def test_a_residual_of_rounding_is_exact_whatever_else():
    assert status_of_two(3e-13, is_settled=False, left_over=1.0) is Status.EXACT
    assert status_of_two(3e-12, values=[0.8, 0.6, 1e-13, 1e-13, 1e-13, 1e-13]) is Status.UNEXPLAINED


def test_what_stopped_short_or_is_no_number_is_unsettled():
    assert status_of_two(LEFT, is_settled=False) is Status.UNSETTLED
    assert status_of_two(np.inf) is Status.UNSETTLED
    assert status_of_two(np.nan) is Status.UNSETTLED


def test_a_term_must_be_twice_what_is_left_over():
    assert status_of_two(LEFT, left_over=0.2) is Status.RESOLVED
    assert status_of_two(LEFT, left_over=0.4) is Status.UNRESOLVED


def test_the_residual_must_be_as_small_as_the_noise_leaves_it():
    assert status_of_two(1.2 * LEFT) is Status.RESOLVED
    # more than that, and less than the noise before the terms have taken up their share of it
    assert status_of_two(1.3 * LEFT) is Status.UNEXPLAINED


def test_singular_values_that_are_not_those_of_noise_explain_nothing():
    assert status_of_two(LEFT, values=[0.8, 0.6, 1e-3, 1e-3, 1e-4, 1e-4]) is Status.UNEXPLAINED
    assert status_of_two(1e-3, values=[0.8, 0.6, 0.3, 0.25, 0.2, 0.2]) is Status.UNEXPLAINED


def test_a_residual_of_the_rounding_of_single_precision_needs_no_noise():
    T = sum_of(WEIGHTS, E[:2], 3).astype(np.float32)
    single = pose(T, 2, "auto", dimension)
    assert single.rounding == np.finfo(np.float32).eps
    shown = {"values": [0.8, 0.6, 1e-13, 1e-13, 1e-13, 1e-13]}
    assert status(single, WEIGHTS, E[:2], residual=1e-7, **shown) is Status.RESOLVED
    assert status(single, WEIGHTS, E[:2], residual=2e-7, **shown) is Status.UNEXPLAINED
    assert pose(T.astype(float), 2, "auto", dimension).rounding == STANDARDS.exact


@pytest.mark.parametrize(("residual", "known"), [(1e-14, Status.EXACT), (LEFT, Status.RESOLVED)])
def test_terms_that_could_be_others_are_ambiguous(residual, known):
    twins = np.array([[1.0, 0, 0, 0, 0, 0], [1.0, 0, 0, 0, 0, 0]])
    assert status_of_two(residual) is known
    assert (
        status(posed(WEIGHTS, twins, level=1e-3), WEIGHTS, twins, residual=residual, values=NOISE) is Status.AMBIGUOUS
    )


def test_a_term_that_vanishes_is_arbitrary_where_the_equations_are_too_many_to_look_at():
    problem = posed(np.ones(40), np.eye(40))
    weights = np.ones(40)
    for least, expected in ((3e-9, True), (3e-10, False)):
        weights[-1] = least
        assert problem.is_determined(weights, np.eye(40), 1e-14) is expected


def test_noise_is_alike_in_all_directions_of_which_the_terms_took_their_own():
    # 56 numbers less 12 are left to 0.8 of the noise: a direction has a part of sqrt(44) of it
    problem = posed(WEIGHTS, E[:2])
    least = 0.3 * 0.6 * np.sqrt(44)  # the weight of the weaker term moves by 0.3 of itself
    assert problem.is_determined(WEIGHTS, E[:2], 0.9 * least)
    assert not problem.is_determined(WEIGHTS, E[:2], 1.1 * least)


# A sum of more terms than asked for


@pytest.mark.parametrize(("level", "expected"), [(1e-9, True), (8e-9, False)])
def test_an_exact_sum_of_as_many_terms_as_dimensions_is_not_taken_for_fewer_and_noise(level, expected):
    T = sum_of([1.0, 0.9, 0.8, 1e-3, 1e-3, 1e-3], E, 3)
    problem = pose(T + level * symmetric_noise(6, 3, 0), 3, "auto", dimension)
    assert problem._is_sum_of_more() is expected


def test_only_of_order_three_and_below_the_dimension_are_there_more_terms_than_singular_values_show():
    assert not posed([1.0, 0.5], E[:2, :2], 3)._is_sum_of_more()
    assert not posed([1.0, 0.5], E[:2, :3], 4, rank=1)._is_sum_of_more()
    assert posed([1.0, 0.5], E[:2, :2], 3, rank=1)._is_sum_of_more()


def test_weak_terms_are_not_resolved_as_noise():
    T = sum_of([1.0, 0.9, 0.8, 1e-3, 1e-3, 1e-3], E, 3)
    assert decompose(T, 3, rng=0).status is Status.UNEXPLAINED
    assert decompose(T + 1e-5 * symmetric_noise(6, 3, 0), 6, rng=0).status is Status.UNEXPLAINED


# What is judged


def test_what_is_left_over_is_looked_for_beside_the_factors():
    problem = posed([1.0, 0.8], E[:2], rank=1)
    assert problem.judged(E[:1], np.array([1.0 / problem.norm])).left_over == pytest.approx(0.8)


def test_a_term_of_weight_zero_keeps_a_unit_factor():
    problem = posed([1.0, 0.5], E[:2])
    found = problem.judged(E[:3], np.array([1.0, 0.5, 0.0]) / problem.norm)
    np.testing.assert_allclose(np.linalg.norm(found.factors, axis=1), 1)


# Which tensors are decomposed


@pytest.mark.parametrize(("dtype", "passes", "refused"), [(np.float64, 3e-9, 3e-8), (np.float32, 3e-6, 3e-5)])
def test_asymmetry_beyond_the_precision_of_the_tensor_is_refused(dtype, passes, refused):
    T = np.ones((2, 2, 2))
    for asymmetry, is_refused in ((passes, False), (refused, True)):
        T[0, 0, 1] = 1 - asymmetry
        if is_refused:
            with pytest.raises(InputError, match=r"^T must be symmetric"):
                pose(T.astype(dtype), 1, "auto", dimension)
        else:
            symmetric = pose(T.astype(dtype), 1, "auto", dimension).T
            assert np.abs(symmetric - symmetric.transpose(2, 1, 0)).max() <= 1e-15


def test_a_symmetric_tensor_is_left_as_it_is():
    T = sum_of(*planted(5, 3, 3, 0)[:2], 3)  # symmetric to rounding
    T = np.max([T.transpose(axes) for axes in permutations(range(3))], axis=0)  # and now to the last digit
    scaled = T / np.abs(T).max()
    np.testing.assert_array_equal(pose(T, 1, "auto", dimension).T, scaled / np.linalg.norm(scaled))


@pytest.mark.parametrize(
    ("d", "order", "most"), [(2, 3, 2), (6, 3, 8), (5, 3, 6), (7, 3, 11), (4, 4, 7), (3, 4, 4), (3, 6, 8), (5, 4, 13)]
)
def test_the_most_terms_that_a_generic_tensor_determines(d, order, most):
    assert generic_rank(d, order) == most


# Rank evidence


def test_a_fall_of_singular_values_is_clear_from_five_on():
    assert rank_shown(np.array([1.0, 0.9, 0.15, 0.1, 0.1])) == 2
    assert rank_shown(np.array([1.0, 0.9, 0.22, 0.1, 0.1])) is None


@pytest.mark.parametrize(("second", "expected"), [(1.5e-6, 2), (5e-7, 1)])
def test_what_is_below_rounding_is_not_compared(second, expected):
    # the first falls by 1 / second, the second by second / 1e-12 at most, however small the third is
    assert rank_shown(np.array([1.0, second, 1e-15])) == expected


def test_the_least_of_many_values_may_be_of_any_smallness_but_for_rounding():
    alike = np.full(9, 0.1)
    assert rank_shown(np.r_[1.0, alike, 0.005], 1) is None
    assert rank_shown(np.r_[1.0, alike, 1e-13], 1) == 10
    assert rank_shown(np.r_[1.0, alike[:5], 0.005, 0.004, 0.004, 0.004, 0.004], 1) == 6
    assert rank_shown(np.array([1.0, 0.1]), 0) == 1  # two are compared always


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([1.0, 0.25, 0.24, 0.23], True),  # a fall of four to several that are alike
        ([1.0, 0.5, 0.48, 0.46], False),  # of two
        ([1.0, 0.05], True),  # of twenty to a single one
        ([1.0, 0.2], False),  # of five
        ([1.0, 0.1, 0.06, 0.055, 0.05], True),
        ([1.0, 0.1, 0.033, 0.03, 0.028], False),  # not alike in the upper half
        ([1.0, 0.1, 0.09, 0.085, 0.03], True),  # nor need they be in the lower
        ([1.0, 0.1, 0.1, 0.1, 0.01, 0.01], False),  # a clear fall beyond the rank
        ([1.0], False),
    ],
)
def test_noise_is_what_is_alike_beyond_a_fall(values, expected):
    assert is_noise_beyond(np.array(values), 1) is expected


def test_the_noise_is_what_the_values_beyond_the_rank_see_of_it():
    values = np.array([5.0, 0.3, 0.4])
    # order three: a 3 x 6 flattening, of which 2 x 5 numbers are outside of one term
    assert noise_level(values, 1, 3) == pytest.approx(0.5 * np.sqrt(18 / 10))
    assert noise_level(values, 1, 4) == pytest.approx(0.5 * np.sqrt(9 / 4))
    assert noise_level(values, 3, 3) == 0.0


# Uniqueness


@pytest.mark.parametrize(("noise", "expected"), [(0.1, True), (0.5, False)])
def test_noise_may_move_a_term_by_three_tenths(noise, expected):
    # a single term of weight one moves by the noise along log λ, and by less along its factor
    assert has_one_sum_nearby(np.ones(1), E[:1, :2], 3, noise) is expected


@pytest.mark.parametrize(("share", "expected"), [(3e-13, True), (3e-14, False)])
def test_eigenvalues_below_rounding_are_none(share, expected):
    norm = np.sqrt(1 + 3**2 + 3**2)  # of J'J for one term of weight one, two inputs, order three
    weights = np.array([1.0, np.sqrt(share * norm)])
    assert has_one_sum_nearby(weights, E[:2, :2], 3, 0.0) is expected


@pytest.mark.parametrize(("rank", "expected"), [(20, False), (50, True)])
def test_beyond_1500_parameters_uniqueness_is_taken_for_granted(rank, expected):
    twins = np.tile(np.eye(39)[0], (rank, 1))
    assert has_one_sum_nearby(np.ones(rank), twins, 3, 0.0) is expected


# A rank that is not given


def test_a_rank_that_leaves_more_than_the_noise_is_not_confirmed():
    """Three dimensions stand out, which four terms fill: of three, more is left than singular values say."""
    core = sum_of(*planted(3, 4, 3, 2)[:2], 3)
    T = np.zeros((6, 6, 6))
    T[:3, :3, :3] = core / np.linalg.norm(core)
    left = decompose(T, 3, rng=0).residual
    for share, is_found in ((12, False), (1, True)):
        # the values beyond the rank of noise of norm one have a norm of about 0.6, and three times that is allowed
        E = noisy(T, left / share, 1)
        if is_found:
            assert decompose(E, rng=0).rank == 3
        else:
            with pytest.raises(InputError, match="show no rank"):
                decompose(E, rng=0)


def test_the_gap_is_that_of_the_singular_values():
    T = noisy(planted(8, 3, 3, 0)[2], 0.01, 0)
    values = np.linalg.svd(T.reshape(8, -1), compute_uv=False)
    assert decompose(T, rng=0).gap == pytest.approx(values[2] / values[3], rel=1e-9)


def test_a_term_too_weak_to_be_determined_is_no_term_of_a_rank_that_is_found():
    # three terms to rounding, of which the third moves by more than its weight: there are two, and something left over
    found = decompose(sum_of([1.0, 0.9, 1e-9], E[:3, :3], 3), rng=0)
    assert found.rank == 2
    assert found.gap == pytest.approx(0.9e9, rel=1e-3)
    assert found.status is Status.UNEXPLAINED


def test_a_gap_among_the_least_values_of_noise_is_passed_over():
    T = noisy(planted(4, 2, 4, 1)[2], 0.02, 17)
    values = np.sort(np.abs(np.linalg.eigvalsh(flattened(T).matrix)))[::-1]
    assert np.argmax(values[:-1] / values[1:]) == 8  # nine terms are more than a tensor of four dimensions determines
    assert decompose(T, rng=0).rank == 2


def test_the_second_largest_gap_is_tried_where_the_largest_confirms_no_rank():
    """A term and noise in three dimensions, and next to none in a fourth."""
    T = 1e-6 * symmetric_noise(4, 3, 2)
    T[:3, :3, :3] += noisy(planted(3, 1, 3, 1)[2], 0.05, 3)
    values = np.linalg.svd(T.reshape(4, -1), compute_uv=False)
    ratios = values[:-1] / values[1:]
    assert ratios[2] > 10 * ratios[0] > 50
    assert decompose(T, rng=0).rank == 1


def test_more_terms_than_dimensions_that_they_fill_are_found_in_fewer_dimensions_of_more():
    T = np.zeros((7, 7, 7))
    T[:5, :5, :5] = planted(5, 6, 3, 1)[2]  # six terms in five dimensions are determined
    found = decompose(T, rng=0)
    assert (found.rank, found.status) == (6, Status.EXACT)


def test_a_decomposition_that_could_be_another_confirms_no_rank(monkeypatch):
    def ambiguous(T, rank, rng):
        return replace(DECOMPOSITIONS["auto"](T, rank, rng=rng), status=Status.AMBIGUOUS)

    monkeypatch.setitem(DECOMPOSITIONS, "doubtful", Entry("doubtful", ambiguous, "exact, and one of many"))
    T = planted(5, 2, 3, 0)[2]
    assert decompose(T, rng=0).rank == 2
    with pytest.raises(InputError, match="show no rank"):
        decompose(T, method="doubtful", rng=0)
