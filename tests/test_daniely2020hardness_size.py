"""Large instances: what is stored and worked on is their non-zeros, not their coordinates."""

import tracemalloc

import numpy as np
import pytest

from twolayer.errors import InputError
from twolayer.papers.daniely2020hardness.instances import (
    WeightLaw,
    autoregressive,
    cnn_output,
    conjunction,
    conjunctions,
    convolutional_transform,
    encode,
    fully_connected_output,
    fully_connected_transform,
    planted_formula,
    random_assignment,
    read_dimacs,
    realizable_tuples,
    sat,
    sign_filter,
    with_negations,
    write_dimacs,
)


def test_memory_is_linear_in_the_non_zeros_and_not_in_the_coordinates():
    """A dense row of the inputs below has 125 times as many entries as non-zeros."""
    n_variables, k, m = 2000, 5, 2000
    sample = realizable_tuples(random_assignment(n_variables, 0), m, conjunction(3, k), 1)
    M = fully_connected_transform(WeightLaw("normal"), n_variables + 1, k, 0, 2)
    tracemalloc.start()
    try:
        X, _ = encode(sample)
        moved = M.inputs(X)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert moved.nnz == m * (15 * k + k)  # each clause's literals, and the last coordinate that all of them share
    assert m * n_variables * k > 120 * moved.nnz
    assert peak < 5 * 12 * moved.nnz  # 8 bytes of a value and 4 of its column


def test_patches_that_are_zero_cost_next_to_nothing():
    """A hundred samples of a million patches each: a number for each patch of each sample would take 800 MB."""
    k, t = 1_000_000, 40
    psi = random_assignment(t - 1, 0)
    X, y = encode(realizable_tuples(psi, 100, conjunction(3, 5), 1), k)
    z = convolutional_transform(WeightLaw("gaussian", covariance=autoregressive(t, 0.5)), t, 2)
    tracemalloc.start()
    try:
        labels = cnn_output(X, sign_filter(psi))
        _, peak_of_labels = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        moved = z.inputs(X)
        _, peak_of_inputs = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.array_equal(labels, y)
    assert np.array_equal(np.rint(cnn_output(moved, z.weights(sign_filter(psi)))), y)
    assert peak_of_labels < 200_000_000
    assert peak_of_inputs < 1_000_000


def test_empty_lines_of_a_formula_cost_no_memory(tmp_path):
    path = tmp_path / "f.cnf"
    path.write_text("p cnf 3 2\n" + 200_000 * "\n" + "1 -2 3 0\n" + 200_000 * "c\n" + "1 2\n-3 0\n")
    tracemalloc.start()
    try:
        formula = read_dimacs(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert formula.signs.tolist() == [[1, -1, 1], [1, 1, -1]]
    assert peak < 600_000
    path.write_text(path.read_text().replace("-3 0", "-4 0"))
    with pytest.raises(InputError, match="line 400004: literal -4 is out of range"):
        read_dimacs(path)


@pytest.mark.slow
def test_a_network_of_100_000_inputs_is_worked_on_by_its_non_zeros():
    n_variables, k, m = 1886, 53, 1000
    psi = random_assignment(n_variables, 0)
    X, y = encode(realizable_tuples(psi, m, conjunction(3, k), 1))
    M = fully_connected_transform(WeightLaw("normal"), n_variables + 1, k, 0, 2)
    moved, W = M.inputs(X), M.weights(sign_filter(psi))
    assert moved.shape == (1000, 100_011)
    assert np.array_equal(np.rint(fully_connected_output(moved, W)), y)
    assert X.nnz == m * 4 * k  # three literals and a constant to each of k clauses
    assert moved.nnz == m * k * (3 * k + 1)  # each literal is mixed over the k blocks: 12 times fewer than entries
    assert W.shape == (k, 100_011)


@pytest.mark.slow
def test_a_formula_of_a_million_clauses_becomes_samples_of_as_many_non_zeros(tmp_path):
    psi = random_assignment(1000, 0)
    write_dimacs(tmp_path / "f.cnf", planted_formula(psi, 1_000_000, sat(3), 1))
    formula = read_dimacs(tmp_path / "f.cnf")
    X, y = encode(with_negations(conjunctions(formula, 5, block=10), 2, psi))
    assert X.shape == (100_000, 5005)
    assert 0.4 < y.mean() < 0.6
    assert X.nnz == 100_000 * 5 * 4  # three literals and a constant to each of five clauses
