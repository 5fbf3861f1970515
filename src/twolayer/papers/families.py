"""The table of hard instances, and the one way to make one."""

from collections.abc import Mapping
from math import inf, isfinite
from typing import Any

import numpy as np

from twolayer.arrays import real_number, whole_number
from twolayer.entry import table
from twolayer.errors import InputError
from twolayer.files import memory_bytes
from twolayer.instances.instance import Family, Instance, Option
from twolayer.papers.daniely2020hardness.instances import EASY_TWIN, RANDOM_CNN, RANDOM_NETWORK, SIGN_CNN
from twolayer.papers.diakonikolas2020algorithms.instances import PLANAR
from twolayer.papers.e2021hardness.instances import COSINE, HALFSPACES, PARITY
from twolayer.papers.mondelli2019connection.instances import HAAR, OVERCOMPLETE

__all__ = ["FAMILIES", "checked_options", "family_named", "make_instance"]

_SHOWN = 40  # characters of a name that a file may have made long

FAMILIES: dict[str, Family] = table(
    OVERCOMPLETE, HAAR, SIGN_CNN, RANDOM_NETWORK, RANDOM_CNN, EASY_TWIN, PLANAR, PARITY, HALFSPACES, COSINE
)


def make_instance(family: str, seed: int = 0, **options: Option) -> Instance:
    """Make a hard instance: the same family, options and seed make the same one.

    Parameters
    ----------
    family : str
        A name of ``FAMILIES``.
    seed : int
        Seed of everything random, at least 0.
    options : int, float, str or bool
        Those of the family, ``FAMILIES[family].defaults``; each of the type of its default.

    Returns
    -------
    Instance

    Raises
    ------
    InputError
        If there is no such family or option (the message lists those there are), or an option is of another type, out
        of the range that the family allows, or asks for more than the memory, or for numbers beyond floating point.
    """
    known = family_named(family)
    seed = whole_number(seed, "seed", least=0)
    chosen = checked_options(known, options)
    _require_memory(known, chosen)
    try:
        with np.errstate(over="ignore", invalid="ignore"):  # what comes of an overflow is not finite, and refused
            X, y, planted, claim = known.draw(np.random.default_rng(seed), **chosen)
    except (MemoryError, OverflowError, ValueError) as failure:
        if not _is_too_large(failure):
            raise
        why = "a number is too large" if isinstance(failure, OverflowError) else failure or "too little memory"
        raise InputError(f"{family} cannot be made with these options: {why}") from failure
    if not (np.isfinite(y).all() and all(isfinite(size) for size in claim.sizes.values() if isinstance(size, float))):
        raise InputError(f"{family} cannot be made with these options: its labels or sizes are beyond floating point")
    return Instance(known.name, chosen, seed, X, y, planted, claim, known.citation)


def family_named(name: str) -> Family:
    """Return the entry of ``FAMILIES``, or refuse with the names there are."""
    if name not in FAMILIES:
        raise InputError(f"unknown family {name[:_SHOWN]!r}; known are {', '.join(FAMILIES)}")
    return FAMILIES[name]


def checked_options(family: Family, given: Mapping[str, Option]) -> dict[str, Option]:
    """Every option of the family, as given or by default, of its own type.

    Raises
    ------
    InputError
        If the family has no such option, or one is of another type.
    """
    for name in given:
        if name not in family.defaults:
            raise InputError(
                f"{family.name} has no option {name[:_SHOWN]!r}; its options are {', '.join(family.defaults)}"
            )
    return {name: _like(default, given.get(name, default), name) for name, default in family.defaults.items()}


def _require_memory(family: Family, options: Mapping[str, Option]) -> None:
    """Refuse what this machine cannot hold before any of it is made."""
    # an instance, and two more copies of its arrays while it is made
    needed, there = 8 * 3 * family.entries(options), memory_bytes()
    if needed > there:
        raise InputError(
            f"{family.name} needs about {needed / 1e9:.3g} GB of memory with these options, and this machine has"
            f" {there / 1e9:.3g} GB: ask for less, of samples first"
        )


def _is_too_large(failure: Exception) -> bool:
    """Whether what failed is an array that no memory holds; NumPy says so with a ValueError, too."""
    if isinstance(failure, ValueError):
        # how NumPy says that no memory holds an array
        return not isinstance(failure, InputError) and any(
            words in str(failure) for words in ("Maximum allowed", "array is too big", "maximum possible size")
        )
    return True


def _like(default: Option, value: Any, name: str) -> Option:
    """Return `value` in the type of `default`, where it has that type; an int passes for a float."""
    if isinstance(default, bool):
        if not isinstance(value, bool | np.bool_):
            raise InputError(f"{name} must be True or False, found {value!r}")
        return bool(value)
    if isinstance(default, str):
        if not isinstance(value, str):
            raise InputError(f"{name} must be text, found {value!r}")
        return str(value)
    if isinstance(default, int):
        if isinstance(value, bool | np.bool_) or not isinstance(value, int | np.integer):
            raise InputError(f"{name} must be an integer, found {value!r}")
        return int(value)
    return real_number(value, name, least=-inf)
