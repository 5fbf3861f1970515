"""What a decomposition does not depend on: the axes, the units, the memory layout, the precision, the threads.

The same tensor in other clothes has the same status and the same terms. Where it is a sum to rounding the terms agree
to rounding; under noise to what a descent leaves that ends when a step lowers the cost by less than 1e-10 of it.
"""

from dataclasses import replace

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from decomposition_problems import noisy, planted, term_distance
from twolayer.decompose import Status, decompose
from twolayer.symtensor import rank_one_sum, transform

pytestmark = pytest.mark.filterwarnings("error")


def doubled(d):
    """A tensor with one sum of two terms, of which three are asked for."""
    return rank_one_sum(np.array([1.0, -0.5]), np.eye(d)[:2], 3)


def inside(T, d):
    """The tensor in the first of d dimensions."""
    wide = np.zeros((d,) * T.ndim)
    wide[(slice(len(T)),) * T.ndim] = T
    return wide


# name: the tensor, the rank to ask for, its status
CASES = {
    "exact, order 3": (planted(6, 4, 3, 0)[2], 4, Status.EXACT),
    "exact, order 4": (planted(5, 5, 4, 1, "coherent")[2], 5, Status.EXACT),
    "exact, as many as dimensions": (planted(6, 6, 3, 3)[2], 6, Status.EXACT),
    "exact, more than dimensions, order 3": (planted(5, 6, 3, 0)[2], 6, Status.EXACT),
    "exact, more than dimensions, order 4": (planted(5, 8, 4, 0)[2], 8, Status.EXACT),
    "exact, in fewer dimensions than given": (inside(planted(5, 6, 3, 1)[2], 7), 6, Status.EXACT),
    "exact, rank to be found": (planted(6, 4, 3, 0)[2], "auto", Status.EXACT),
    "noisy, order 3": (noisy(planted(8, 3, 3, 0)[2], 0.01, 0), 3, Status.RESOLVED),
    "noisy, order 4": (noisy(planted(6, 3, 4, 0)[2], 0.01, 0), 3, Status.RESOLVED),
    "noisy, rank to be found": (noisy(planted(8, 3, 3, 0)[2], 0.01, 0), "auto", Status.RESOLVED),
    "a term too few": (planted(6, 4, 3, 0, "orthogonal")[2], 3, None),
    "a term too many": (doubled(5), 3, Status.AMBIGUOUS),
}
EVERY = pytest.mark.parametrize("case", CASES)


def tolerance(found, T):
    """What two runs may differ by, in each term: rounding times conditioning, or what a descent under noise leaves."""
    eps = np.finfo(T.dtype).eps
    return max(1e-9, 100 * eps, 1e-3 * found.residual)


def assert_same(found, other, T, Q=None, scale=1.0):
    """`other` is `found` in other axes and units."""
    assert other.status is found.status
    assert other.rank == found.rank
    assert other.residual == pytest.approx(found.residual, rel=1e-3, abs=max(1e-12, 4 * np.finfo(T.dtype).eps))
    if found.status is Status.AMBIGUOUS:  # some of its terms are arbitrary
        return
    factors = found.factors if Q is None else found.factors @ Q.T
    assert term_distance(other, scale * found.weights, factors) < tolerance(found, T)


@EVERY
def test_each_case_is_what_its_name_says(case):
    T, rank, status = CASES[case]
    found = decompose(T, rank, rng=0)
    assert found.status is status if status else not found.is_converged


@EVERY
@pytest.mark.parametrize("seed", range(3))
def test_permuted_axes_permute_the_factors(case, seed):
    T, rank, _ = CASES[case]
    order = np.random.default_rng(seed).permutation(len(T))
    assert_same(
        decompose(T, rank, rng=0), decompose(T[np.ix_(*[order] * T.ndim)], rank, rng=0), T, np.eye(len(T))[order]
    )


@EVERY
@pytest.mark.parametrize("seed", range(3))
def test_rotated_axes_rotate_the_factors(case, seed):
    T, rank, _ = CASES[case]
    Q = np.linalg.qr(np.random.default_rng(seed).standard_normal((len(T), len(T))))[0]
    assert_same(decompose(T, rank, rng=0), decompose(transform(T, Q.T), rank, rng=0), T, Q)


@EVERY
@pytest.mark.parametrize("scale", [1e-150, 1e-9, 1e-3, 3.0, 1e9, 1e150, -2.0])
def test_the_unit_of_the_tensor_is_that_of_the_weights(case, scale):
    T, rank, _ = CASES[case]
    found, other = decompose(T, rank, rng=0), decompose(scale * T, rank, rng=0)
    sign = np.sign(scale)
    assert_same(found, replace(other, weights=other.weights / abs(scale)), T, scale=sign)
    assert other.left_over == pytest.approx(abs(scale) * found.left_over, rel=1e-3, abs=1e-12 * abs(scale))


def read_only(T):
    T = T.copy()
    T.flags.writeable = False
    return T


def every_second(T):
    """The same entries, apart in memory and backwards along the first axis."""
    wide = np.full([2 * size for size in T.shape], np.nan)
    view = wide[(slice(None, None, -2), *[slice(1, None, 2)] * (T.ndim - 1))]
    view[...] = T
    return view


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "read-only": read_only,
    "not contiguous": every_second,
    "other byte order": lambda T: T.astype(T.dtype.newbyteorder()),
    "nested lists": lambda T: T.tolist(),
}


@EVERY
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_layout_in_memory_does_not_matter(case, layout):
    T, rank, _ = CASES[case]
    assert_same(decompose(T, rank, rng=0), decompose(LAYOUTS[layout](T), rank, rng=0), T)


@EVERY
def test_what_is_given_is_not_written_to(case):
    T, rank, _ = CASES[case]
    given = T.copy()
    decompose(given, rank, rng=0)
    np.testing.assert_array_equal(given, T)


@EVERY
def test_single_precision_has_the_same_verdict_and_the_terms_to_its_rounding(case):
    T, rank, _ = CASES[case]
    found, single = decompose(T, rank, rng=0), decompose(T.astype(np.float32), rank, rng=0)
    # a sum to the rounding of single precision is not one to that of double precision, and no less certain
    expected = Status.RESOLVED if found.status is Status.EXACT else found.status
    assert single.status is expected
    assert single.rank == found.rank
    if found.status is not Status.AMBIGUOUS:
        # rounding of half an epsilon an entry, times the conditioning of the terms, which is below a hundred here
        assert term_distance(single, found.weights, found.factors) < 200 * np.finfo(np.float32).eps


@EVERY
def test_two_threads_find_what_one_finds(case):
    T, rank, _ = CASES[case]
    with threadpool_limits(1):
        found = decompose(T, rank, rng=0)
    with threadpool_limits(2):
        other = decompose(T, rank, rng=0)
    assert_same(found, other, T)


@EVERY
def test_another_seed_finds_the_same(case):
    T, rank, _ = CASES[case]
    assert_same(decompose(T, rank, rng=0), decompose(T, rank, rng=1), T)
