"""How much of a box is taken against digits, types and queries."""

import json

import numpy as np
import pytest

from twolayer import InputError, TwoLayerNetwork
from twolayer.extract import CallableBox
from twolayer.extract.auditing import AuditRules, CoarserBox, audit, rounded_to, unit_errors
from twolayer.network import Polynomial
from twolayer.pictures import audit_picture

FEW = AuditRules(digits=(2, 8, 15), types=("float32",), shares=(0.2, 1.0))


def planted(width=3, dim=4, sigma="tanh"):
    rng = np.random.default_rng(0)
    W = rng.standard_normal((width, dim)) / np.sqrt(dim)
    return TwoLayerNetwork(
        rng.choice([-1.0, 1.0], width) * rng.uniform(0.5, 2, width),
        W,
        rng.uniform(-1, 1, width),
        sigma,
        Polynomial(0.3),
    )


@pytest.mark.parametrize("digits", [1, 3, 8, 15, 17])
def test_values_are_cut_as_they_are_printed(digits):
    values = np.r_[0.0, 1.0, -123.456, 1e-300, 9.9999e20, np.random.default_rng(0).standard_normal(50)]
    printed = [float(f"{value:.{digits - 1}e}") for value in values]
    np.testing.assert_allclose(rounded_to(values, digits), printed, rtol=4e-16)


def test_a_coarser_box_gives_changed_answers_and_counts():
    box = CoarserBox(CallableBox(lambda X: X[:, 0], 2), lambda y: rounded_to(y, 1))
    np.testing.assert_array_equal(box(np.array([[1.26, 0], [0.44, 0]])), [1.0, 0.4])
    assert (box.asked, box.dim) == (2, 2)


@pytest.fixture(scope="module")
def found():
    truth = planted()
    return audit(CallableBox(truth, 4, "secret"), truth, rules=FEW)


def test_more_digits_take_more(found):
    two, eight, fifteen = found.of("digits")
    assert (two.units, eight.units, fifteen.units) == (0, 3, 3)
    assert 6 < eight.unit_digits < 10 < fifteen.unit_digits
    assert two.value_digits < 3 < eight.value_digits < 10 < fifteen.value_digits
    assert fifteen.status == "EQUAL"


def test_a_type_takes_its_own_digits(found):
    (single,) = found.of("type")
    assert single.units == 3
    assert 5 < single.unit_digits < 10


def test_too_few_queries_take_nothing(found):
    few, enough = found.of("queries")
    assert (few.status, few.units) == ("REFUSED", 0)
    assert few.queries <= int(few.value)
    assert (enough.status, enough.units) == ("EQUAL", 3)


def test_the_sentence_says_what_the_rows_do(found):
    assert found.sentence() == (
        "With answers cut to 2 digits nothing is taken; 8 digits give all 3 units, and 15 give "
        f"{found.of('digits')[-1].value_digits:.0f} digits."
    )
    assert found.to_dict()["sentence"] == found.sentence()


def test_an_audit_is_drawn(found):
    left, right = audit_picture(found).axes
    assert list(left.lines[0].get_ydata()) == [0.0, 100.0, 100.0]
    assert [line.get_label() for line in right.lines] == ["as many", "of values", "of units"]


def test_units_of_another_activation_are_not_taken():
    np.testing.assert_array_equal(unit_errors(planted(sigma="erf"), planted()), np.ones(3))


def test_units_that_are_written_otherwise_are_taken():
    relu = TwoLayerNetwork([1.0], [[2.0, 1.0]], [0.5], "relu")
    turned = TwoLayerNetwork([0.5], [[-2.0, -1.0]], [-0.5], "abs", Polynomial(0.25, np.array([1.0, 0.5])))
    assert unit_errors(turned, relu)[0] < 1e-12


def test_where_nothing_is_found_there_is_nothing_to_count():
    with pytest.raises(InputError, match="nothing was extracted from line, so that there is nothing to count"):
        audit(CallableBox(lambda X: X[:, 0], 2, "line"), rules=FEW)


def test_the_command_prints_a_table_and_a_sentence(twolayer_cli, tmp_path):
    (tmp_path / "secret_box.py").write_text(
        "import numpy as np\n\ndef box(X):\n    return np.tanh(X @ [1.0, 2.0]) - 0.5 * np.tanh(X @ [2.0, -1.0] + 0.3)\n"
    )
    outcome = twolayer_cli("audit secret_box:box --dim 2 --digits 12,15 -o taken.png")
    assert outcome.code == 0, outcome.err
    assert "12 digits give all 2 units" in outcome.out
    assert (tmp_path / "taken.png").stat().st_size > 10_000
    report = json.loads(twolayer_cli("audit secret_box:box --dim 2 --digits 15 --json").out)
    assert report["width"] == 2
    assert {row["limit"] for row in report["rows"]} == {"digits", "type", "queries"}


@pytest.mark.parametrize("digits", ["0-4", "18", "a", "1-2-3", "5-4"])
def test_digits_that_are_none_are_refused(twolayer_cli, digits):
    outcome = twolayer_cli(f"audit m:f --dim 2 --digits {digits}")
    assert outcome.code == 2
    assert "--digits are numbers from 1 to 17" in outcome.err
