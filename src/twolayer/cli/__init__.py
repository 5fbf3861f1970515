"""The command line: typer over the library's tables, and no mathematics.

`conventions` has the exit codes, and what the commands share. Modules that take long to import (numpy, scipy,
matplotlib) are imported by the command that needs them.
"""

import codecs
import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from twolayer import __version__
from twolayer.cli import applying, audit, extraction, figures, instances, models, networks
from twolayer.cli.conventions import BAD_INPUT, FAULT, INTERRUPTED, NOBODY_READS, require_writable
from twolayer.errors import InputError

__all__ = ["app", "complain", "main", "require_writable", "run"]

HELP = {"help_option_names": ["-h", "--help"]}

FIRST_STEPS = """Examples:

twolayer demo

twolayer recover clinic.csv --target dose --fit fit.npz --plot fit.svg

twolayer extract model.onnx -o network.npz"""

app = typer.Typer(
    name="twolayer",
    help="Recover two-layer neural networks from samples, with a certificate.",
    epilog=FIRST_STEPS,
    context_settings=HELP,
    pretty_exceptions_enable=False,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code; whatever is wrong is said in one sentence."""
    codecs.register_error("twolayer.spelled", _spelled)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal of another encoding has not all of our letters
            stream.reconfigure(errors="twolayer.spelled")
    try:
        code = run(arguments)
    except Exception as fault:
        if os.environ.get("TWOLAYER_TRACEBACK"):
            raise
        complain(f"{type(fault).__name__}: {fault} (a fault of twolayer; TWOLAYER_TRACEBACK=1 shows where)")
        code = FAULT
    sys.exit(code)


_LETTERS = {
    "‖": "||",
    "σ": "sigma",
    "Σ": "Sum",
    "≤": "<=",
    "≥": ">=",
    "…": "...",
    "·": "*",
    "×": "x",
    "−": "-",
    "–": "-",
    "²": "^2",
    "√": "sqrt",
    "∈": "in",
    "≠": "!=",
    "∞": "inf",
    "π": "pi",
    "λ": "lambda",
    "κ": "kappa",
    "é": "e",
}


def _spelled(error: UnicodeError) -> tuple[str, int]:
    """What stands for letters that an encoding has not."""
    assert isinstance(error, UnicodeEncodeError)
    text = error.object[error.start : error.end]
    return "".join(_LETTERS.get(letter, "?") for letter in text), error.end


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    try:
        code = app(arguments, prog_name="twolayer", standalone_mode=False) or 0
        if code == INTERRUPTED:
            complain("interrupted")
    except typer.TyperException as misuse:
        complain(misuse.format_message())
        code = BAD_INPUT
    except InputError as refusal:
        complain(str(refusal))
        code = BAD_INPUT
    except (KeyboardInterrupt, typer.Abort):
        complain("interrupted")
        code = INTERRUPTED
    except SystemExit:  # how typer ends where nobody reads standard output any more
        code = NOBODY_READS
    except MemoryError as failure:
        complain(f"not enough memory: {str(failure) or 'ask for less'}")
        code = BAD_INPUT
    except OSError as failure:
        complain(f"{failure.filename or 'the system'}: {failure.strerror or failure}")
        code = BAD_INPUT
    return code


def complain(message: str) -> None:
    """Say on standard error, in one line, what went wrong."""
    typer.echo(f"Error: {' '.join(message.split())}", err=True)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", metavar="", help="Show the version and exit.", is_eager=True)
    ] = False,
) -> None:
    """Recover two-layer neural networks from samples, with a certificate."""
    if version:
        typer.echo(f"twolayer {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


PANELS = {
    "Use": (networks.demo, networks.recover, applying.show, applying.predict, networks.compare, extraction.extract),
    "Model files": (models.read, models.export, models.reduce),
    "Study": (audit.audit, networks.sample, extraction.decompose, instances.theory),
    "Papers": (figures.figure, figures.report),
}
EXAMPLES = {
    "recover": "twolayer recover samples.csv --target y --fit fit.npz",
    "predict": "twolayer predict fit.npz new.csv --std -o values.csv",
    "show": "twolayer show fit.npz",
    "extract": "twolayer extract model.onnx -o network.npz",
    "compare": "twolayer compare network.npz teacher.npz",
    "sample": "twolayer sample --dim 20 --width 5 -n 2000 -o samples.npz --teacher teacher.npz",
    "decompose": "twolayer decompose tensor.npy -o terms.npz",
}

for panel, commands in PANELS.items():
    for command in commands:
        example = EXAMPLES.get(command.__name__)
        app.command(
            rich_help_panel=panel, context_settings=HELP, epilog=None if example is None else f"Example:  {example}"
        )(command)
app.command(context_settings=instances.PASSED_ON, add_help_option=False, rich_help_panel="Study")(instances.instance)
app.command("list", rich_help_panel="Study", context_settings=HELP)(networks.list_names)
