"""A result as a table that a person reads: verdict first, then every number of the network with how sure it is."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from twolayer.equality import equal_by_value
from twolayer.evidence import Certificate, Status
from twolayer.inference.parameters import Layout, Vector
from twolayer.inference.told import Row, Told
from twolayer.inference.writing import html_of, latex_of, text_of
from twolayer.network import TwoLayerNetwork

__all__ = ["FIXED", "UNKNOWN", "Summary", "frame_of", "rows_of", "summary_of"]

FIXED, UNKNOWN = "fixed by convention", "no data can tell"


@equal_by_value
@dataclass(frozen=True, eq=False, repr=False)
class Summary(Told):
    """What there is to say of a result, `Told`; to print it is to read it."""

    def as_text(self, width: int = 80, most_rows: int | None = None) -> str:
        """The table in lines of at most `width` characters, from 40 on; with `most_rows`, the first so many rows."""
        return text_of(self, width, most_rows)

    def as_html(self) -> str:
        """A piece of HTML that needs no style sheet."""
        return html_of(self)

    def as_latex(self) -> str:
        """A ``tabular`` with rules of the package booktabs."""
        return latex_of(self)

    def to_frame(self) -> Any:
        """The rows as a pandas DataFrame, indexed by unit and name."""
        return frame_of(self.rows)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, fit for JSON."""
        from dataclasses import asdict

        from twolayer.plain import plain

        return plain(asdict(self))

    def __str__(self) -> str:
        return self.as_text()

    def __repr__(self) -> str:
        return self.as_text()

    def _repr_html_(self) -> str:
        return self.as_html()


def frame_of(rows: Sequence[Row]) -> Any:
    """Rows as a pandas DataFrame, indexed by unit and name.

    Raises
    ------
    InputError
        If pandas is not installed.
    """
    from twolayer.errors import InputError

    try:
        import pandas
    except ImportError:
        raise InputError("a DataFrame needs pandas: pip install pandas") from None
    index = pandas.MultiIndex.from_tuples(
        [("" if row.unit is None else row.unit, row.name) for row in rows], names=["unit", "weight"]
    )
    columns = {
        "coef": [row.coefficient for row in rows],
        "std_err": [row.error for row in rows],
        "lower": [row.lower for row in rows],
        "upper": [row.upper for row in rows],
        "p_value": [row.p_value for row in rows],
        "remark": [row.remark for row in rows],
    }
    return pandas.DataFrame(columns, index=index)


def rows_of(layout: Layout, errors: Vector, intervals: Any, p_values: Vector, unknown: Any) -> tuple[Row, ...]:
    """The numbers of a network in the order in which they are read: polynomial part, then unit by unit."""
    network = layout.network
    free, values = layout.is_free, layout.values
    order = [i for i, one in enumerate(layout.parameters) if one.unit is None]
    first = {"a": 0, "W": 1, "b": 2}
    of_units = [i for i, one in enumerate(layout.parameters) if one.unit is not None]
    order += sorted(of_units, key=lambda i: (layout.parameters[i].unit, first[layout.parameters[i].role]))
    rows = []
    for i in order:
        one = layout.parameters[i]
        if one.role == "b" and not layout.has_bias:
            continue
        remark = UNKNOWN if unknown[i] else "" if free[i] else FIXED
        # where an outer weight is zero, nothing is known of the unit's row: a t test of it has no known law
        p_value = np.nan if one.role == "a" else p_values[i]
        given = (np.nan,) * 4 if remark else (errors[i], intervals[i][0], intervals[i][1], p_value)
        error, lower, upper, p = (float(number) for number in given)
        rows.append(Row(one.unit, one.name, float(values[i]), error, lower, upper, p, remark))
    if network.polynomial is None:
        rows.insert(0, Row(None, "constant", 0.0, np.nan, np.nan, np.nan, np.nan, FIXED))
    return tuple(rows)


def summary_of(
    network: TwoLayerNetwork,
    status: Status,
    certificate: Certificate,
    rows: tuple[Row, ...],
    *,
    outputs: tuple[str, ...],
    level: float,
    link: str = "identity",
    kind: str | None = None,
) -> Summary:
    """Put together what there is to say."""
    residual = certificate.residual
    facts = [
        ("rows", str(certificate.n_rows)),
        ("parameters", str(certificate.n_parameters)),
        ("rows a parameter", f"{certificate.n_rows / max(certificate.n_parameters, 1):.3g}"),
        ("R2", _share(1 - residual**2)),
        ("residual", f"{residual:.2g} of the spread of {outputs[0] if len(outputs) == 1 else 'the outputs'}"),
        ("noise", f"{certificate.noise:.3g}"),
    ]
    if certificate.score_test is not None:
        facts.append(("lack of fit", f"p = {certificate.score_test.p_value:.2g}"))
    if kind is not None:
        facts.append(("errors", kind))
    notes = (*(choice.summary() for choice in certificate.choices), *certificate.notes)
    return Summary(
        status.name,
        status.value,
        status.is_certified,
        formula_of(network, outputs, link),
        tuple(facts),
        rows,
        notes,
        level,
    )


def formula_of(network: TwoLayerNetwork, outputs: tuple[str, ...], link: str = "identity") -> str:
    """In words, what the network is."""
    P = network.polynomial
    before = ""
    if P is not None:
        before = {0: "constant + ", 1: "constant + linear part + ", 2: "constant + linear and quadratic part + "}[
            P.degree
        ]
    many = "unit" if network.width == 1 else "units"
    of = "input" if network.dim == 1 else "inputs"
    left = outputs[0] if len(outputs) == 1 else f"({', '.join(outputs)})"
    right = f"{before}{network.width} {network.activation.name} {many} on {network.dim} {of}"
    return f"{left} = {right}" if link == "identity" else f"{left} = {link}({right})"


def _share(value: float) -> str:
    """R² with as many nines as are meant."""
    if value > 1 - 1e-12:
        return "1"
    digits = 4 if value < 0.999 else int(min(12, 2 - np.floor(np.log10(1 - value))))
    return f"{value:.{digits}f}"
