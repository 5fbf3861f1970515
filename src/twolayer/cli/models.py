"""The commands that read networks out of model files, reduce them, and write them for other programs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from twolayer.cli.conventions import (
    AsJson,
    NetworkFile,
    at_least,
    loaded_network,
    print_json,
    require_npz,
    require_other,
    require_writable,
)
from twolayer.errors import InputError

__all__ = ["export", "read", "reduce"]


def read(
    model: Annotated[
        Path,
        typer.Argument(help="A model file: .onnx, .keras, .h5, .safetensors, .json or .npz.", show_default=False),
    ],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the network goes (.npz).")] = None,
    activation: Annotated[
        str | None, typer.Option(help="What stands between the layers, where the file does not say it (.safetensors).")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Read the network out of a model file: its weights, not its answers."""
    from twolayer.formats import read_model

    if output is not None:
        require_npz(output)
        require_other(output, [model])
    found = read_model(model, activation=activation)
    checked = _compared(found, model)
    if output is not None:
        found.network.save(output)
    if as_json:
        from twolayer.display import facts

        content = {"network": facts(found.network), "link": found.link, "notes": list(found.notes), "checked": checked}
        print_json({**content, "output": None if output is None else str(output)})
        return
    from twolayer.display import console, units_table

    screen = console()
    screen.print(repr(found.network).strip("<>"))
    screen.print(units_table(found.network, screen.width))
    if found.link != "identity":
        screen.print(f"On top of it stands the link {found.link}, which is no part of the network.")
    for note in found.notes:
        screen.print(note)
    if checked is not None:
        screen.print(f"The file itself, run by onnxruntime, differs by {checked:.1e} of its largest value at most.")
    if output is not None:
        screen.print(f"wrote {output}")


def _compared(found: Any, model: Path) -> float | None:
    """The largest difference from what onnxruntime computes with an ONNX file, where it can be asked; refused if large.

    Raises
    ------
    InputError
        If they differ by more than the file's rounding: then the file has not been understood.
    """
    from importlib.util import find_spec

    if model.suffix.lower() != ".onnx" or find_spec("onnxruntime") is None:
        return None
    from twolayer.formats.running import difference

    off = difference(found, model)
    rounds = any("rounds on the way" in note for note in found.notes)
    if off is not None and off > 0.01 and not rounds:
        raise InputError(f"{model} was not understood: what was read differs by {off:.1e} of the file's largest value")
    return off


def export(
    network: NetworkFile,
    output: Annotated[Path, typer.Option("--output", "-o", help="Where it goes.", show_default=False)],
    to: Annotated[
        str | None,
        typer.Option(
            help="In which form: a name of `twolayer list`; by default what the end of the output's name says."
        ),
    ] = None,
    link: Annotated[
        str, typer.Option(help="A function on top of the outputs: identity, logistic, softmax, tanh or exp.")
    ] = "identity",
) -> None:
    """Write a network for another program: ONNX, torch, scikit-learn, C, Excel and others."""
    from twolayer.formats import export_model

    require_writable(output)
    require_other(output, [network])
    export_model(loaded_network(network), output, to, link=link)
    typer.echo(f"wrote {output}")


def reduce(
    network: NetworkFile,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the network goes (.npz).")] = None,
    box: Annotated[
        str | None,
        typer.Option(help="Only inputs from lo to hi count: two numbers, as in --box=-1,1.", metavar="LO,HI"),
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="Rows (.csv, .npy, .npz) at which it has to stay nearly the same.")
    ] = None,
    tolerance: Annotated[
        float | None,
        typer.Option(callback=at_least(0), help="How nearly, in standard deviations of its values: 0.01 by default."),
    ] = None,
    proof: Annotated[bool, typer.Option("--proof", help="Say of each unit that goes by which rule.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find the least network that is the same function: everywhere, on a box, or nearly so on data."""
    from twolayer.reduction import reduce

    if output is not None:
        require_npz(output)
        require_other(output, [network, *([data] if data is not None else [])])
    given = loaded_network(network)
    bounds = None if box is None else _bounds(box)
    rows = None if data is None else _rows(data, given.dim)
    found = reduce(given, box=bounds, data=rows, tolerance=tolerance)
    if output is not None:
        found.network.save(output)
    if as_json:
        from twolayer.display import facts

        content = {**found.to_dict(), "network": facts(found.network)}
        print_json({**content, "output": None if output is None else str(output)})
        return
    from twolayer.display import console, units_table

    screen = console()
    screen.print(found.summary(), highlight=False)
    if proof:
        for removal in found.removals:
            screen.print(str(removal), highlight=False)
    screen.print(repr(found.network).strip("<>"))
    screen.print(units_table(found.network, screen.width))
    if output is not None:
        screen.print(f"wrote {output}")


def _bounds(box: str) -> tuple[float, float]:
    parts = box.split(",")
    try:
        low, high = (float(part) for part in parts)
    except ValueError:
        raise InputError(f"--box is two numbers, as in --box=-1,1, found {box!r}") from None
    return low, high


def _rows(path: Path, dim: int) -> Any:
    """The inputs in a file: the first columns of a table, or X."""
    from twolayer.files import read_npy, read_npz
    from twolayer.tables import read_table

    kind = path.suffix.lower()
    if kind == ".npz":
        entries = read_npz(path)
        if "X" not in entries:
            raise InputError(f"{path} has no entry 'X'")
        return entries["X"]
    rows = read_npy(path) if kind == ".npy" else read_table(path).values
    if rows.ndim != 2 or rows.shape[1] < dim:
        raise InputError(f"{path} must have a column for each of {dim} inputs, found shape {rows.shape}")
    return rows[:, :dim]  # labels, which may follow, are not looked at
