"""How a search spends its rows and its steps: every number that steers it, with its reason."""

from dataclasses import dataclass

__all__ = ["PLAN", "SearchPlan"]


@dataclass(frozen=True)
class SearchPlan:
    """The numbers that steer a search.

    Attributes
    ----------
    rows_per_parameter : int
        Rows that a search uses at most, for each parameter of the lifted model; the others judge its result. With 10, 5
        and 3 the same was found in six problems of 20 to 140 parameters; ten leave room for what only few rows show.
    rows_per_input : int
        And so many for each input, or few units are sought on fewer rows than there are inputs.
    searches : int
        Times that a search is begun anew, with rows that its last result disagrees with, where it was exact on its own.
    lift_rows : float
        Rows for each parameter from which the lifted model is fitted. With fewer its additional parameters fit what
        they should not, and the network itself is found more often.
    noise_rows : float
        Rows for each parameter from which what is left may be taken for noise.
    doubt : float
        Chance that a sign of an outer weight is changed in a start that is not the first: inertia tells signs only
        where second moments show every unit.
    signal : float
        A Hermite coefficient below which a moment shows nothing: they are of order one, and computed to 1e-13.
    clearly_misfit : float
        p-value of the score test below which a fit is no candidate for noise, and is not polished.
    crowd : int
        Units for each input beyond which moments point to too few directions, and a wide start comes first.
    small : int
        Parameters up to which a start costs less than principal inputs or moments do.
    turns, steps_of_a_turn : int
        Of a start in principal inputs: how often the span of the units is taken anew, and after how many steps in all
        inputs. A few steps turn the span most of the way.
    near : float
        Loss at which the span need not turn again: the minimum is in sight.
    first_rows : int
        Rows for each parameter on which a start is explored at first, where there are twice as many and T_2 shows the
        units: a few rows then lead to the same basin, at a part of the cost. From random directions they lead astray.
    principal_rows : int
        Rows for each parameter in principal inputs, where a first look is enough.
    judged_rows, judged_entries : int
        Rows for each parameter, and entries of a Jacobian, up to which all rows judge a noisy fit; of more, so many are
        drawn, as the search for a better fit would take minutes.
    """

    rows_per_parameter: int = 10
    rows_per_input: int = 20
    searches: int = 3
    lift_rows: float = 2.5
    noise_rows: float = 2.5
    doubt: float = 0.2
    signal: float = 1e-8
    clearly_misfit: float = 1e-12
    crowd: int = 2
    small: int = 200
    turns: int = 3
    steps_of_a_turn: int = 4
    near: float = 1e-3
    first_rows: int = 4
    principal_rows: int = 20
    judged_rows: int = 20
    judged_entries: int = 20_000_000


PLAN = SearchPlan()
