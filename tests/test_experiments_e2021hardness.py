"""The figures of e2021hardness: the descent on parities follows the gradient of the hinge loss."""

import msgspec
import numpy as np
import pytest

from twolayer.experiments.table import Table
from twolayer.papers.e2021hardness.figures import (
    GRADIENT_VARIANCE,
    PARITY_TRAINING,
    SINE_LANDSCAPE,
    gradient_variance,
    parity,
)
from twolayer.papers.e2021hardness.figures.hinge import HingeDescent, parity_batch
from twolayer.papers.e2021hardness.figures.sine import local_minima
from twolayer.papers.e2021hardness.theory import sine_risk


def hinge_loss(a, V, U, y, shares):
    total = 0.0
    for u, label, share in zip(U, y, shares, strict=True):
        output = sum(a_j * max(0.0, float(v @ u)) for a_j, v in zip(a, V, strict=True))
        total += share * max(0.0, 1 - label * output)
    return total


@pytest.fixture
def training():
    rng = np.random.default_rng(3)
    U, y, shares = (part.astype(np.float64) for part in parity_batch(4, 40, rng))
    return HingeDescent(rng.standard_normal(6), rng.standard_normal((6, 5)), rate=0.1), U, y, shares


def test_gradients_are_finite_differences_of_the_hinge_loss(training):
    descent, U, y, shares = training
    of_a, of_V, loss, wrong = descent.gradients(U, y, shares)
    assert loss == pytest.approx(hinge_loss(descent.a, descent.V, U, y, shares), rel=1e-12)
    assert wrong == pytest.approx(shares[y * descent.outputs(U) <= 0].sum(), rel=1e-12)
    assert np.abs(of_V).min() < np.abs(of_V).max()
    h = 1e-6
    for parameters, gradient in ((descent.a, of_a), (descent.V, of_V)):
        for place in np.ndindex(parameters.shape):
            kept, sides = parameters[place], []
            for side in (h, -h):
                parameters[place] = kept + side
                sides.append(hinge_loss(descent.a, descent.V, U, y, shares))
            parameters[place] = kept
            assert gradient[place] == pytest.approx((sides[0] - sides[1]) / (2 * h), abs=1e-8)


def test_a_step_goes_down_the_gradient_by_the_rate(training):
    descent, U, y, shares = training
    before = descent.a.copy(), descent.V.copy()
    of_a, of_V, loss, _ = descent.gradients(U, y, shares)
    assert descent.step(U, y, shares)[0] == loss
    np.testing.assert_allclose(descent.a, before[0] - 0.1 * of_a, rtol=1e-14)
    np.testing.assert_allclose(descent.V, before[1] - 0.1 * of_V, rtol=1e-14)


def test_rows_of_a_batch_are_worked_on_in_blocks_that_add_up():
    rng = np.random.default_rng(4)
    descent = HingeDescent(rng.standard_normal(3), rng.standard_normal((3, 13)), rate=0.1)
    U, y, shares = (part.astype(np.float64) for part in parity_batch(12, 700, rng))
    assert len(U) > 512
    of_a, of_V, loss, _ = descent.gradients(U, y, shares)
    parts = [descent.gradients(U[i::2], y[i::2], shares[i::2]) for i in (0, 1)]
    np.testing.assert_allclose(of_a, parts[0][0] + parts[1][0], atol=1e-14)
    np.testing.assert_allclose(of_V, parts[0][1] + parts[1][1], atol=1e-14)
    assert loss == pytest.approx(parts[0][2] + parts[1][2], rel=1e-12)


def test_a_batch_is_the_parity_on_the_cube_with_every_point_once():
    U, y, shares = parity_batch(5, 1000, np.random.default_rng(5))
    assert len(np.unique(U, axis=0)) == len(U) <= 32
    assert set(np.unique(U)) == {0, 1}
    assert (U[:, -1] == 1).all()
    np.testing.assert_array_equal(y, [(-1) ** int(u[:-1].sum()) for u in U])
    assert shares.sum() == pytest.approx(1, rel=1e-6)
    assert shares.min() >= 0.001 * (1 - 1e-6)


def table_of(figure, rows):
    return Table.from_rows(rows, figure.columns)


def measured(figure):
    rows = [
        {**cell, **row}
        for cell in figure.cells(figure.smoke)
        for row in figure.run_cell(cell, np.random.default_rng(6))
    ]
    return table_of(figure, rows)


def test_a_training_goes_on_from_row_to_row_and_learns_two_inputs():
    cell = {"d": 2, "trial": 0, "width": 200, "batch": 50, "rate": 0.02, "steps": 90, "records": 3}
    rows = parity.run_cell(cell, np.random.default_rng(8))
    rng = np.random.default_rng(8)
    descent = parity.initial_network(2, 200, 0.02, rng)
    seen = np.array([descent.step(*parity_batch(2, 50, rng)) for _ in range(90)]).reshape(3, 30, 2).mean(axis=1)
    assert [row["step"] for row in rows] == [30, 60, 90]
    np.testing.assert_allclose([(row["loss"], row["wrong"]) for row in rows], seen, rtol=1e-12)
    assert rows[0]["loss"] > 0.1
    assert rows[-1]["wrong"] == 0


def test_more_records_than_steps_are_refused():
    with pytest.raises(ValueError, match="records must be at most steps, 400, found 401"):
        msgspec.structs.replace(PARITY_TRAINING.smoke, records=401)


def test_a_name_that_is_no_activation_is_refused():
    with pytest.raises(ValueError, match="nosuch"):
        msgspec.structs.replace(GRADIENT_VARIANCE.smoke, activations=("relu", "nosuch"))


def trained(wrong_by_dimension):
    rows = [
        {"d": d, "trial": 0, "step": step, "loss": 1.0, "wrong": 0.5 if step == 10 else wrong}
        for d, wrong in wrong_by_dimension.items()
        for step in (10, 20)
    ]
    return table_of(PARITY_TRAINING, rows)


def test_the_verdict_divides_what_is_learned_from_what_is_not():
    said = PARITY_TRAINING.verdict(trained({4: 0.0, 8: 0.2, 20: 0.499}))
    assert "learned for d of 4, no better than guessing for d of 20, as in the lecture" in said
    assert "After 20 steps the share of wrong signs is 0.0% at d = 4, 20.0% at d = 8" in said
    assert "not the lecture's" in PARITY_TRAINING.verdict(trained({4: 0.5, 20: 0.0}))
    assert "learned for d of none" in PARITY_TRAINING.verdict(trained({4: 0.5}))


def test_the_variance_is_that_of_the_sum_over_parities():
    cell = {"activation": "tanh", "d": 3, "trial": 0, "width": 2}
    (row,) = gradient_variance.run_cell(cell, np.random.default_rng(9))
    network = gradient_variance.random_units(3, 2, bias=1.0, activation="tanh", rng=np.random.default_rng(9))
    X = np.array([[i >> 2 & 1, i >> 1 & 1, i & 1] for i in range(8)], dtype=float)
    J = np.array([
        np.concatenate([
            np.tanh(network.W @ x + network.b),
            np.outer(network.a / np.cosh(network.W @ x + network.b) ** 2, [*x, 1]).ravel(),
        ])
        for x in X
    ])  # fmt: skip
    risk_gradients = np.array(
        [2 * np.mean([(-1) ** (v @ x) * j for x, j in zip(X, J, strict=True)], axis=0) for v in X]
    )
    energy = np.mean(np.sum(J**2, axis=1))
    assert row["variance"] == pytest.approx(risk_gradients.var(axis=0).sum() / energy, rel=1e-12)
    assert row["bound"] == pytest.approx(4 / 8, rel=1e-12)


def test_the_verdict_says_how_fast_the_variance_falls_and_whether_the_bound_holds():
    rows = [{"activation": "relu", "d": d, "trial": 0, "variance": 3.0**-d, "bound": 4 * 2.0**-d} for d in (2, 4, 6)]
    said = GRADIENT_VARIANCE.verdict(table_of(GRADIENT_VARIANCE, rows))
    assert "holds in all 3 cases" in said
    assert "falls by a factor of 3.00 with each input" in said
    assert "fails in 1 of 3" in GRADIENT_VARIANCE.verdict(
        table_of(GRADIENT_VARIANCE, [*rows[:2], rows[2] | {"bound": 0.001}])
    )


def test_every_point_of_the_landscape_has_its_risk():
    cell = {"frequency": 0.5, "points": 5, "samples": 10, "reach": 2.0}
    rows = SINE_LANDSCAPE.run_cell(cell, np.random.default_rng(10))
    assert [(row["w1"], row["w2"]) for row in rows] == [(w1, w2) for w2 in range(-2, 3) for w1 in range(-2, 3)]
    for row in rows:
        expected = sine_risk([[row["w1"], row["w2"]]], (1.0, 0.0), 0.5)[0]
        assert row["population"] == pytest.approx(expected, abs=1e-15)
    at_truth = next(row for row in rows if (row["w1"], row["w2"]) == (1, 0))
    assert at_truth["population"] == at_truth["empirical"] == 0


def test_local_minima_are_counted_inside_and_not_on_a_plain():
    values = np.zeros((7, 7))
    values[2, 2], values[4, 5], values[0, 6] = -1, -2, -3
    assert local_minima(values) == 2
    values[4, 4] = -3
    assert local_minima(values) == 2


def test_the_verdict_on_landscapes_goes_both_ways():
    table = measured(SINE_LANDSCAPE)
    assert SINE_LANDSCAPE.verdict(table).endswith("At the largest L this agrees with the lecture.")
    turned = Table(
        {name: table[{"population": "empirical", "empirical": "population"}.get(name, name)] for name in table.columns}
    )
    assert SINE_LANDSCAPE.verdict(turned).endswith("At the largest L this does not agree with the lecture.")


@pytest.mark.parametrize("figure", [PARITY_TRAINING, GRADIENT_VARIANCE, SINE_LANDSCAPE], ids=lambda figure: figure.name)
def test_every_axis_is_labelled(figure):
    table = trained({4: 0.0, 20: 0.5}) if figure is PARITY_TRAINING else measured(figure)
    for axes in figure.plot(table).axes:
        assert axes.get_ylabel()
        assert axes.get_xlabel() or axes.get_label() == "<colorbar>"
