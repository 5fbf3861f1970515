"""What a box may do wrong, the budget, and the file that an interrupted extraction goes on from."""

import re

import numpy as np
import pytest

from twolayer import InputError, TwoLayerNetwork
from twolayer.extract import CallableBox, extract
from twolayer.extract.querying import Oracle
from twolayer.files import read_npz

NETWORK = TwoLayerNetwork([1.0, -2.0], [[1.0, 2.0], [0.5, -1.0]], [0.3, -0.2], "relu")


def oracle(function, dim=2, budget=10**6, kept=None):
    return Oracle(CallableBox(function, dim, "box"), budget, kept, np.random.default_rng(0))


def refusal(function, **options):
    with pytest.raises(InputError) as caught:
        oracle(function, **options)
    return str(caught.value)


def test_a_box_that_raises_is_named_with_its_reason():
    def broken(X):
        raise KeyError("no\nsuch key")

    assert refusal(broken) == "box raised KeyError: 'no\\nsuch key' when asked for 256 rows of 2 inputs"


def test_a_value_that_is_not_finite_is_shown_with_its_place():
    assert "box must give finite numbers, found nan at x = (" in refusal(
        lambda X: np.where(X[:, 0] > 1, np.nan, X[:, 1])
    )
    assert "found inf at x" in refusal(lambda X: np.full(len(X), np.inf))


@pytest.mark.parametrize(
    ("function", "shape"),
    [
        (lambda X: X[1:, 0], "(255,)"),
        (lambda X: X[None], "(1, 256, 2)"),
        (lambda X: X[:, :0], "(256, 0)"),
        (lambda X: X[0, 0], "()"),
        (lambda X: X[:, :1].T, "(1, 256)"),
    ],
)
def test_the_wrong_number_of_values_is_refused(function, shape):
    assert refusal(function) == f"box must give one number for each of 256 rows, found shape {shape}"


def test_values_that_are_no_numbers_are_refused():
    assert refusal(lambda X: ["a"] * len(X)) == "box must give real numbers, found an array of <U1"
    assert "box must give" in refusal(lambda X: [[1.0], list(X[0])])
    assert refusal(lambda X: X[:, 0] * 1j) == "box must give real numbers, found an array of complex128"


@pytest.mark.parametrize("size", [1e-200, 1e200])
def test_values_beyond_reason_are_refused(size):
    assert "between 1e-100 and 1e+100 in magnitude" in refusal(lambda X: size * NETWORK(X))


def test_what_a_box_prints_goes_to_standard_error(capsys):
    def talkative(X):
        print("asked")
        return NETWORK(X)

    oracle(talkative)
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("asked")


@pytest.mark.parametrize(("step", "seen"), [(0.01, 0.01), (1.0, 1.0), (1 / 3, 1 / 3), (None, None)])
def test_answers_that_are_all_multiples_of_a_number_are_seen(step, seen):
    asked = oracle(NETWORK if step is None else lambda X: np.round(NETWORK(X) / step) * step)
    assert asked.rounding_step == (None if seen is None else pytest.approx(seen, rel=1e-12))
    assert step is None or asked.eps >= 0.28 * step / asked.magnitude


def test_how_far_out_a_box_can_be_asked_is_found():
    assert oracle(NETWORK).reach == 1e10
    limited = oracle(lambda X: np.where(np.abs(X).max(axis=1) < 1e5, NETWORK(X), np.inf))
    assert 1e3 < limited.reach < 1e5


def test_a_column_of_values_is_taken():
    assert oracle(lambda X: X[:, :1])(np.array([[3.0, 4.0]])) == [3.0]


def test_other_answers_when_asked_again_are_found():
    noise = np.random.default_rng(1)
    message = refusal(lambda X: X[:, 0] + 1e-4 * noise.standard_normal(len(X)))
    assert message.startswith("box is not deterministic: asked twice for the same row, it gave")


def test_differences_of_float32_rounding_are_no_other_answers():
    noise = np.random.default_rng(1)
    asked = oracle(lambda X: NETWORK(X) * (1 + 1e-8 * noise.standard_normal(len(X))))
    assert 1e-9 < asked.eps < 1e-7


def test_a_constant_is_no_network():
    assert (
        refusal(lambda X: np.full(len(X), 2.5))
        == "box gives 2.5 wherever it is asked, on inputs up to scale 1e+06: there is no network in a constant"
    )


def test_the_box_cannot_change_the_rows():
    def careless(X):
        X[:] = 0
        return np.arange(len(X))

    asked = oracle(careless)
    X = np.ones((3, 2))
    asked(X)
    assert (X == 1).all()


def test_the_precision_of_the_answers_is_seen():
    assert oracle(NETWORK).eps == np.finfo(np.float64).eps
    assert not oracle(NETWORK).is_single
    single = oracle(lambda X: NETWORK(X).astype(np.float32))
    assert single.is_single
    assert np.finfo(np.float32).eps <= single.eps < 4 * np.finfo(np.float32).eps
    assert (single.placed(np.array([[0.1]])) == np.float64(np.float32(0.1))).all()
    rounded = oracle(lambda X: np.round(NETWORK(X), 5))
    assert 1e-7 < rounded.eps < 1e-5


@pytest.mark.parametrize(
    ("activation", "budget"), [("relu", 100), ("relu", 2000), ("tanh", 100), ("tanh", 2000), ("tanh", 20_000)]
)
def test_a_budget_that_is_too_small_says_one_that_is_enough(activation, budget):
    network = TwoLayerNetwork([1.0, -2.0, 1.0], np.eye(3, 5), [0.3, -0.2, 0.1], activation)
    with pytest.raises(
        InputError, match=rf"^the budget of {budget} queries is too small: \d+ should be enough$"
    ) as caught:
        extract(CallableBox(network, 5), budget=budget, rng=0)
    enough = int(re.findall(r"\d+", str(caught.value))[1])
    assert extract(CallableBox(network, 5), budget=enough, rng=0).is_certified


def test_who_needs_more_than_usual_is_told_more():
    asked = oracle(NETWORK, budget=500_000)
    with pytest.raises(InputError, match="the budget of 500000 queries is too small: 2000000 should be enough"):
        asked(np.zeros((500_000, 2)))


def test_the_budget_is_kept_to():
    rows = []

    def counting(X):
        rows.append(len(X))
        return NETWORK(X)

    found = extract(CallableBox(counting, 2), rng=0)
    assert found.queries == sum(rows)
    assert extract(CallableBox(NETWORK, 2), budget=found.queries, rng=0).queries == found.queries
    with pytest.raises(InputError, match="too small"):
        extract(CallableBox(NETWORK, 2), budget=found.queries - 1, rng=0)


def test_an_interrupted_extraction_goes_on_from_its_file(tmp_path):
    kept, asked = tmp_path / "answers.npz", []

    def interrupted(X):
        asked.append(len(X))
        if sum(asked) > 4000:
            raise KeyboardInterrupt
        return NETWORK(X)

    with pytest.raises(KeyboardInterrupt):
        extract(CallableBox(interrupted, 2), kept=kept, rng=0)
    answered = len(read_npz(kept)["y"])
    assert 1000 < answered <= 4000

    fresh = []

    def again(X):
        fresh.append(len(X))
        return NETWORK(X)

    resumed = extract(CallableBox(again, 2), kept=kept, rng=0)
    whole = extract(CallableBox(NETWORK, 2), rng=0)
    assert resumed.network == whole.network
    assert resumed.queries == whole.queries
    assert resumed.answered_from_file >= answered
    assert sum(fresh) == whole.queries - resumed.answered_from_file
    assert len(read_npz(kept)["y"]) == whole.queries - 256  # all but the second asking of the first rows


def test_answers_are_also_kept_when_the_box_fails(tmp_path):
    kept, asked = tmp_path / "answers.npz", []

    def failing(X):
        asked.append(len(X))
        if len(asked) > 6:
            raise RuntimeError("gone")
        return NETWORK(X)

    with pytest.raises(InputError, match="RuntimeError: gone"):
        extract(CallableBox(failing, 2), kept=kept, rng=0)
    assert len(read_npz(kept)["y"]) > 256


@pytest.mark.parametrize(
    "arrays", [{"X": np.ones((3, 2)), "y": np.ones(3)}, {"format": np.asarray("twolayer.queries"), "y": np.ones(3)}]
)
def test_a_file_of_anything_else_is_refused(tmp_path, arrays):
    np.savez(tmp_path / "other.npz", **arrays)
    assert refusal(NETWORK, kept=tmp_path / "other.npz").endswith("is not a file of queries with 2 inputs")


def test_a_file_of_another_box_is_refused(tmp_path):
    kept = tmp_path / "answers.npz"
    asked = oracle(NETWORK, kept=kept)
    asked.save()
    assert refusal(lambda X: X[:, 0], dim=3, kept=kept).endswith("is not a file of queries with 3 inputs")


@pytest.mark.parametrize("seed", [0, 1])
def test_answers_of_a_nearly_equal_box_are_refused(tmp_path, seed):
    kept = tmp_path / "answers.npz"
    oracle(NETWORK, kept=kept).save()
    for other in (lambda X: NETWORK(X) * (1 + 1e-8), lambda X: NETWORK(X).astype(np.float32)):
        with pytest.raises(InputError, match="are of another box"):
            Oracle(CallableBox(other, 2, "box"), 10**6, kept, np.random.default_rng(seed))


@pytest.mark.parametrize("seed", [0, 1])
def test_answers_of_another_box_are_not_blamed_on_this_one(tmp_path, seed):
    kept = tmp_path / "answers.npz"
    oracle(NETWORK, kept=kept).save()

    def other(X):
        return 2 * NETWORK(X)

    with pytest.raises(InputError, match=r"^the answers in .*answers.npz are of another box: .* to which box answers"):
        Oracle(CallableBox(other, 2, "box"), 10**6, kept, np.random.default_rng(seed))
    noise = np.random.default_rng(1)
    assert "is not deterministic" in refusal(lambda X: NETWORK(X) + noise.standard_normal(len(X)), kept=kept)


def test_a_box_of_values_near_the_largest_number_is_refused_without_noise():
    """Warnings are errors here."""

    def huge(X):
        return 1e308 * np.tanh(X[:, 0])

    def huger(X):
        return huge(X) - huge(-X)

    with pytest.raises(InputError, match=r"^huge must give values between 1e-100 and 1e\+100 in magnitude, found 9"):
        extract(CallableBox(huge, 2), rng=0)
    with pytest.raises(InputError, match=r"^huger must give finite numbers, found -inf"):
        extract(CallableBox(huger, 2), rng=0)


def test_an_answer_that_refuses_to_become_an_array_is_refused_in_a_sentence():
    class Tensor:
        def __array__(self, *_, **__):
            raise RuntimeError("Can't call numpy() on Tensor that requires grad")

    box = CallableBox(lambda _: Tensor(), 3, "net")
    with pytest.raises(InputError, match=r"^net must give an array of numbers: Can"):
        Oracle(box, 1000, None, np.random.default_rng(0))
