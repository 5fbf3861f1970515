"""The command that says how much of a box can be taken."""

from pathlib import Path
from typing import Annotated

import typer

from twolayer.cli.conventions import AsJson, Seed, at_least, print_json, require_writable, standard_output_kept
from twolayer.errors import InputError

__all__ = ["audit"]


def audit(
    target: Annotated[str, typer.Argument(help="A module:function, or an .onnx file.", show_default=False)],
    dim: Annotated[
        int | None, typer.Option(callback=at_least(1), help="Number of inputs, where no file says it.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="The network (.npz) that it holds; by default what is extracted from it.")
    ] = None,
    digits: Annotated[str, typer.Option(help="Significant digits of the answers, such as 1-16 or 4,6,8.")] = "1-16",
    budget: Annotated[int, typer.Option(callback=at_least(1), help="The most rows of one extraction.")] = 3_000_000,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the picture goes (.png, .svg).")] = None,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Say how much of a box can be taken: against digits of its answers, their type, and the number of queries."""
    from twolayer.display import audit_table, console, narrated
    from twolayer.extract import open_box
    from twolayer.extract.auditing import AuditRules
    from twolayer.extract.auditing import audit as audited
    from twolayer.network import TwoLayerNetwork

    if output is not None:
        require_writable(output)
    rules = AuditRules(digits=_numbers(digits))
    truth = None if reference is None else TwoLayerNetwork.load(reference)
    with standard_output_kept(), narrated(f"auditing {target}") as progress:
        found = audited(open_box(target, dim), truth, rules=rules, budget=budget, rng=seed, report=progress)
    if output is not None:
        from twolayer.pictures import audit_picture

        audit_picture(found).savefig(output)
    if as_json:
        print_json(found.to_dict() | {"output": None if output is None else str(output)})
    else:
        screen = console()
        screen.print(audit_table(found))
        screen.print(found.sentence())
        if not found.is_certified:
            screen.print("The whole answers gave no certified network: units are counted against what they gave.")
        if output is not None:
            screen.print(f"wrote {output}")
    return 0


def _numbers(text: str) -> tuple[int, ...]:
    """Whole numbers from 1 to 17, such as 1-16 or 4,6,8."""
    try:
        ends = [[int(end) for end in part.split("-")] for part in text.split(",")]
    except ValueError:
        ends = []
    numbers = sorted({number for first, *rest in ends for number in range(first, (rest or [first])[-1] + 1)})
    if not numbers or numbers[0] < 1 or numbers[-1] > MOST_DIGITS or any(len(part) > 2 for part in ends):
        raise InputError(f"--digits are numbers from 1 to {MOST_DIGITS}, such as 1-16 or 4,6,8, found {text!r}")
    return tuple(numbers)


MOST_DIGITS = 17
"""Of a float64, in decimal."""
