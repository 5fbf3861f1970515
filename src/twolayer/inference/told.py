"""What a summary holds, before it is written."""

from dataclasses import dataclass

__all__ = ["Row", "Told"]


@dataclass(frozen=True)
class Row:
    """One number of the network.

    Attributes
    ----------
    unit : int or None
        None of the polynomial part.
    name : str
    coefficient, error, lower, upper, p_value : float
        NaN where there is none.
    remark : str
        ``"fixed by convention"``, ``"no data can tell"`` or empty.
    """

    unit: int | None
    name: str
    coefficient: float
    error: float
    lower: float
    upper: float
    p_value: float
    remark: str = ""


@dataclass(frozen=True)
class Told:
    """What there is to say of a result.

    Attributes
    ----------
    status : str
        The verdict.
    advice : str
        What it means.
    is_certified : bool
    formula : str
        What the network is.
    facts : tuple of pairs of str
        Rows, parameters, R², noise and what else there is in numbers.
    rows : tuple of Row
        The constant and the linear part first, then unit by unit.
    notes : tuple of str
    level : float
        Of the intervals.
    """

    status: str
    advice: str
    is_certified: bool
    formula: str
    facts: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    level: float
