"""When the default ends its search: each of its rules, on searches that are made up."""

from dataclasses import replace
from importlib import import_module

import numpy as np
import pytest

from decomposition_problems import noisy, planted
from twolayer.decompose import Decomposition, Status
from twolayer.decompose.decomposition import generic_rank, pose
from twolayer.decompose.rank_evidence import noise_level

module = import_module("twolayer.decompose.automatic")
T = noisy(planted(6, 2, 3, 0)[2], 0.01, 0)
POSED = pose(T, 2, "auto", generic_rank)
NOISE = noise_level(POSED.values, 2, 3)


def made_up(residual, status, method="made up"):
    return Decomposition(np.ones(2), np.eye(6)[:2].copy(), 3, residual, 0.0, method, status)


@pytest.fixture
def searched(monkeypatch):
    """Runs the default over made-up searches, which nothing polishes, and says how many it wanted and what it chose."""

    def run(*results, tensor=T):
        wanted = []

        def searches(*_):
            for result in results:
                wanted.append(result)
                yield result

        monkeypatch.setattr(module, "_searches", searches)
        monkeypatch.setattr(
            module, "polish", lambda _T, _weights, factors: next(one for one in results if one.factors is factors)
        )
        chosen = module.automatic(tensor, 2, rng=0)
        return len(wanted), next(one for one in results if one.residual == chosen.residual), chosen

    return run


def test_an_exact_sum_ends_it(searched):
    assert searched(made_up(1e-15, Status.EXACT), made_up(1e-16, Status.EXACT))[0] == 1


def test_what_leaves_noise_with_every_term_standing_out_ends_it(searched):
    for status, wanted in (
        (Status.RESOLVED, 1),
        (Status.UNEXPLAINED, 1),
        (Status.AMBIGUOUS, 1),
        (Status.UNRESOLVED, 2),
    ):
        assert searched(made_up(NOISE, status), made_up(NOISE / 3, Status.UNSETTLED))[0] == wanted
    assert searched(made_up(1.05 * NOISE, Status.RESOLVED), made_up(NOISE / 3, Status.RESOLVED))[0] == 1
    assert searched(made_up(1.15 * NOISE, Status.RESOLVED), made_up(NOISE / 3, Status.RESOLVED))[0] == 2


def test_the_same_residual_twice_ends_it(searched):
    first = made_up(3 * NOISE, Status.UNEXPLAINED)
    for share, wanted in ((1 + 3e-6, 2), (1 + 3e-5, 3)):
        again = made_up(3 * NOISE * share, Status.UNEXPLAINED)
        assert searched(first, again, made_up(4 * NOISE, Status.UNEXPLAINED))[0] == wanted
    twice = [made_up(3 * NOISE * share, Status.UNRESOLVED) for share in (1, 1 + 1e-6)]
    assert searched(*twice, made_up(4 * NOISE, Status.UNEXPLAINED))[0] == 3


def test_an_ambiguous_sum_to_rounding_ends_it(searched):
    T_exact = planted(6, 2, 3, 0)[2]
    for residual, wanted in ((5e-13, 1), (5e-12, 2)):
        doubtful = made_up(residual, Status.AMBIGUOUS)
        assert searched(doubtful, made_up(1e-2, Status.UNRESOLVED), tensor=T_exact)[0] == wanted


def test_the_least_residual_is_chosen(searched):
    results = [made_up(NOISE * size, Status.UNRESOLVED) for size in (4, 2, 3)]
    assert searched(*results)[:2] == (3, results[1])


def test_terms_of_the_subspace_method_that_are_not_resolved_are_refitted(searched, monkeypatch):
    rough = made_up(0.3, Status.UNRESOLVED, "subspace_power")
    better = replace(rough, factors=rough.factors[::-1].copy(), residual=NOISE, status=Status.RESOLVED)
    asked = []
    monkeypatch.setattr(module, "refit", lambda *given, **_: asked.append(given) or better)
    searched(replace(rough, method="least_squares"))
    assert not asked
    searched(replace(rough, status=Status.UNEXPLAINED))
    assert not asked
    assert searched(rough, better)[:2] == (1, better)
    assert len(asked) == 1


def test_what_the_precision_of_the_tensor_leaves_is_resolved_without_noise(searched):
    single = planted(6, 2, 3, 0)[2].astype(np.float32)
    assert searched(made_up(1e-7, Status.UNEXPLAINED), tensor=single)[2].status is Status.RESOLVED
    assert searched(made_up(2e-7, Status.UNEXPLAINED), tensor=single)[2].status is Status.UNEXPLAINED
    twins = replace(made_up(1e-7, Status.UNEXPLAINED), factors=np.eye(6)[[0, 0]])
    assert searched(twins, tensor=single)[2].status is Status.AMBIGUOUS


@pytest.mark.parametrize(
    ("d", "order", "rank", "expected"),
    [
        (4, 3, 4, ["joint_diagonalisation"] * 2 + ["least_squares, 6 starts"]),
        (4, 3, 5, ["least_squares, 16 starts"]),
        (4, 4, 4, ["joint_diagonalisation"] * 2 + ["least_squares, 6 starts"]),
        (4, 4, 6, ["subspace_power"] * 3 + ["least_squares, 2 starts"]),
        (4, 4, 7, ["least_squares, 16 starts"]),
    ],
)
def test_what_is_searched_depends_on_order_and_rank(d, order, rank, expected, monkeypatch):
    for name in ("joint_diagonalisation", "subspace_power"):
        monkeypatch.setattr(module, name, lambda *_, name=name, **_options: name)
    monkeypatch.setattr(
        module, "least_squares", lambda *_, max_starts, **_options: f"least_squares, {max_starts} starts"
    )
    assert list(module._searches(np.zeros((d,) * order), rank, np.random.default_rng(0))) == expected
