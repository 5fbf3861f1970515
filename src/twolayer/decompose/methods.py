"""The table of algorithms: each decomposes a symmetric tensor into a given number of rank-one terms."""

from twolayer.decompose.automatic import automatic
from twolayer.decompose.jennrich import jennrich
from twolayer.decompose.kcl import kcl, kcl_inverse
from twolayer.decompose.least_squares import least_squares
from twolayer.decompose.power import power
from twolayer.decompose.shared_factors import shared_factors
from twolayer.decompose.simultaneous import joint_diagonalisation
from twolayer.decompose.subspace_power import subspace_power
from twolayer.entry import Entry, first_line, table

__all__ = ["DECOMPOSITIONS"]

DECOMPOSITIONS: dict[str, Entry] = table(
    *(
        Entry(name, function, first_line(function))
        for name, function in (
            ("auto", automatic),
            ("jennrich", jennrich),
            ("joint_diagonalisation", joint_diagonalisation),
            ("kcl", kcl),
            ("kcl_inverse", kcl_inverse),
            ("least_squares", least_squares),
            ("power", power),
            ("shared_factors", shared_factors),
            ("subspace_power", subspace_power),
        )
    )
)
