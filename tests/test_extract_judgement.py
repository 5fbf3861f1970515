"""The verdict: every rule and every threshold has a network, or a box, that only it decides."""

from dataclasses import replace

import numpy as np
import pytest

from twolayer import InputError, TwoLayerNetwork
from twolayer.activation import activation
from twolayer.extract import CallableBox, Check, Declared, Status
from twolayer.extract.judgement import Wanted, judged
from twolayer.extract.judgement import _check as check_of
from twolayer.extract.querying import Oracle
from twolayer.extract.standards import ExtractionStandards
from twolayer.extract.verdict import Findings, verdict
from twolayer.extract.view import View
from twolayer.network import Polynomial

STANDARDS = ExtractionStandards()
SINGLE = float(np.finfo(np.float32).eps)
RNG = np.random.default_rng(3)
TRUTH = TwoLayerNetwork([1.0, -1.5, 0.7], RNG.standard_normal((3, 4)) / 2, [0.3, -0.5, 0.8], "tanh", Polynomial(0.2))
RAMPS = replace(TRUTH, activation="relu")


def judge(function, network, scale=1.0, wanted=Wanted(), dim=4, declared=Declared()):  # noqa: B008 - Wanted is frozen
    """The judgement of a network that is claimed to be in a box."""
    rng = np.random.default_rng(0)
    box = CallableBox(function, dim)
    box.declared = declared
    view = View(Oracle(box, 10**6, None, rng), rng)
    linear = network.polynomial.linear
    linear = None if linear is None else linear * view.units.lengths / view.units.size
    own = TwoLayerNetwork(
        network.a / view.units.size,
        network.W * view.units.lengths,
        network.b,
        network.activation,
        Polynomial((network.polynomial.constant - view.units.level) / view.units.size, linear),
    )
    found = judged(view, own, scale, wanted, rng, ExtractionStandards())
    if (
        network.activation == found.network.activation == TRUTH.activation and not view.units.level
    ):  # ramps are oriented anew, a level rounds
        assert found.network == network
    return found


def raised(network, by):
    return replace(network, polynomial=Polynomial(network.polynomial.constant + by))


# --- the table of rules, row by row ---

EXACT = Check(1.0, 100, 1e-12, 1e-13, 1e-9)
SHOWN = np.ones(2)


def findings(largest=1e-12, tolerance=1e-9, far=(), shown=SHOWN, **others):
    near = Check(1.0, 100, largest, largest, tolerance)
    return Findings((near,), far, shown, **others)


@pytest.mark.parametrize(
    ("found", "status"),
    [
        (findings(), Status.EQUAL),
        (findings(largest=2e-9), Status.DIFFERENT),
        (findings(far=(Check(1e3, 100, 2e-9, 1e-9, 1e-9),)), Status.DIFFERENT),
        (findings(largest=3e-6, tolerance=1e-5), Status.INEXACT),
        (findings(largest=1e-6, tolerance=1e-5), Status.EQUAL),
        # what a far check leaves is not held against the fit
        (findings(far=(Check(1e3, 100, 5e-6, 1e-9, 1e-5),)), Status.EQUAL),
        (findings(shown=np.array([1.0, 0.7])), Status.NOT_SHOWN),
        (findings(shown=np.array([1.0, 1.3])), Status.NOT_SHOWN),
        (findings(shown=np.array([0.9, 1.1])), Status.EQUAL),
        (findings(shown=np.zeros(0)), Status.EQUAL),
        (findings(wanted_width=2), Status.EQUAL),
        (findings(wanted_width=3), Status.OTHER_WIDTH),
        (findings(tolerance=2e-3), Status.COARSE),
        (findings(tolerance=2e-3, is_quantised=True), Status.COARSE),
        (findings(largest=1e-2, tolerance=2e-3), Status.DIFFERENT),
        (findings(largest=1e-2, tolerance=2e-3, is_quantised=True), Status.COARSE),
        (findings(largest=1e-2, tolerance=5e-4, is_quantised=True), Status.DIFFERENT),
        # the gravest that holds is the one
        (findings(largest=2e-9, shown=np.zeros(2), wanted_width=3), Status.DIFFERENT),
        (findings(largest=3e-6, tolerance=1e-5, shown=np.zeros(2), wanted_width=3), Status.INEXACT),
        (findings(shown=np.zeros(2), wanted_width=3), Status.NOT_SHOWN),
    ],
)
def test_the_status_follows_from_what_was_found(found, status):
    assert verdict(found) is status


def test_a_box_is_coarse_where_no_near_scale_is_fine():
    fine, coarse = EXACT, replace(EXACT, tolerance=2e-3)
    assert Findings((coarse, coarse), (), SHOWN).is_coarse
    assert not Findings((coarse, fine), (), SHOWN).is_coarse
    assert not Findings((fine,), (coarse,), SHOWN).is_coarse


# --- the thresholds, each between two networks or boxes ---


@pytest.mark.parametrize(
    ("roundings", "status"),
    [(0, Status.EQUAL), (20, Status.EQUAL), (60, Status.INEXACT), (150, Status.INEXACT), (300, Status.DIFFERENT)],
)
def test_networks_are_told_from_their_box_by_roundings_of_its_answers(roundings, status):
    size = np.abs(TRUTH(10 * np.random.default_rng(1).standard_normal((4096, 4)))).max()
    found = judge(lambda X: TRUTH(X).astype(np.float32), raised(TRUTH, roundings * SINGLE * size))
    assert found.status is status


@pytest.mark.parametrize(("share", "status"), [(5e-10, Status.EQUAL), (5e-9, Status.DIFFERENT)])
def test_no_box_is_held_to_more_than_nine_digits(share, status):
    spread = TRUTH(STANDARDS.near_scales[0] * np.random.default_rng(1).standard_normal((4096, 4))).std()
    assert judge(TRUTH, raised(TRUTH, share * spread)).status is status


STEEP = TwoLayerNetwork([1.0], [[1e3, 0.0, 0.0, 0.0]], [1e3], "tanh", Polynomial(0.0))


@pytest.mark.parametrize(("off", "status"), [(0.0, Status.EQUAL), (5e-4, Status.EQUAL), (2e-2, Status.DIFFERENT)])
def test_where_a_step_is_steep_the_rounding_of_its_argument_counts(off, status):
    """Terms of 2000: a float32 box rounds the argument by 2e-4, and 200 such in ten."""
    found = judge(lambda X: STEEP(X).astype(np.float32), replace(STEEP, b=STEEP.b + off))
    assert found.status is status


@pytest.mark.parametrize(("slope", "status"), [(1.0, Status.EQUAL), (1.3, Status.EQUAL), (3.0, Status.NOT_SHOWN)])
def test_a_step_so_narrow_that_no_row_falls_on_it_is_seen_at_its_own_hyperplane(slope, status):
    """The median of tanh(±2) as the network has it, beside tanh(±2/slope): 0.95 and 0.6."""
    narrow = TwoLayerNetwork([1.0], [[1e6, 0.0, 0.0, 0.0]], [5e5], "tanh", Polynomial(0.0))
    found = judge(narrow, replace(narrow, W=slope * narrow.W, b=slope * narrow.b))
    assert found.status is status


@pytest.mark.parametrize(("turned", "is_explained"), [(0.0, True), (2e-3, True), (3e-2, False)])
def test_far_out_hyperplanes_of_float32_boxes_are_known_to_half_their_digits(turned, is_explained):
    """Square root of the precision times 20 is 0.7 %."""
    far = TwoLayerNetwork(
        np.r_[TRUTH.a, 1.0],
        np.vstack([TRUTH.W, [0.6, 0.5, 0.4, 0.5]]),
        np.r_[TRUTH.b, 1e4],
        "tanh",
        TRUTH.polynomial,
    )
    W, b = far.W.copy(), far.b.copy()
    W[-1, 1] *= 1 + turned
    b[-1] *= 1 + turned
    found = judge(lambda X: far(X).astype(np.float32), replace(far, W=W, b=b))
    assert all(check.largest <= check.tolerance for check in found.checks) is is_explained
    assert any(check.largest > 0.1 for check in found.checks) is (turned > 0)  # some rows do see it


@pytest.mark.parametrize(("step", "status"), [(5e-6, Status.EQUAL), (5e-5, Status.COARSE), (0.5, Status.COARSE)])
def test_quantised_answers_are_too_coarse_where_they_explain_a_thousandth(step, status):
    assert judge(lambda X: np.round(TRUTH(X) / step) * step, TRUTH).status is status


def noisy(share):
    """A box with noise that is a function of the row, from its bits, as uniform as these are mixed."""
    factors = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64)

    def box(X):
        mixed = (np.ascontiguousarray(X).view(np.uint64) * factors).sum(axis=1, dtype=np.uint64)
        mixed = (mixed ^ (mixed >> np.uint64(29))) * factors[0]
        return TRUTH(X) + share * ((mixed >> np.uint64(11)) / 2.0**53 - 0.5)

    return box


@pytest.mark.parametrize(("noise", "status"), [(1e-6, Status.EQUAL), (0.03, Status.COARSE), (0.6, Status.DIFFERENT)])
def test_noise_explains_no_more_than_a_tenth(noise, status):
    assert judge(noisy(noise), TRUTH).status is status


def test_a_check_shows_the_row_that_rounding_explains_least_of():
    X = np.array([[1.0, 0, 0, 0], [0, 1.0, 0, 0], [0, 0, 1.0, 0], [0, 0, 0, 1.0]])
    y = np.array([1.0, -1.0, 1.0, -1.0])
    flat = TwoLayerNetwork(np.zeros(0), np.zeros((0, 4)), np.zeros(0), "relu", Polynomial(0.0, [1.0, 1.0, 1.01, -1.0]))
    check = check_of(flat, 1.0, X, y, np.array([1e-3, 3.0, 1e-3, 1e-3]))
    assert (check.largest, check.tolerance, check.rows) == (pytest.approx(0.01), 1e-3, 4)
    assert check.rms == pytest.approx(1.0, rel=1e-4)


@pytest.mark.parametrize("constant", [0.0, 0.1, -3e5])
def test_where_all_is_constant_near_by_differences_are_relative_to_it(constant):
    """Ramps that begin at 1e4, seen at scale 1, and a network whose constant is a last digit off."""
    far = TwoLayerNetwork([1.0, -1.5, 0.7], TRUTH.W, [-1e4, -2e4, -3e4], "relu", Polynomial(constant))
    off = replace(far, polynomial=Polynomial(constant * (1 + np.finfo(float).eps)))
    assert judge(far, off).status is Status.EQUAL


def test_a_coarse_box_is_compared_far_out_too():
    noise = noisy(0.03)  # and off the axes, along which the units of the view are found
    found = judge(lambda X: noise(X) + 50 * (np.abs(X).max(axis=1) > 1e5) * np.all(X, axis=1), TRUTH)
    assert found.status is Status.DIFFERENT
    assert next(check.scale for check in found.checks if check.largest > check.tolerance) == 1e5


# --- each scale ---


@pytest.mark.parametrize("scale", [0.3, 1.0, 3.0, 10.0, *(10.0**k for k in range(2, 11))])
def test_a_box_that_differs_at_one_scale_only_is_not_called_equal(scale):
    """In a shell: a row of four normal numbers is 1.9 long, and seldom below a half or above four."""

    def box(X):
        size = np.linalg.norm(X, axis=1) / scale
        return TRUTH(X) + 1e-3 * ((size > 1.6) & (size < 2.2))

    found = judge(box, TRUTH)
    assert found.status is Status.DIFFERENT
    assert any("Network and box differ" in note for note in found.notes)


@pytest.mark.parametrize("factor", [0.3, 1e2])
def test_near_and_far_are_counted_from_the_scale_of_the_units(factor):
    small = replace(TRUTH, W=TRUTH.W * 100)

    def box(X):
        size = np.linalg.norm(X, axis=1) / (0.01 * factor)
        return small(X) + 1e-3 * ((size > 1.6) & (size < 2.2))

    assert judge(box, small, scale=0.01).status is Status.DIFFERENT


def test_rows_on_which_they_differ_are_found_where_one_in_a_thousand_is_such():
    def box(X):
        return TRUTH(X) + 1e-3 * (np.abs(X[:, 0]) > 0.975 * np.linalg.norm(X, axis=1))

    rows = np.random.default_rng(1).standard_normal((100_000, 4))
    assert 0.0005 < np.mean(box(rows) != TRUTH(rows)) < 0.005
    assert judge(box, TRUTH).status is Status.DIFFERENT


def test_what_cancels_far_out_is_compared_as_far_as_rounding_lets():
    W = np.vstack([TRUTH.W, TRUTH.W])
    clipped = TwoLayerNetwork(np.r_[TRUTH.a, -TRUTH.a], W, np.r_[TRUTH.b + 1, TRUTH.b - 1], "relu", Polynomial(0.0))
    found = judge(clipped, clipped)
    assert found.status is Status.EQUAL
    far = [check for check in found.checks if check.scale > 10]
    assert far[-1].scale < STANDARDS.far_scales[-1]
    assert all(check.tolerance <= STANDARDS.coarse for check in far[:-1])
    assert far[-1].tolerance > 1e-5  # of 200 roundings of what cancels, at 1e8 and more


def test_ramps_that_cancel_are_told_apart_beyond_the_rounding_of_what_cancels():
    """At scale 1e6 the sums of 1e6 are known to 1e-10 each: 1e-6 is not explained, and near by nothing is seen."""
    W = np.vstack([TRUTH.W, TRUTH.W])
    clipped = TwoLayerNetwork(np.r_[TRUTH.a, -TRUTH.a], W, np.r_[TRUTH.b + 1, TRUTH.b - 1], "relu", Polynomial(0.0))
    found = judge(lambda X: clipped(X) + 1e-5 * (np.linalg.norm(X, axis=1) > 1e6), clipped)
    assert found.status is Status.DIFFERENT


@pytest.mark.parametrize(("share", "status"), [(1e-7, Status.EQUAL), (3e-5, Status.DIFFERENT)])
def test_beside_a_large_constant_far_rows_are_held_to_what_the_finest_near_ones_tell(share, status):
    """A constant of 1e9 leaves 1e-4 of the values at the nearest scale, and 5e-6 at the widest."""

    def box(X):
        y = RAMPS(X)
        return y * (1 + share * (np.linalg.norm(X, axis=1) > 1e5)) + 1e9

    assert judge(box, raised(RAMPS, 1e9)).status is status


# --- what is said ---


def test_what_is_claimed_is_what_was_asked_for():
    assert judge(RAMPS, RAMPS, wanted=Wanted(width=3)).status is Status.EQUAL
    assert judge(RAMPS, RAMPS, wanted=Wanted(width=4)).status is Status.OTHER_WIDTH


def test_a_network_without_units_says_how_far_none_was_seen():
    flat = TwoLayerNetwork(np.zeros(0), np.zeros((0, 4)), np.zeros(0), "relu", Polynomial(0.2))
    found = judge(TRUTH, flat)
    assert found.status is Status.DIFFERENT
    assert "No unit was found on inputs up to scale 1e+10." in found.notes


def test_the_largest_difference_is_that_of_the_row_that_rounding_explains_least():
    found = judge(TRUTH, raised(TRUTH, 1e-3))
    for check in found.checks:
        assert check.rms == pytest.approx(check.largest, rel=1e-6)
        assert check.rows == (STANDARDS.near_rows if check.scale <= 10 else STANDARDS.far_rows)
    assert found.largest_difference == max(check.largest for check in found.checks)


@pytest.mark.parametrize(("roundings", "is_linear"), [(0.0, False), (200.0, False), (5000.0, True)])
def test_a_linear_part_of_a_thousand_roundings_is_none(roundings, is_linear):
    """Of the sum of the units: so much is left of orientations that add up to no linear part."""
    u = roundings * np.finfo(float).eps * np.abs(RAMPS.a[:, None] * RAMPS.W).sum() * np.array([0.5, -0.5, 0.5, 0.5])
    with_part = replace(RAMPS, polynomial=Polynomial(0.2, u))
    found = judge(with_part, with_part)
    assert found.status is Status.EQUAL
    assert (found.network.polynomial.linear is not None) is is_linear
    assert any("An affine part is left" in note for note in found.notes) is is_linear


@pytest.mark.parametrize(
    ("wanted", "declared", "name"),
    [
        (None, None, "tanh"),
        (None, "sigmoid", "sigmoid"),
        (None, "tanh", "tanh"),
        ("sigmoid", None, "sigmoid"),
        ("tanh", "sigmoid", "tanh"),
    ],
)
def test_a_step_is_written_as_asked_or_as_the_box_says(wanted, declared, name):
    wanted = Wanted(None if wanted is None else activation(wanted))
    found = judge(TRUTH, TRUTH, wanted=wanted, declared=Declared(3, declared))
    assert found.status is Status.EQUAL
    assert found.network.activation.name == name
    assert "tanh(t) = 2 sigmoid(2t) - 1: the box may be written with either." in found.notes


def test_an_erf_is_not_written_with_a_sigmoid():
    truth = replace(TRUTH, activation="erf")
    found = judge(truth, truth, declared=Declared(3, "sigmoid"))
    assert found.network.activation.name == "erf"
    assert not any("tanh" in note for note in found.notes)


def test_ramps_are_written_as_asked():
    found = judge(RAMPS, RAMPS, wanted=Wanted(activation("abs")))
    assert found.network.activation.name == "abs"
    assert found.status is Status.EQUAL


@pytest.mark.parametrize(("width", "says"), [(None, False), (2, False), (3, False), (5, True)])
def test_units_that_the_box_declares_and_does_not_show_are_counted(width, says):
    found = judge(RAMPS, RAMPS, declared=Declared(width, "relu"))
    assert any("The box declares 5 units and shows 3: 2 are dead" in note for note in found.notes) is says
    assert any("The box declares" in note for note in found.notes) is says
    assert found.declared_width == width


def test_the_notes_tell_the_first_difference_and_the_worst_of_what_is_left():
    size = np.abs(TRUTH(10 * np.random.default_rng(1).standard_normal((4096, 4)))).max()
    found = judge(lambda X: TRUTH(X).astype(np.float32), raised(TRUTH, 60 * SINGLE * size))
    worst = max(found.checks[:4], key=lambda check: check.largest / check.tolerance)
    assert any(f"On inputs of scale {worst.scale:.2g} {worst.largest:.1e} of" in note for note in found.notes)
    different = judge(TRUTH, raised(TRUTH, 1e-3))
    assert any(f"differ on inputs of scale {different.checks[0].scale:.2g}: by" in note for note in different.notes)
    assert sum("differ on inputs" in note for note in different.notes) == 1
    assert not any("agree to" in note or "is left over" in note for note in different.notes)
    equal = judge(TRUTH, TRUTH)
    seen = max(equal.checks[:4], key=lambda check: check.tolerance).tolerance
    assert any(f"agree to {max(1e-9, seen / 5):.1e} of" in note for note in equal.notes)
    single = judge(lambda X: TRUTH(X).astype(np.float32), TRUTH)
    most = max(check.tolerance for check in single.checks[:4]) / 5
    assert any(f"agree to {most:.1e} of" in note for note in single.notes)


def test_an_affine_part_beside_steps_is_no_matter_of_their_orientation():
    with_part = replace(TRUTH, polynomial=Polynomial(0.2, [1.0, 0.0, -1.0, 0.5]))
    assert not any("affine" in note for note in judge(with_part, with_part).notes)


def test_units_are_looked_at_on_their_own_scale():
    small = replace(TRUTH, W=TRUTH.W * 100)
    for scale in (0.01, 1.0):
        found = judge(small, small, scale=scale)
        np.testing.assert_allclose([check.scale for check in found.checks[:4]], scale * np.array([0.3, 1, 3, 10]))
        assert found.checks[4].scale == pytest.approx(100 * scale)


@pytest.mark.parametrize("reach", [5.0, 50.0, 5000.0])
def test_a_box_is_compared_as_far_as_it_answers(reach):
    """Rows of four normal numbers; at a third of the scale all must be answered."""

    def box(X):
        if np.abs(X).max() > 6 * reach:
            raise ValueError("too far")
        return TRUTH(X)

    rng = np.random.default_rng(0)
    view = View(Oracle(CallableBox(TRUTH, 4), 10**6, None, rng), rng)
    view.oracle.box = CallableBox(box, 4)
    own = replace(TRUTH, a=TRUTH.a / view.units.size, polynomial=Polynomial(0.2 / view.units.size))
    found = judged(view, own, 1.0, Wanted(), rng, STANDARDS)
    assert found.status is Status.EQUAL
    assert found.checks[-1].scale == max(
        scale for scale in STANDARDS.near_scales + STANDARDS.far_scales if scale < reach
    )


def test_a_box_that_does_not_answer_where_its_units_are_is_refused():
    rng = np.random.default_rng(0)
    view = View(Oracle(CallableBox(TRUTH, 4), 10**6, None, rng), rng)
    view.oracle.box = CallableBox(lambda X: np.full(len(X), np.nan), 4)
    flat = TwoLayerNetwork(np.zeros(0), np.zeros((0, 4)), np.zeros(0), "tanh", Polynomial(0.2))
    with pytest.raises(InputError, match="must give finite numbers"):
        judged(view, flat, 1.0, Wanted(), rng, STANDARDS)
