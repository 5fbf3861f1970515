"""The commands that plant a network, recover it, compare and show."""

import inspect
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Annotated, Any

import typer

from twolayer.cli.conventions import (
    NOT_CERTIFIED,
    NOT_EQUAL,
    AsJson,
    Header,
    Name,
    NetworkFile,
    Seed,
    Target,
    Without,
    at_least,
    closing,
    count_or_auto,
    loaded_network,
    lookup,
    print_json,
    require_npz,
    require_other,
    require_picture,
    require_writable,
    sign_of_life,
    standard_output_kept,
    verdict,
    write_picture,
)
from twolayer.entry import Entry
from twolayer.errors import InputError

__all__ = ["compare", "demo", "list_names", "recover", "sample"]

SHOWN_WEIGHTS = 60  # rows of a table that a reader goes through


def activation_names(incomplete: str) -> list[str]:
    """Names of activations that begin so, for the shell's completion."""
    from twolayer.activation import ACTIVATIONS

    return [name for name in ("auto", *ACTIVATIONS) if name.startswith(incomplete)]


def demo(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Folder for samples.npz, network.npz and recovery.png.")
    ] = Path("twolayer-demo"),
    seed: Seed = 9,
) -> int:
    """Plant a network, recover it from a file of samples, and draw the picture; takes less than a minute."""
    from twolayer.demo import demonstrate
    from twolayer.display import comparison_table, console, narrated

    with suppress(FileExistsError):
        output.mkdir(parents=True)
    for name in ("samples.npz", "network.npz", "recovery.png"):
        require_writable(output / name)
    with narrated("recovering") as progress:
        shown = demonstrate(output, seed, progress)
    screen = console()
    truth, result = shown.truth, shown.result
    screen.print(f"Planted {truth.width} {truth.activation.name} units on {truth.dim} inputs, and recovered them:")
    screen.print(verdict(result))
    screen.print(comparison_table(truth, shown.recovered, shown.errors, screen.width))
    screen.print(result.certificate.summary())
    for path in (shown.samples_path, shown.network_path, shown.picture_path):
        screen.print(f"wrote {path}")
    return closing(result)


def sample(
    output: Annotated[
        Path, typer.Option("--output", "-o", help="Where the samples go (.npz or .csv).", show_default=False)
    ],
    dim: Annotated[int, typer.Option(callback=at_least(1), help="Number of inputs.", show_default=False)],
    width: Annotated[int, typer.Option(callback=at_least(1), help="Number of units.", show_default=False)],
    samples: Annotated[
        int, typer.Option("--samples", "-n", callback=at_least(1), help="Number of samples.", show_default=False)
    ],
    law: Name = "conditioned",
    activation: Name = "relu",
    kappa: Annotated[float | None, typer.Option(help="Condition number, where the law has one.")] = None,
    bias: Annotated[float | None, typer.Option(help="Largest bias, where the law has one.")] = None,
    outputs: Annotated[int | None, typer.Option(help="Number of outputs, where the law may have several.")] = None,
    noise: Annotated[
        float, typer.Option(callback=at_least(0), help="Label noise, in standard deviations of the labels.")
    ] = 0.0,
    teacher: Annotated[Path | None, typer.Option(help="Where the planted network goes (.npz).")] = None,
    seed: Seed = 0,
) -> None:
    """Plant a network and draw samples labelled by it."""
    import numpy as np

    from twolayer.files import check_sample_size
    from twolayer.sources import write_samples
    from twolayer.teachers import LAWS, gaussian_samples

    require_writable(output)
    if teacher is not None:
        require_npz(teacher)
        if teacher.resolve() == output.resolve():
            raise InputError(f"samples and teacher must be different files, found {output} for both")
    draw = lookup(LAWS, law, "law").function
    given = {"kappa": kappa, "bias": bias, "outputs": outputs}
    options = {name: value for name, value in given.items() if value is not None}
    for name in options:
        if name not in inspect.signature(draw).parameters:
            raise InputError(f"the law {law!r} takes no --{name}")
    check_sample_size(samples, dim)
    rng = np.random.default_rng(seed)
    network = draw(dim, width, activation=activation, rng=rng, **options)
    X, y = gaussian_samples(network, samples, rng, noise)
    write_samples(output, X, y)
    if teacher is not None:
        network.save(teacher)


def recover(
    samples: Annotated[
        list[Path],
        typer.Argument(
            help="One .npz with X and y, one table (.csv, .tsv, .txt, .parquet), X.npy and y.npy, or - for one on"
            " standard input.",
            show_default=False,
        ),
    ],
    width: Annotated[str, typer.Option(help="Number of units; auto finds it.")] = "auto",
    activation: Annotated[
        str,
        typer.Option(help="Its name, as `twolayer list` shows it; auto chooses it.", autocompletion=activation_names),
    ] = "auto",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Where the network goes (.npz).")] = None,
    fit: Annotated[
        Path | None, typer.Option(help="Where the whole result goes (.npz): for show, and predict with errors.")
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Where a picture goes (.svg, .png, .pdf).")] = None,
    bias: Annotated[
        bool | None,
        typer.Option(
            "--bias/--no-bias",
            metavar="",
            help="Whether units have biases; decided where width or activation is, else they have none.",
        ),
    ] = None,
    target: Target = None,
    without: Without = None,
    header: Header = None,
    every: Annotated[bool, typer.Option("--all", metavar="", help="Print every weight, however many.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", metavar="", help="Print curvature, conditioning and held-out residual too.")
    ] = False,
    link: Annotated[
        str, typer.Option(help="What makes y of the outputs: identity, logistic, softmax, exp, tanh or auto.")
    ] = "identity",
    method: Name = "auto",
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Recover a network from samples, and say whether the result is certified."""
    sign_of_life(f"reading {samples[0]}")
    from twolayer.display import console, facts, narrated
    from twolayer.recover import recover
    from twolayer.sources import read_named_samples

    for path in (output, fit):
        if path is not None:
            require_npz(path)
            require_other(path, samples)
    require_picture(plot)
    if len(samples) > 2:
        raise InputError(f"samples come in one file or two, found {len(samples)}")
    units = count_or_auto(width, "--width")
    read = read_named_samples(*samples, target=target, header=header, without=without or ())
    start = perf_counter()
    with standard_output_kept(), narrated("recovering") as progress:
        options: dict[str, Any] = {"bias": bias, "link": link, "method": method, "rng": seed, "progress": progress}
        options |= {"inputs": read.inputs, "outputs": read.outputs}
        result = recover(read.X, read.y, units, activation, **options)
    seconds = perf_counter() - start
    if output is not None:
        result.network.save(output)
    if fit is not None:
        result.save(fit)
    if plot is not None:
        write_picture(plot, result.plot())
    if as_json:
        told = result.to_dict()
        print_json(
            {
                **told,
                "network": facts(result.network),
                "notes_on_the_samples": read.notes,
                "output": None if output is None else str(output),
                "fit": None if fit is None else str(fit),
                "seconds": seconds,
                "steps": len(result.history),
            }
        )
    else:
        typer.echo(result.summary().as_text(console().width, None if every else SHOWN_WEIGHTS))
        told_too = [f"- {line}" for line in result.certificate.summary().split("\n")[:7]] if verbose else []
        for line in (*told_too, *(f"- {note}" for note in read.notes), *_written(output, fit, plot)):
            typer.echo(line)
    return closing(result)


def _written(output: Path | None, fit: Path | None, plot: Path | None) -> list[str]:
    """What was written, and what to do with it."""
    lines = [f"wrote {path}" for path in (output, fit, plot) if path is not None]
    kept = fit or output
    return [*lines, f"next: twolayer predict {kept} NEW.csv"] if kept is not None else lines


def compare(
    network: NetworkFile,
    reference: Annotated[Path, typer.Argument(help="The network file to compare with.", show_default=False)],
    rtol: Annotated[
        float, typer.Option(callback=at_least(0), help="Largest relative error of a unit that still counts as equal.")
    ] = (1e-6),
    region: Annotated[
        str | None,
        typer.Option(help="Two numbers, lo,hi: bound the difference of piecewise linear networks on all inputs there."),
    ] = None,
    tolerance: Annotated[
        float, typer.Option(callback=at_least(0), help="Largest difference of the outputs in the region.")
    ] = (1e-9),
    seconds: Annotated[
        float, typer.Option(callback=at_least(0), help="After which the region is given up, not decided.")
    ] = 60.0,
    as_json: AsJson = False,
) -> int:
    """Compare two networks up to the order of their units, or on a region; exit code 1 when they differ."""
    from twolayer.align import recovery_error

    first, second = loaded_network(network), loaded_network(reference)
    if region is not None:
        return _compared_on(region, first, second, tolerance, seconds, as_json=as_json)
    difference = incomparable(first, second)
    error = recovery_error(first, second) if difference is None else float("inf")
    equal = error <= rtol
    if as_json:
        print_json({"equal": equal, "error": error, "rtol": rtol, "difference": difference})
    else:
        verdict = "equal" if equal else "different"
        typer.echo(f"{verdict}: {difference or f'largest relative error {error:.1e}, tolerance {rtol:.1e}'}")
    return 0 if equal else NOT_EQUAL


def _compared_on(region: str, first: Any, second: Any, tolerance: float, seconds: float, *, as_json: bool) -> int:
    """Say what is proved of two networks on a region; exit code 1 when they differ, 3 when that is not decided."""
    from twolayer.difference import Outcome, largest_difference

    try:
        low, high = (float(end) for end in region.split(","))
    except ValueError:
        raise InputError(f"--region is two numbers, lo,hi, found {region!r}") from None
    found = largest_difference(first, second, low, high, tolerance=tolerance, seconds=seconds)
    if as_json:
        print_json(
            {
                "outcome": found.outcome.name,
                "lower": found.lower,
                "upper": found.upper,
                "where": found.where,
                "tolerance": tolerance,
                "parts": found.parts,
            }
        )
    else:
        typer.echo(found.summary())
        typer.echo(f"{found.outcome.name}: {found.outcome.value}")
    return {Outcome.EQUAL: 0, Outcome.DIFFERENT: NOT_EQUAL, Outcome.UNDECIDED: NOT_CERTIFIED}[found.outcome]


def list_names(as_json: AsJson = False) -> None:
    """List what there is: activations, laws, decompositions, links, methods, instances, theories, figures, formats."""
    from twolayer.activation import ACTIVATIONS
    from twolayer.decompose import DECOMPOSITIONS
    from twolayer.display import console, names_table
    from twolayer.formats import EXPORTS, READERS
    from twolayer.links import LINKS
    from twolayer.methods import RECOVERIES
    from twolayer.papers.families import FAMILIES
    from twolayer.papers.figures import FIGURES
    from twolayer.papers.theories import THEORIES
    from twolayer.teachers import LAWS

    tables: dict[str, Mapping[str, Entry]] = {
        "activations": ACTIVATIONS,
        "laws": LAWS,
        "decompositions": DECOMPOSITIONS,
        "links": LINKS,
        "methods": RECOVERIES,
        "families": FAMILIES,
        "theories": THEORIES,
        "figures": FIGURES,
        "files read": READERS,
        "forms written": EXPORTS,
    }
    names = {
        kind: [{"name": name, "summary": entry.summary} for name, entry in table.items()]
        for kind, table in tables.items()
    }
    if as_json:
        print_json(names)
    else:
        console().print(names_table(names))


def incomparable(first: Any, second: Any) -> str | None:
    """Say what about two networks differs so plainly that no matching of units is needed; None if nothing does."""
    for name, of_first, of_second in (
        ("inputs", first.dim, second.dim),
        ("outputs", first.n_outputs, second.n_outputs),
        ("units", first.width, second.width),
        ("activations", first.activation, second.activation),
    ):
        if of_first != of_second:
            return f"{name}: {of_first} and {of_second}"
    return None
