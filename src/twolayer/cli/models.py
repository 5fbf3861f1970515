"""The commands that read networks out of model files, and write them for other programs."""

from pathlib import Path
from typing import Annotated, Any

import typer

from twolayer.cli.conventions import AsJson, NetworkFile, print_json, require_npz, require_other, require_writable
from twolayer.errors import InputError

__all__ = ["export", "read"]


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
    screen.print(units_table(found.network))
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
    from twolayer.network import TwoLayerNetwork

    require_writable(output)
    require_other(output, [network])
    export_model(TwoLayerNetwork.load(network), output, to, link=link)
    typer.echo(f"wrote {output}")
