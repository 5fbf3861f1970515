"""A summary as text for a terminal of any width, as HTML, and as LaTeX."""

import math
import textwrap
from html import escape

from twolayer.inference.told import Row, Told

__all__ = ["html_of", "latex_of", "number", "text_of"]

_LONGEST = 10  # characters of a number: sign, point, seven digits


def number(value: float, error: float = math.nan) -> str:
    """A number with the digits that its standard error leaves it, two of the error's, in ten characters at most."""
    if not math.isfinite(value):
        return "" if math.isnan(value) else str(value)
    if math.isnan(error) and value == int(value) and abs(value) < 1e6:
        return f"{int(value)}"
    if math.isfinite(error) and error > 0:
        digits = max(0, min(6, 1 - math.floor(math.log10(error))))
    else:
        digits = 6 if value == 0 else max(0, min(6, 5 - math.floor(math.log10(abs(value)))))
    text = f"{value:.{digits}f}"
    if len(text) > _LONGEST - (value > 0) or (
        value and abs(value) < 1e-4 and not (math.isfinite(error) and error > abs(value) / 10)
    ):
        text = f"{value:.3g}"
    return "0" if float(text) == 0 else text


def text_of(summary: Told, width: int, most_rows: int | None) -> str:
    """The summary in lines of at most `width` characters."""
    width = max(width, 40)
    lines = [*textwrap.wrap(f"{summary.status}: {summary.advice}", width), ""]
    lines += textwrap.wrap(summary.formula, width)
    lines += _facts(summary, width)
    lines += ["", *_table(summary, width, most_rows)]
    if summary.notes:
        lines.append("")
    for note in summary.notes:
        lines += textwrap.wrap(note, width, initial_indent="- ", subsequent_indent="  ")
    return "\n".join(lines)


def _facts(summary: Told, width: int) -> list[str]:
    """Facts beside each other, as many as fit a line."""
    lines = [""]
    for name, value in summary.facts:
        fact = f"{name} {value}"
        if lines[-1] and len(lines[-1]) + 3 + len(fact) > width:
            lines.append("")
        lines[-1] += f"{'   ' if lines[-1] else ''}{fact}"
    return lines


def _table(summary: Told, width: int, most_rows: int | None) -> list[str]:
    """One line a number: unit, weight, coefficient, standard error, interval, and p-value where it fits."""
    shown = summary.rows if most_rows is None else summary.rows[:most_rows]
    tail = f"{(1 - summary.level) / 2:.3g}", f"{(1 + summary.level) / 2:.3g}"
    headings = ["coef", "std err", f"[{tail[0]}", f"{tail[1]}]"]
    cells = [_cells(row) for row in shown]
    has_p = width >= 70
    if has_p:
        headings.append("p")
    count = len(headings)
    sizes = [max(len(headings[k]), *(len(row[k]) for row in cells), 4) if cells else 8 for k in range(count)]
    gap = 2 if 5 + sum(sizes) + 2 * count + 8 <= width else 1
    while count > 2 and width - 5 - sum(sizes[:count]) - gap * count < 6:  # narrow: no intervals, then no errors
        count -= 2 if count == 4 else 1
    room = max(6, width - 5 - sum(sizes[:count]) - gap * count)
    longest = max([len(row.name) for row in shown] + [6])
    room = min(room, longest)
    sizes, headings = sizes[:count], headings[:count]
    head = f"{'unit':>4} {'weight':<{room}}" + "".join(f"{' ' * gap}{headings[k]:>{sizes[k]}}" for k in range(count))
    lines, unit = [head, "-" * len(head)], None
    for row, parts in zip(shown, cells, strict=True):
        label = "" if row.unit is None or row.unit == unit else str(row.unit)
        unit = row.unit
        line = f"{label:>4} {_short(row.name, room):<{room}}{' ' * gap}{parts[0]:>{sizes[0]}}"
        if row.remark:
            line += f"{' ' * gap}{row.remark}"
        else:
            line += "".join(f"{' ' * gap}{parts[k]:>{sizes[k]}}" for k in range(1, count))
        lines.append(line.rstrip()[:width])
    if len(shown) < len(summary.rows):
        lines.append(f"... {len(summary.rows) - len(shown)} more weights")
    return lines


def _cells(row: Row) -> list[str]:
    return [
        number(row.coefficient, row.error),
        _error(row.error),
        number(row.lower, row.error),
        number(row.upper, row.error),
        "" if math.isnan(row.p_value) else "<1e-16" if row.p_value < 1e-16 else f"{row.p_value:.2g}",
    ]


def _error(value: float) -> str:
    return "" if math.isnan(value) else f"{value:#.2g}".rstrip(".")


def _short(name: str, room: int) -> str:
    return name if len(name) <= room else name[: room - 1] + "~"


def html_of(summary: Told) -> str:
    """A table with a coloured verdict, which says in words what the colour says."""
    colour = ("#00664f", "#ffffff") if summary.is_certified else ("#8a4b00", "#ffffff")
    chip = (
        f'<span style="background:{colour[0]};color:{colour[1]};padding:0.1em 0.5em;border-radius:0.3em;'
        f'font-weight:600">{escape(summary.status)}</span>'
    )
    right = 'style="text-align:right;padding:0 0.6em;font-variant-numeric:tabular-nums"'
    left = 'style="text-align:left;padding:0 0.6em"'
    interval = f"{summary.level * 100:.3g} % interval"
    heads = ("unit", "weight", "coef", "std err", interval, "p")
    head = "".join(f'<th scope="col" {left if i < 2 else right}>{name}</th>' for i, name in enumerate(heads))
    body, unit = [], None
    for row in summary.rows:
        cells = _cells(row)
        label = "" if row.unit is None or row.unit == unit else str(row.unit)
        unit = row.unit
        line = f"<td {left}>{label}</td><td {left}>{escape(row.name)}</td><td {right}>{cells[0]}</td>"
        if row.remark:
            line += f'<td colspan="3" {left}><em>{row.remark}</em></td>'
        else:
            line += f"<td {right}>{cells[1]}</td><td {right}>{cells[2]} to {cells[3]}</td><td {right}>{cells[4]}</td>"
        body.append(f"<tr>{line}</tr>")
    facts = " · ".join(f"{escape(name)} <b>{escape(value)}</b>" for name, value in summary.facts)
    notes = "".join(f"<li>{escape(note)}</li>" for note in summary.notes)
    return (
        f'<div style="overflow-x:auto"><p>{chip} {escape(summary.advice)}</p>'
        f"<p><b>{escape(summary.formula)}</b><br>{facts}</p>"
        f'<table style="border-collapse:collapse"><thead><tr style="border-bottom:1px solid">{head}</tr></thead>'
        f"<tbody>{''.join(body)}</tbody></table>{f'<ul>{notes}</ul>' if notes else ''}</div>"
    )


_SPECIAL = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "*": r"$\times$",
}


def latex_of(summary: Told) -> str:
    """A ``tabular`` in the manner of booktabs."""
    lines = [
        r"\begin{tabular}{rlrrrrr}",
        r"\toprule",
        rf"\multicolumn{{7}}{{l}}{{{_tex(summary.status)}: {_tex(summary.formula)}}} \\",
        r"\multicolumn{7}{l}{" + _tex(", ".join(f"{name} {value}" for name, value in summary.facts[:1])) + r"} \\",
        r"\midrule",
        rf"unit & weight & coef & std err & {(1 - summary.level) / 2:.3g} & {(1 + summary.level) / 2:.3g} & $p$ \\",
        r"\midrule",
    ]
    unit = None
    for row in summary.rows:
        cells = [f"${cell.replace('<', '<')}$" if cell else "" for cell in _cells(row)]
        label = "" if row.unit is None or row.unit == unit else str(row.unit)
        unit = row.unit
        rest = rf"\multicolumn{{4}}{{l}}{{\emph{{{row.remark}}}}}" if row.remark else " & ".join(cells[1:])
        lines.append(rf"{label} & {_tex(row.name)} & {cells[0]} & {rest} \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}"])


def _tex(text: str) -> str:
    return "".join(_SPECIAL.get(character, character) for character in text)
