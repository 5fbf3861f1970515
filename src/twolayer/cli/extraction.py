"""The commands on what is not a file of samples: `extract` asks a black box, `decompose` takes a tensor apart."""

from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from twolayer.cli.conventions import (
    NOT_CERTIFIED,
    AsJson,
    Name,
    Seed,
    at_least,
    closing,
    lookup,
    print_json,
    require_npz,
    require_other,
    sign_of_life,
    standard_output_kept,
    verdict,
)
from twolayer.errors import InputError

if TYPE_CHECKING:
    from twolayer.extract import Box

__all__ = ["decompose", "extract"]


def extract(
    target: Annotated[
        str | None, typer.Argument(help="A module:function, or an .onnx file.", show_default=False)
    ] = None,
    command: Annotated[
        str | None, typer.Option(help="Ask a program instead: rows on its standard input, one number a line back.")
    ] = None,
    dim: Annotated[
        int | None, typer.Option(callback=at_least(1), help="Number of inputs, where no file says it.")
    ] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the network goes (.npz).")] = None,
    activation: Annotated[str, typer.Option(help="Its name, as `twolayer list` shows it, or auto.")] = "auto",
    width: Annotated[int | None, typer.Option(callback=at_least(1), help="Number of units, where it is known.")] = None,
    link: Annotated[
        str | None,
        typer.Option(help="What makes the answers of the outputs: logistic, softmax, exp, tanh, auto; as a file says."),
    ] = None,
    budget: Annotated[int, typer.Option(callback=at_least(1), help="The most rows to ask for.")] = 3_000_000,
    resume: Annotated[
        Path | None, typer.Option(help="A file (.npz) that keeps the answers, to go on from after an interruption.")
    ] = None,
    only_estimate: Annotated[
        bool,
        typer.Option(
            "--estimate", metavar="", help="Only say what it will take, of a piecewise linear box, from one line."
        ),
    ] = False,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Find the network inside a black box, by asking it for values."""
    sign_of_life(f"opening {command or target}")
    from twolayer.display import console, facts, narrated, units_table
    from twolayer.extract import CommandBox, extract, open_box

    for path in (output, resume):
        if path is not None:
            require_npz(path)
    if output is not None:
        require_other(output, [Path(given) for given in (target, resume) if given is not None])
        if resume is not None and output.resolve() == resume.resolve():
            raise InputError(f"the output {output} would take the place of the answers kept there: give another name")
    if (target is None) == (command is None):
        raise InputError("give one black box: a module:function, an .onnx file, or --command")
    if command is not None and dim is None:
        raise InputError("the number of inputs of a command is not known: give --dim")
    start = perf_counter()
    with standard_output_kept():
        box = CommandBox(command, dim) if command is not None and dim is not None else open_box(str(target), dim)
        if only_estimate:
            return _estimated(box, budget, seed, as_json)
        with narrated(f"extracting {box.name}") as progress:
            how: dict[str, Any] = {"activation": activation, "width": width, "link": link, "budget": budget}
            result = extract(box, **how, kept=resume, rng=seed, progress=progress)
    seconds = perf_counter() - start
    if output is not None:
        result.network.save(output)
    if as_json:
        print_json(
            {
                "status": result.status.name,
                "is_certified": result.is_certified,
                "advice": result.status.value,
                "evidence": result.to_dict(),
                "network": facts(result.network),
                "output": None if output is None else str(output),
                "seconds": seconds,
            }
        )
    else:
        screen = console()
        screen.print(verdict(result))
        screen.print(repr(result.network).strip("<>"))
        screen.print(units_table(result.network, screen.width))
        screen.print(result.summary())
        if output is not None:
            screen.print(f"wrote {output}")
    return closing(result)


def _estimated(box: "Box", budget: int, seed: int, as_json: bool) -> int:
    """Say what an extraction will take."""
    from dataclasses import asdict

    from twolayer.extract import estimate

    said = estimate(box, budget=budget, rng=seed)
    if said is None:
        raise InputError(f"{box.name} is not piecewise linear along a line: what it takes is not known before")
    if as_json:
        print_json(asdict(said))
    else:
        typer.echo(
            f"{said.units} units seen: up to {said.queries} queries, about {said.seconds:.1f} s and"
            f" {said.megabytes:.0f} MB; {said.asked} queries asked for this"
        )
    return 0


def decompose(
    tensor: Annotated[Path, typer.Argument(help="A symmetric tensor of order 3 or 4 (.npy).", show_default=False)],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where weights and factors go (.npz).")] = None,
    rank: Annotated[str, typer.Option(help="Number of terms, or auto.")] = "auto",
    method: Name = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Decompose a symmetric tensor into rank-one terms; `auto` finds how many."""
    from twolayer.decompose import DECOMPOSITIONS, decompose
    from twolayer.decompose.rank_evidence import in_words, rank_shown, singular_values
    from twolayer.display import components_table, console
    from twolayer.files import read_npy, write_npz

    if output is not None:
        require_npz(output)
        require_other(output, [tensor])
    lookup(DECOMPOSITIONS, method, "decomposition")
    T = read_npy(tensor)
    found = decompose(T, _whole_or_auto(rank), method=method, rng=seed)
    shown = singular_values(T.astype("float64"))
    if output is not None:
        write_npz(output, {"weights": found.weights, "factors": found.factors})
    if as_json:
        print_json(
            {
                "status": found.status.name,
                "is_converged": found.is_converged,
                "advice": found.status.value,
                "rank": found.rank,
                "gap": found.gap,
                "method": found.method,
                "residual": found.residual,
                "singular_values": shown,
                "rank_shown": rank_shown(shown),
                "weights": found.weights,
                "factors": found.factors,
                "output": None if output is None else str(output),
            }
        )
    else:
        screen = console()
        screen.print(components_table(found.weights, found.factors))
        if found.gap is not None:
            screen.print(f"rank {found.rank}: singular values fall there by a factor of {found.gap:.3g}")
        screen.print(f"relative residual {found.residual:.1e}, by {found.method}")
        if found.residual > 0 and not found.is_exact:
            screen.print(in_words(shown, found.rank))
        if output is not None:
            screen.print(f"wrote {output}")
        typer.echo(f"{found.status.name}: {found.status.value}", err=not found.is_converged)
    return 0 if found.is_converged else NOT_CERTIFIED


def _whole_or_auto(rank: str) -> int | Literal["auto"]:
    if rank == "auto":
        return "auto"
    try:
        return int(rank)
    except ValueError:
        raise InputError(f"--rank is a number of terms or auto, found {rank!r}") from None
