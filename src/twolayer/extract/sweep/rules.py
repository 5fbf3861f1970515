"""The numbers that steer a sweep."""

from dataclasses import dataclass

__all__ = ["SweepRules"]


@dataclass(frozen=True)
class SweepRules:
    """How a piecewise linear box is swept.

    A *rounding* is the standard deviation of what rounding does to an answer, as it was measured on the line.

    Attributes
    ----------
    grid, farthest : int, float
        First points of a line t = sinh(s), and the largest |s|: of m hyperplanes the farthest is met at about t = m,
        e^s/2 at 20 is 2e8.
    roundings : float
        By which three points may miss a straight line. Of 100 000 triples none of normal noise misses by 10.
    gives_up, a_kink : int
        A line is given up after so many points, and so many more a kink: a box that bends everywhere has no pieces.
    most_points : int
        Of a line, whatever becomes clear: a smooth step that is narrow beside the line looks like a kink at every look.
        A thousand kinks take some hundred thousand.
    least_a_kink : int
        Points a kink that has become clear: a kink takes eight or nine, and what looks like kinks but is noise, three.
    hidden : float
        Width, relative to the pieces beside it, in which a second kink is not looked for.
    clear : float
        And the same in tolerances over the bend of the function: a kink's place is known to one.
    narrowest : float
        Relative width, in t, below which an interval is cut no more: ten roundings of t.
    hopeless, clear_share : int, float
        A line of so many points of which not this part is beside a kink that is clear bends everywhere.
    rounds : int
        Of cutting, at most: each shortens what is not clear to a third, and 3^30 is 2e14.
    first_step, smaller : float, float
        The first difference step tried, of the width of a piece times √d/10, and by what it is divided while the
        function is not linear in a cube of it. A unit's weights are about 1/√d of its length: a step along one input
        comes no nearer to its hyperplane than that.
    cube : float
        Half-edge of the cube in which linearity is tested, in steps: this over √d, 1 at most. Two deviations of a
        weight: the few larger ones are measured again, once the hyperplanes are known.
    corners, most_steps : int
        Corners of the cube that are tried, and how often the step is made smaller.
    crossing : float
        A step is measured again with another if it reaches so much of the way to a hyperplane: where one was crossed,
        what came of it puts the hyperplane at the very end of the step.
    safe : float
        The part of the way to the nearest hyperplane that a step measured again goes.
    mends : int
        How often that is done.
    worth : float
        Error of a unit, relative to it, as rounding and steps make it, above which its hyperplane is visited where it
        has more room.
    again, far, gain : float, float, float
        The part of the gradients that is measured again at most, where a unit has a larger error; the part of the way
        to the nearest hyperplane that the steps go then; and how much more exact it must be.
    visits : float
        The part of the queries for all gradients that may be spent on such visits; at least one unit is visited.
    through, at_origin : float
        Distance from the origin up to which a hyperplane goes through it, as far as a line at distance 1 tells; and the
        scale of the inputs where all do.
    places : int
        Places on a hyperplane among which that with most room is taken.
    offsets : int
        Rows to a unit from which all biases are solved.
    is_whole : float
        How far an orientation may be from 0 or 1.
    left : float
        Of the linear part, in errors of the units as they are reckoned, what may be left where all are turned right.
    reflections : int
        Of the search for orientations where there are more units than equations.
    lattice : int
        Units up to which orientations are looked for in a lattice: with 60 it takes some seconds.
    a_digit : int
        And as many times the equations: of 25 signs there are 3e7, and two sums are seldom equal to ten digits.
    spots, aside, flat, flat_share : int, float, float, float
        Points about which a box that is piecewise linear is linear; how far about, in units of the inputs and of the
        square root of the precision, so that what is smooth bends by aside² roundings there; roundings of the largest
        value by which it may miss to be linear; and the part of the points at which it is.
    fresh_rows : int
        On which a swept network is compared with the box before it is put to all checks.
    fine : float
        Rounding up to which another line is likely to do better; above it a joint fit does.
    lines : int
        Lines that are swept, one after the other, until one is enough.
    block : int
        Numbers in the rows that are asked for at once where they differ in one input each: 4 MB, which the cache holds.
    """

    grid: int = 61
    farthest: float = 20.0
    roundings: float = 8.0
    gives_up: int = 20_000
    a_kink: int = 60
    most_points: int = 200_000
    least_a_kink: int = 5
    hidden: float = 4e-4
    clear: float = 10.0
    narrowest: float = 3e-15
    hopeless: int = 6000
    clear_share: float = 0.004
    rounds: int = 60
    first_step: float = 1.0
    smaller: float = 2.0
    cube: float = 2.0
    corners: int = 4
    most_steps: int = 30
    crossing: float = 0.98
    safe: float = 0.5
    mends: int = 8
    worth: float = 1e-9
    again: float = 0.25
    far: float = 0.9
    gain: float = 2.0
    visits: float = 0.05
    through: float = 1e-10
    at_origin: float = 0.1
    places: int = 256
    offsets: int = 4
    is_whole: float = 1e-3
    left: float = 30.0
    reflections: int = 5000
    lattice: int = 60
    a_digit: int = 25
    spots: int = 12
    aside: float = 30.0
    flat: float = 50.0
    flat_share: float = 0.25
    fresh_rows: int = 64
    fine: float = 1e-12
    lines: int = 2
    block: int = 1 << 19
