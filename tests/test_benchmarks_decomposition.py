"""Tests of the benchmark `decomposition.py`: what is planted, what counts as found, and when a peer ends."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "benchmarks"))

import decomposition
from decomposition import PEERS, WEIGHTS, Cell, Run, reference, restarted, share_found, table


@pytest.mark.parametrize(("weights", "ratio", "negative"), [("equal", 1, 0), ("unequal", 10, 0), ("signed", 10, 3)])
def test_weights_are_of_the_ratio_and_the_signs_that_they_say(weights, ratio, negative):
    values = WEIGHTS[weights](6)
    assert np.abs(values).max() / np.abs(values).min() == pytest.approx(ratio)
    assert (values < 0).sum() == negative


def test_the_noise_is_a_share_of_the_norm_and_symmetric():
    (T, _), (noisy, _) = Cell(4, 3, 0.0, "equal").draw(1), Cell(4, 3, 0.1, "equal").draw(1)
    E = noisy - T
    assert np.linalg.norm(E) == pytest.approx(0.1 * np.linalg.norm(T), rel=1e-12)
    assert np.abs(E - E.transpose(3, 1, 0, 2)).max() < 1e-15


def test_a_component_counts_once_whatever_its_sign_and_length():
    U = np.eye(4)[:3]
    assert share_found(U, np.array([-2 * U[0], U[0], U[0]])) == pytest.approx(1 / 3)
    assert share_found(U, -3 * U[::-1]) == 1.0
    assert share_found(U, np.zeros((3, 4))) == 0.0


@pytest.mark.parametrize(("residuals", "starts"), [([0.5, 1e-5], 2), ([1e-5], 1)])
def test_a_peer_ends_at_the_goal_and_keeps_its_best_start(residuals, starts, monkeypatch):
    cell = Cell(4, 3, 0.0, "equal")
    _, U = cell.draw(0)
    left = iter(residuals)

    def start(*_):
        residual = next(left)
        return (U if residual < cell.goal else np.zeros_like(U)), residual

    monkeypatch.setitem(PEERS, "fake", ("numpy", start))
    run = restarted(cell, "fake", 0, 60.0)
    assert (run.starts, run.found, run.residual) == (starts, 1.0, 1e-5)


def test_a_peer_that_does_not_reach_the_goal_is_stopped_by_the_time(monkeypatch):
    monkeypatch.setitem(PEERS, "fake", ("numpy", lambda T, r, *_: (np.ones((r, len(T))), 0.5)))
    run = restarted(Cell(4, 3, 0.0, "equal"), "fake", 0, 0.05)
    assert run.seconds >= 0.05  # that it ends at all is for the time limit of a test
    assert run.residual == 0.5


def test_the_reference_finds_everything_without_noise():
    run = reference(Cell(5, 8, 0.0, "signed"), 0)
    assert run.found == 1.0
    assert run.residual < 1e-12


def test_the_table_has_a_row_for_each_cell_and_method():
    cell = Cell(4, 3, 0.0, "equal")
    made = [Run(cell, decomposition.REFERENCE, s, 1.0, 0.5, 1e-16, 1) for s in range(3)]
    made += [Run(cell, "slow", s, 0.5, 2.0, 0.1, 4) for s in range(3)]
    shown = table(made)
    assert shown.row_count == 2
    assert list(shown.columns[7].cells) == ["1", "0.25"]
