"""The configuration of a figure: one of its sizes, changed by a TOML file."""

import math
import tomllib
from collections.abc import Iterator
from typing import Any, get_type_hints

import msgspec
from msgspec import inspect

from twolayer.errors import InputError
from twolayer.experiments.figure import Config, Figure
from twolayer.files import FilePath, distrust

__all__ = ["SIZES", "allowed", "configuration"]

SIZES = ("smoke", "paper")


def configuration(figure: Figure, size: str, path: FilePath | None = None) -> Config:
    """Return the configuration of a figure at a size, with what a TOML file says in its place.

    Parameters
    ----------
    figure : Figure
    size : str
        "smoke" or "paper".
    path : path, optional
        A TOML file; its keys are the fields of the figure's configuration. What it does not name stays.

    Raises
    ------
    InputError
        If there is no such size or file, or it is no TOML, has a key that does not exist, or a value out of its range;
        it says which key, and what is allowed there.
    """
    if size not in SIZES:
        raise InputError(f"a size is {' or '.join(SIZES)}, found {size!r}")
    config = figure.smoke if size == "smoke" else figure.paper
    if path is None:
        return config
    with distrust(path, "TOML"), open(path, "rb") as stream:  # noqa: PTH123
        changes = tomllib.load(stream)
    for key in changes:
        if key not in figure.config.__struct_fields__:
            known = ", ".join(figure.config.__struct_fields__)
            raise InputError(f"{path}: there is no key {key!r}; the keys of {figure.name} are {known}")
    for place in _not_finite(changes):
        raise InputError(f"{path}: {place} must be finite{_allowed_at(figure, place)}")
    try:
        return msgspec.convert({**msgspec.to_builtins(config), **changes}, figure.config)
    except msgspec.ValidationError as error:
        reason, _, place = str(error).partition(" - at `")
        # msgspec calls the whole "$"
        key = place.rstrip("`").removeprefix("$").removeprefix(".")
        where = f"{key}: " if key else ""
        raise InputError(f"{path}: {where}{_lowered(reason)}{_allowed_at(figure, key)}") from error


def allowed(config: type[Config], field: str) -> str:
    """Return what a field of a configuration may be, in words."""
    return _described(inspect.type_info(get_type_hints(config, include_extras=True)[field]))


def _allowed_at(figure: Figure, place: str) -> str:
    field = place.partition(".")[0].partition("[")[0]
    return f"; {field} is {allowed(figure.config, field)}" if field else ""


def _described(kind: Any) -> str:
    match kind:
        case inspect.LiteralType():
            return f"one of {', '.join(map(str, kind.values))}"
        case inspect.IntType():
            return f"a whole number{_range(kind)}"
        case inspect.FloatType():
            return f"a number{_range(kind)}"
        case inspect.BoolType():
            return "true or false"
        case inspect.VarTupleType() | inspect.ListType():
            least = f" of at least {kind.min_length}" if kind.min_length else ""
            return f"a list{least}, each {_described(kind.item_type)}"
        case inspect.StrType():
            return "text"
    return str(kind)


def _range(kind: Any) -> str:
    bounds = (("at least", kind.ge), ("above", kind.gt), ("at most", kind.le), ("below", kind.lt))
    words = [f"{word} {bound}" for word, bound in bounds if bound is not None]
    return f", {' and '.join(words)}" if words else ""


def _not_finite(value: Any, place: str = "") -> Iterator[str]:
    """Places of the numbers that are NaN or infinite, which no range excludes."""
    if isinstance(value, dict):
        for key, entry in value.items():
            yield from _not_finite(entry, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for index, entry in enumerate(value):
            yield from _not_finite(entry, f"{place}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield place


def _lowered(text: str) -> str:
    return text[:1].lower() + text[1:]
