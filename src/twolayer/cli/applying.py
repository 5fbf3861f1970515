"""The commands on what is there already: `show` says what any file holds, `predict` applies a network to new rows."""

from pathlib import Path
from typing import Annotated, Any

import typer

from twolayer.cli.conventions import (
    AsJson,
    Header,
    NetworkFile,
    Without,
    print_json,
    require_other,
    require_writable,
)
from twolayer.errors import InputError

__all__ = ["predict", "show"]

_KINDS = {"twolayer.network": "network", "twolayer.result": "result", "twolayer.queries": "answers"}


def show(
    file: Annotated[
        Path, typer.Argument(help="A network, a result, samples, an instance or a decomposition.", show_default=False)
    ],
    every: Annotated[bool, typer.Option("--all", metavar="", help="Print every weight, however many.")] = False,
    as_json: AsJson = False,
) -> None:
    """Show what a file holds: a network, a result, samples, an instance, a decomposition, kept answers."""
    from twolayer.display import console, facts, units_table

    kind, entries = _kind_of(file)
    screen = console()
    if kind == "network":
        from twolayer.network import TwoLayerNetwork

        network = TwoLayerNetwork.load(file)
        if as_json:
            print_json({"kind": kind, **facts(network)})
            return
        screen.print(repr(network).strip("<>"))
        screen.print(units_table(network, screen.width))
        screen.print(f"path norm {network.path_norm():.6g}")
    elif kind == "result":
        from twolayer.recover import Result

        result = Result.load(file)
        if as_json:
            print_json({"kind": kind, **result.to_dict()})
        else:
            typer.echo(result.summary().as_text(screen.width, None if every else 60))
    else:
        _show_other(file, kind, entries, as_json)


def predict(
    network: NetworkFile,
    rows: Annotated[
        Path,
        typer.Argument(help="New inputs: a table with their names or in their order, or an .npy.", show_default=False),
    ],
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Where the values go (.csv or .npy); else they are printed.")
    ] = None,
    std: Annotated[
        bool, typer.Option("--std", metavar="", help="Give standard errors too; needs a result, of recover --fit.")
    ] = False,
    without: Without = None,
    header: Header = None,
    as_json: AsJson = False,
) -> None:
    """Apply a network to new rows: one value a line, or a file of them."""
    import numpy as np

    from twolayer.files import write_csv, write_npy

    if output is not None:
        if output.suffix.lower() not in (".csv", ".npy"):
            raise InputError(f"values are written to .csv or .npy files, found {output}")
        require_other(output, [network, rows])
        require_writable(output)
    found, result = _loaded(network)
    inputs = None if result is None else result.inputs
    X = _inputs(rows, found.dim, inputs, header, without or [])
    if std and result is None:
        raise InputError(f"{network} is a network without standard errors: give a result, as recover --fit writes it")
    if std:
        values, errors = result.predict(X, return_std=True)
        columns = np.column_stack([values, errors])
    else:
        columns = np.column_stack([found(X) if result is None else result.predict(X)])
    names = list(result.outputs) if result is not None and result.outputs is not None else _outputs(found.n_outputs)
    names += [f"{name} std" for name in names] if std else []
    if output is not None and output.suffix.lower() == ".npy":
        write_npy(output, columns if columns.shape[1] > 1 else columns[:, 0])
    elif output is not None:
        write_csv(output, columns, names)
    if as_json:
        told: dict[str, Any] = {
            "columns": names,
            "rows": len(columns),
            "output": None if output is None else str(output),
        }
        print_json({**told, "values": columns if output is None else None})
    elif output is not None:
        typer.echo(f"wrote {output}, {len(columns)} rows")
    else:
        typer.echo(",".join(names))
        for row in columns:
            typer.echo(",".join(f"{value:.17g}" for value in row))


def _outputs(count: int) -> list[str]:
    return ["y"] if count == 1 else [f"y{j + 1}" for j in range(count)]


def _loaded(path: Path) -> tuple[Any, Any]:
    """The network of a file, and the result where it is one."""
    from twolayer.network import TwoLayerNetwork
    from twolayer.recover import Result

    kind, _ = _kind_of(path)
    if kind == "result":
        result = Result.load(path)
        return result.network, result
    return TwoLayerNetwork.load(path), None


def _inputs(rows: Path, dim: int, inputs: tuple[str, ...] | None, header: bool | None, without: list[str]) -> Any:
    """The inputs of new rows: by name where table and network have names, else in their order."""
    from twolayer.files import read_npy
    from twolayer.sources import read_inputs

    if rows.suffix.lower() == ".npy":
        return read_npy(rows)
    return read_inputs(rows, dim, inputs, header=header, without=without)


def _kind_of(path: Path) -> tuple[str, dict[str, tuple[int, ...]]]:
    """What a file is, by the names of its entries, and their shapes."""
    from twolayer.files import read_npz

    if path.suffix.lower() in (".csv", ".tsv", ".txt", ".dat", ".parquet", ".pq"):
        return "samples", {}
    entries = read_npz(path)
    shapes = {name: value.shape for name, value in entries.items()}
    if "head" in entries and {"y", "sha256"} <= entries.keys():
        return "instance", shapes
    form = str(entries["format"]) if "format" in entries and entries["format"].ndim == 0 else ""
    if form in _KINDS:
        return _KINDS[form], shapes
    if {"X", "y"} <= entries.keys():
        return "samples", shapes
    return ("decomposition" if {"weights", "factors"} <= entries.keys() else "network"), shapes


def _show_other(path: Path, kind: str, entries: dict[str, tuple[int, ...]], as_json: bool) -> None:
    """Say what a file holds that is neither a network nor a result, and what it is good for."""
    told: dict[str, Any] = {"kind": kind}
    if kind == "samples":
        from twolayer.sources import read_named_samples

        read = read_named_samples(path)
        told |= {"rows": len(read.X), "inputs": read.inputs or read.X.shape[1], "outputs": read.outputs or 1}
        names = ": " + ", ".join(read.inputs) if read.inputs else ""
        target = f", target {', '.join(read.outputs)}" if read.outputs else ""
        told |= {"notes": read.notes, "next": f"twolayer recover {path}"}
        lines = [f"samples: {len(read.X)} rows of {read.X.shape[1]} inputs{names}{target}", *read.notes]
    else:
        told["entries"] = {name: list(shape) for name, shape in entries.items()}
        following = {"instance": f"twolayer instance verify {path}", "answers": "twolayer extract --resume"}
        told["next"] = following.get(kind)
        lines = [f"{kind}: " + ", ".join(f"{name} {tuple(shape)}" for name, shape in entries.items())]
    if as_json:
        print_json(told)
        return
    for line in lines:
        typer.echo(line)
    if told.get("next"):
        typer.echo(f"next: {told['next']}")
