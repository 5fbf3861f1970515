"""The command line: typer over the library's tables, and no mathematics.

`conventions` has the exit codes, and what the commands share. Modules that take long to import (numpy, scipy,
matplotlib) are imported by the command that needs them.
"""

import sys
from collections.abc import Sequence
from typing import Annotated

import typer

from twolayer import __version__
from twolayer.cli import audit, extraction, figures, instances, networks
from twolayer.cli.conventions import BAD_INPUT, INTERRUPTED, NOBODY_READS, require_writable
from twolayer.errors import InputError

__all__ = ["app", "complain", "main", "require_writable", "run"]

app = typer.Typer(
    name="twolayer",
    help="Recover two-layer neural networks from samples, with a certificate.",
    add_completion=False,
    pretty_exceptions_enable=False,
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and leave with its exit code; whatever is wrong is said in one sentence."""
    sys.exit(run(arguments))


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
    version: Annotated[bool, typer.Option("--version", help="Show the version and exit.", is_eager=True)] = False,
) -> None:
    """Recover two-layer neural networks from samples, with a certificate."""
    if version:
        typer.echo(f"twolayer {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


for command in (
    networks.demo,
    networks.sample,
    networks.recover,
    extraction.extract,
    audit.audit,
    extraction.decompose,
    networks.compare,
    networks.show,
    instances.theory,
    figures.figure,
    figures.report,
):
    app.command()(command)
app.command(context_settings=instances.PASSED_ON, add_help_option=False)(instances.instance)
app.command("list")(networks.list_names)
