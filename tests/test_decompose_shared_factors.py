"""Several symmetric matrices with the same factors, planted and found again."""

import numpy as np
import pytest

from twolayer.decompose import decompose_shared
from twolayer.decompose.shared_factors import _normal_equations, _solved
from twolayer.errors import InputError


def planted(d, q, r, seed=0):
    rng = np.random.default_rng(seed)
    U, A = rng.standard_normal((r, d)), rng.standard_normal((r, q))
    U /= np.linalg.norm(U, axis=1, keepdims=True)
    return U, A, np.einsum("iq,ia,ib->qab", A, U, U)


@pytest.mark.parametrize(("d", "q", "r"), [(4, 2, 3), (6, 4, 5), (10, 10, 10), (10, 10, 20), (10, 10, 25), (8, 20, 20)])
def test_factors_and_weights_come_back_beyond_the_number_of_rows(d, q, r):
    U, A, M = planted(d, q, r)
    found = decompose_shared(M, r, rng=0)
    cosines = U @ found.factors.T
    match = np.abs(cosines).argmax(axis=1)
    assert found.is_exact
    assert sorted(match) == list(range(r))
    np.testing.assert_allclose(np.abs(cosines).max(axis=1), 1.0, rtol=1e-9)
    np.testing.assert_allclose(found.A[match], A, atol=1e-7)


def test_the_gradient_is_that_of_the_projected_residual():
    rng = np.random.default_rng(0)
    target, U = rng.standard_normal((3, 5, 5)), rng.standard_normal((4, 5))
    target = (target + target.swapaxes(1, 2)).reshape(3, 25).T
    g, _ = _normal_equations(target, U, _solved(target, U)[0])
    moved, slope = np.zeros_like(U), np.zeros(U.shape)
    for i in np.ndindex(U.shape):
        moved[:] = U
        moved[i] += 1e-6
        up = _solved(target, moved)[1]
        moved[i] -= 2e-6
        slope[i] = (up - _solved(target, moved)[1]) / 4e-6
    np.testing.assert_allclose(g.reshape(U.shape), slope, atol=1e-6)


def test_noise_moves_the_factors_by_its_size():
    U, _, M = planted(8, 6, 10)
    noise = 1e-4 * np.random.default_rng(1).standard_normal(M.shape)
    found = decompose_shared(M + noise + noise.swapaxes(1, 2), 10, rng=0)
    assert not found.is_exact
    assert np.abs(U @ found.factors.T).max(axis=1).min() > 1 - 1e-5


@pytest.mark.parametrize(
    ("M", "rank", "message"),
    [
        (np.zeros((2, 3, 3)), 1, "must not be zero everywhere"),
        (np.ones((2, 3, 4)), 1, r"square matrices in one array \(q, d, d\), found shape \(2, 3, 4\)"),
        (np.arange(18.0).reshape(2, 3, 3), 1, "must be symmetric"),
        (np.full((2, 2, 2), np.nan), 1, "must be finite"),
        (np.stack([np.eye(3)] * 2), 4, "rank must be at most 3 for 2 matrices of 3 rows"),
        (np.stack([np.eye(3)] * 2), 0, "rank must be an integer of at least 1"),
    ],
)
def test_what_is_no_stack_of_symmetric_matrices_is_refused(M, rank, message):
    with pytest.raises(InputError, match=message):
        decompose_shared(M, rank)
