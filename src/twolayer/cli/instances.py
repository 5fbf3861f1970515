"""The commands of what cannot be learned: `instance` makes and verifies data sets, `theory` evaluates the papers.

Each family of instances is a command of its own with its own options. The families take long to import, so `instance`
passes on what follows it to an application that is made when it is called.
"""

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from twolayer.cli.conventions import AsJson, NetworkFile, Seed, loaded_network, lookup, print_json, require_npz

if TYPE_CHECKING:
    from twolayer.instances import Family, Instance

__all__ = ["PASSED_ON", "instance", "theory"]

PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "allow_interspersed_args": False}

File = Annotated[Path, typer.Option("--output", "-o", help="Where the instance goes (.npz).", show_default=False)]


def instance(context: typer.Context) -> int:
    """Make a data set that defeats a kind of learner, provably, or verify one; `instance --help` lists the families."""
    return int(_families_app()(context.args, prog_name="twolayer instance", standalone_mode=False) or 0)


def theory(
    paper: Annotated[str, typer.Argument(help="Its name, as `twolayer list` shows it.", show_default=False)],
    network: NetworkFile,
    as_json: AsJson = False,
) -> None:
    """Print the quantities of a paper for a network file."""
    from twolayer.display import console, quantities_table
    from twolayer.papers.theories import THEORIES

    found = lookup(THEORIES, paper, "paper")(loaded_network(network))
    if as_json:
        print_json(found)
    else:
        console().print(quantities_table(found))


def verify(
    path: Annotated[Path, typer.Argument(help="An instance file (.npz).", show_default=False)], as_json: AsJson = False
) -> None:
    """Check an instance file against its own claim, from scratch; exit code 2 where anything differs."""
    from twolayer.display import narrated
    from twolayer.papers.verification import verify_instance

    with narrated(f"verifying {path}"):
        found = verify_instance(path)
    if as_json:
        print_json({"accepted": True, "family": found.family, "digest": found.digest, "checks": found.checks})
        return
    for check in found.checks:
        typer.echo(f"ok: {check}")
    typer.echo(f"accepted: {found.family}, sha256 {found.digest}")


def _families_app() -> typer.Typer:
    """One command for each family, and `verify`."""
    from twolayer.papers.families import FAMILIES

    families = typer.Typer(
        name="instance",
        help="Make a data set that defeats a kind of learner, provably, or verify one.",
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @families.callback(invoke_without_command=True)
    def root(context: typer.Context) -> None:
        """Make a data set that defeats a kind of learner, provably, or verify one."""
        if context.invoked_subcommand is None:
            typer.echo(context.get_help())

    for family in FAMILIES.values():
        families.command(family.name, help=family.summary)(_maker(family))
    families.command("verify")(verify)
    return families


def _maker(family: "Family") -> Callable[..., None]:
    """The command of a family: its options are the family's, beside the seed and the output."""

    def make(output: Path, seed: int, as_json: bool, **options: Any) -> None:
        from twolayer.display import narrated
        from twolayer.instances import save_instance
        from twolayer.papers.families import make_instance

        require_npz(output)
        with narrated(f"making {family.name}"):
            made = make_instance(family.name, seed, **options)
            save_instance(made, output)
        if as_json:
            print_json({**_facts(made), "output": str(output)})
        else:
            _print_claim(made)
            typer.echo(f"wrote {output}")

    own = [_option(name, default, family.explanations.get(name)) for name, default in family.defaults.items()]
    shared = [_keyword("output", File), _keyword("seed", Seed, 0), _keyword("as_json", AsJson, False)]
    vars(make)["__signature__"] = inspect.Signature([*own, *shared], return_annotation=None)
    return make


def _option(name: str, default: Any, explanation: str | None) -> inspect.Parameter:
    """Return an option of a family, spelled as the family spells it: --K, --largest-weight, --flag/--no-flag."""
    flag = name.replace("_", "-")
    spelling = f"--{flag}/--no-{flag}" if isinstance(default, bool) else f"--{flag}"
    return _keyword(name, Annotated[type(default), typer.Option(spelling, help=explanation)], default)


def _keyword(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _facts(made: "Instance") -> dict[str, Any]:
    """Return what an instance says of itself, as plain values."""
    from twolayer.instances import instance_digest

    claim = made.claim
    return {
        "family": made.family,
        "options": made.options,
        "seed": made.seed,
        "samples": made.X.shape[0],
        "dim": made.X.shape[1],
        "has_planted_network": made.planted is not None,
        "claim": {
            "statement": claim.statement,
            "theorem": claim.theorem,
            "assumption": claim.assumption,
            "sizes": claim.sizes,
        },
        "citation": made.citation,
        "digest": instance_digest(made),
    }


def _print_claim(made: "Instance") -> None:
    from twolayer.display import console, quantities_table

    claim = made.claim
    planted = "none" if made.planted is None else ", ".join(made.planted)
    typer.echo(f"{made.family}: {made.X.shape[0]} samples of {made.X.shape[1]} inputs; planted network: {planted}")
    typer.echo(f"claim ({claim.theorem}; assumption {claim.assumption}): {claim.statement}.")
    console().print(quantities_table(claim.sizes))
    typer.echo(made.citation)
