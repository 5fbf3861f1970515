"""How exactly an instance is compared with the one made anew, and what is refused before one is made."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse

from twolayer import InputError
from twolayer.papers import verification
from twolayer.papers.daniely2020hardness.instances import families
from twolayer.papers.families import make_instance
from twolayer.papers.verification import verify_instance


def with_array(instance, name, change):
    """The instance with X or one of its planted arrays changed."""
    if name == "X":
        return replace(instance, X=change(instance.X))
    key = name.removeprefix("planted ")
    return replace(instance, planted={**instance.planted, key: change(instance.planted[key])})


def test_what_is_whole_is_compared_exactly_and_the_rest_to_rounding_of_its_row():
    whole = make_instance("sign_cnn", 3, samples=300)
    X = whole.X.copy()
    X.data[0] *= 1 + 5e-10
    with pytest.raises(InputError, match=r"X_data at 0 is -?\d\.0000000005, "):
        verify_instance(replace(whole, X=X))
    planar = make_instance("planar", 3, samples=30)
    for name, place in (("X", (7, 2)), ("planted W", (0, 0))):

        def changed(array, place=place):
            array = array.copy()
            array[place] += 1e-11
            return array

        with pytest.raises(InputError, match=f"{name} at {place[0]}, {place[1]} "):
            verify_instance(with_array(planar, name, changed))

    def rounded(array):
        return array * (1 + np.finfo(float).eps)

    for name in ("X", "planted W"):  # as another machine might have it
        assert verify_instance(with_array(planar, name, rounded)).family == "planar"


@pytest.mark.parametrize(
    "options",
    [
        {"width": 1000, "variables": 2000, "samples": 2100},
        {"added": 10**8},
        {"added": 10**8, "law": "gaussian"},
    ],
)
def test_a_small_forged_file_cannot_ask_for_a_huge_transform(monkeypatch, options):
    """Inputs without non-zeros have any shape for nothing, and where labels are coins nothing else has a shape."""
    scattered = make_instance("random_network", 3, is_scattered=True, samples=300)
    options = {**scattered.options, **options}
    X = sparse.csr_array((options["samples"], (options["variables"] + 1) * options["width"] + options["added"]))
    forged = replace(scattered, options=options, X=X, y=np.zeros(options["samples"]))
    monkeypatch.setattr(families, "fully_connected_transform", None)
    monkeypatch.setattr(families, "autoregressive", None)
    with pytest.raises(InputError, match="entries, and at most 134217728 are allowed"):
        verify_instance(forged)


@pytest.mark.parametrize(
    ("family", "option", "value"),
    [
        ("planar", "samples", 5 * 10**8),
        ("planar", "dim", 10**9),
        ("sign_cnn", "samples", 5 * 10**8),
        ("sign_cnn", "variables", 10**8),
        ("random_network", "added", 10**9),
        ("overcomplete", "width", 2000),
        ("halfspaces", "halfspaces", 10**9),
        ("cosine", "harmonics", 10**9),
    ],
)
def test_options_that_ask_for_larger_arrays_than_there_are_are_refused_before_anything_is_made(
    monkeypatch, family, option, value
):
    instance = make_instance(family, 3, samples=300)
    monkeypatch.setattr(verification, "make_instance", None)
    forged = replace(instance, options={**instance.options, option: value})
    with pytest.raises(InputError, match="its options ask for"):
        verify_instance(forged)
    with pytest.raises(InputError, match="its options ask for"):
        verify_instance(replace(forged, planted={}))
