"""Whether an instance is what it says: everything in it computed anew, from its arrays and from its seed."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from twolayer.errors import InputError
from twolayer.files import FilePath
from twolayer.instances.files import input_arrays, instance_digest, load_instance
from twolayer.instances.instance import Family, Inputs, Instance
from twolayer.papers.families import checked_options, family_named, make_instance

__all__ = ["Verification", "verify_instance"]


@dataclass(frozen=True)
class Verification:
    """An instance that was found to be what it says, and what was looked at.

    Attributes
    ----------
    family : str
    digest : str
        SHA-256 of its content.
    checks : tuple of str
        One line for each check that it passed.
    """

    family: str
    digest: str
    checks: tuple[str, ...]


def verify_instance(instance: Instance | FilePath) -> Verification:
    """Check an instance, or a file of one, against its own claim.

    Nothing that it says of itself is believed. Its arrays must have the shapes that its options ask for; it is made
    anew from family, options and seed, and must be equal to that in every array, in the words of its claim and in its
    citation; its labels are computed from its planted network, and each number of its claim from its arrays. Whoever
    changes a file and computes its digest anew is refused too.

    Parameters
    ----------
    instance : Instance or path

    Returns
    -------
    Verification

    Raises
    ------
    InputError
        If anything differs, naming the first thing that does; or if the file cannot be read, see `load_instance`.

    Notes
    -----
    Costs as much as making the instance. Text and integers, of whatever type, and the labels of a family whose labels
    are exact, are compared exactly; arrays with other entries to the family's `rounding` of the largest of each row, so
    that a file made on another machine passes. What an option does not change in any array or word is not told from
    its default.
    """
    if not isinstance(instance, Instance):
        return _verified_file(instance)
    family = family_named(instance.family)
    made = _made_anew(family, instance)
    _compare_words(instance, made)
    _compare_arrays(family, instance, made)
    checks = [
        f"claim and citation are those of {family.name} for these options",
        f"X, y and the planted network are those of seed {instance.seed}",
        _labels_check(family, instance),
        _sizes_check(family, instance, made),
    ]
    return Verification(family.name, instance_digest(instance), tuple(checks))


def _verified_file(path: FilePath) -> Verification:
    loaded = load_instance(path)
    try:
        found = verify_instance(loaded)
    except InputError as error:
        raise InputError(f"{os.fspath(path)} is refused: {error}") from None
    return Verification(found.family, found.digest, ("the content gives the digest", *found.checks))


def _made_anew(family: Family, instance: Instance) -> Instance:
    """Make it anew, if its options are whole and ask for no larger arrays than it has."""
    options = checked_options(family, instance.options)
    for name, value in options.items():
        if name not in instance.options:
            raise InputError(f"its options lack {name!r}")
        if type(instance.options[name]) is not type(value):
            raise InputError(f"its option {name!r} is of type {type(instance.options[name]).__name__}")
    own = {"X": instance.X, **(instance.planted or {})}
    for name, shape in family.shapes(options).items():
        found = np.shape(own[name]) if name in own else None
        if found != shape:
            shown = name if name == "X" else f"planted {name}"
            raise InputError(f"its {shown} has shape {_short(found)}, and its options ask for {_short(shape)}")
    return make_instance(instance.family, instance.seed, **instance.options)


def _compare_words(instance: Instance, made: Instance) -> None:
    pairs = [
        ("citation", instance.citation, made.citation),
        ("statement", instance.claim.statement, made.claim.statement),
        ("theorem", instance.claim.theorem, made.claim.theorem),
        ("assumption", instance.claim.assumption, made.claim.assumption),
    ]
    for name, found, expected in pairs:
        if found != expected:
            raise InputError(f"its {name} is {_short(found)}, and {made.family} says {_short(expected)}")
    _compare_sizes(instance.claim.sizes, made.claim.sizes, "made anew it is")


def _compare_arrays(family: Family, instance: Instance, made: Instance) -> None:
    if (instance.planted is None) != (made.planted is None):
        raise InputError(f"it has {'no' if instance.planted is None else 'a'} planted network, and should not")
    found, expected = _arrays(instance), _arrays(made)
    for name in sorted(found.keys() ^ expected.keys()):
        raise InputError(f"it {'lacks' if name in expected else 'should not have'} the array {name!r}")
    for name, array in expected.items():
        is_exact = (name == "y" and not family.tolerance) or _is_whole(array)
        slack = 0.0 if is_exact else family.rounding * _row_scale(name, array, made.X)
        _compare_array(name, found[name], array, slack, "made anew it is")


def _is_whole(array: NDArray[Any]) -> bool:
    return array.dtype.kind != "f" or bool(np.all(array == np.rint(array)))


def _row_scale(name: str, array: NDArray[Any], X: Inputs) -> NDArray[Any]:
    """Largest magnitude in the row of each entry, or in all of a vector."""
    sizes = np.abs(array)
    if name == "X_data" and isinstance(X, sparse.csr_array):
        largest = np.zeros(X.shape[0])
        row = np.repeat(np.arange(X.shape[0]), np.diff(X.indptr))
        np.maximum.at(largest, row, sizes)
        return np.asarray(largest[row])
    return np.asarray(sizes.max(axis=-1, keepdims=True, initial=0.0))


def _arrays(instance: Instance) -> dict[str, NDArray[Any]]:
    planted = {f"planted {name}": np.asarray(array) for name, array in (instance.planted or {}).items()}
    return {**planted, **input_arrays(instance.X), "y": np.asarray(instance.y)}


def _compare_array(
    name: str, found: NDArray[Any], expected: NDArray[Any], slack: NDArray[Any] | float, source: str
) -> None:
    """Refuse an array of another type or shape, or with an entry that is further off than `slack`."""
    if found.dtype.newbyteorder("=") != expected.dtype or found.shape != expected.shape:
        raise InputError(
            f"its {name} is {found.dtype} of shape {found.shape}, and {source} {expected.dtype} of shape"
            f" {expected.shape}"
        )
    if expected.dtype.kind == "f" and np.any(slack):
        with np.errstate(invalid="ignore"):
            equal = np.abs(found - expected) <= slack  # false where either is NaN
    else:
        equal = found == expected
    if not np.all(equal):
        place = tuple(int(index) for index in np.argwhere(~np.atleast_1d(equal))[0])
        spot = f" at {', '.join(map(str, place))}" if found.ndim else ""
        first, second = (_short(np.atleast_1d(array)[place].item()) for array in (found, expected))
        raise InputError(f"its {name}{spot} is {first}, and {source} {second}")


def _labels_check(family: Family, instance: Instance) -> str:
    if instance.planted is None:
        return "no planted network is claimed"
    labels = np.asarray(family.labels(instance.planted, instance.X))
    slack = family.tolerance * float(np.abs(labels).max(initial=0.0))
    _compare_array("y", np.asarray(instance.y), labels, slack, "from the planted network it is")
    return f"{len(labels)} labels are those of the planted network"


def _sizes_check(family: Family, instance: Instance, made: Instance) -> str:
    sizes = dict(family.sizes(instance.X, instance.y, instance.planted, instance.options))
    drawn = {name: made.claim.sizes[name] for name in family.drawn_sizes}
    _compare_sizes(instance.claim.sizes, sizes | drawn, "computed from its arrays it is")
    return f"{len(sizes)} sizes are those of the arrays"


def _compare_sizes(found: Mapping[str, int | float], expected: Mapping[str, int | float], source: str) -> None:
    for name in sorted(found.keys() ^ expected.keys()):
        raise InputError(f"its claim {'lacks' if name in expected else 'should not have'} the size {name[:40]!r}")
    for name, value in expected.items():
        stated, is_whole = found[name], isinstance(value, int | np.integer)
        # what another machine's linear algebra may change
        if is_whole != isinstance(stated, int | np.integer) or not (
            stated == value or (not is_whole and abs(stated - value) <= 1e-9 * abs(value))
        ):
            raise InputError(f"its claim states {name} = {_short(stated)}, and {source} {_short(value)}")


def _short(value: Any) -> str:
    """Write a value so that no file can make the sentence long."""
    most = 100  # what a file says may be long
    text = repr(value)
    return text if len(text) <= most else f"{text[:most]}..."
