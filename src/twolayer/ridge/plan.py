"""The numbers that steer a ridge fit, each with its reason."""

from dataclasses import dataclass

__all__ = ["PLAN", "RidgePlan"]


@dataclass(frozen=True)
class RidgePlan:
    """How many starts, how far each is followed, and under which ridges.

    Attributes
    ----------
    dense_parameters : int
        Up to so many parameters the curvature is formed and inverted; beyond, quasi-Newton steps cost less.
    dense_class_parameters : int
        The same where labels are classes, under ridges that are refitted often.
    work : float
        Multiply-adds of one refinement step, times the starts: a tenth of a second. Cheap problems, on which a
        single start is a lottery, get more starts; the fewest and the most are the next two.
    fewest_starts, most_starts : int
    rows_per_parameter : int
        The first look at a start takes no more rows: enough to tell good starts from bad.
    weak, strong : float
        First ridges, for n rows: ``weak * n``, under which units stay apart and detail is fitted, and
        ``strong * sqrt(n)``, under which a unit dies unless it does more than noise could. Of diabetes the second has
        the higher evidence, of friedman1 the first.
    weaker : float
        Part of the weak ridge that half of the starts have: of exact labels, inputs that are strongly correlated, or
        bends that are sharp, want weights that the weak ridge would forbid.
    first_steps, steps, last_steps : int
        Of the first look; of a refinement, in which the ridge moves too; and of one on all rows after it.
    settling_steps : int
        Under the strong ridge before it may move.
    followed : float
        Share of the starts, one at least, that is followed to its minimum under the weak ridge; half as many, one at
        least, under the strong one.
    least_gain : float
        Relative fall of the loss in a step below which it makes no headway, three times in a row.
    candidates : int
        Units among which growth looks for the one that the residual asks for.
    growth_rounds : int
        In which growth adds its units, with `growth_steps` steps on all units between two rounds.
    growth_steps : int
    quasi_newton_steps : int
        Under each of the ridges that many parameters are refitted under.
    quasi_newton_rounds : int
        Times that the ridge is changed there.
    live : float
        A fit that explains less of the labels than this counts as constant.
    judged_rows : int
        With fewer rows, held-out rows cannot tell a constant from a network, and the network is kept.
    folds : int
        Of the rows, when held-out ones have to tell.
    fold_entries : float
        Rows times parameters from which on the ridge of classes is scaled by what one fold says.
    scales : tuple of float
        Of that ridge, descending, about what the evidence asks for.
    """

    dense_parameters: int = 500
    dense_class_parameters: int = 150
    work: float = 1.6e7
    fewest_starts: int = 4
    most_starts: int = 24
    rows_per_parameter: int = 20
    weak: float = 1e-3
    weaker: float = 1e-3
    strong: float = 1.0
    first_steps: int = 10
    steps: int = 60
    last_steps: int = 15
    settling_steps: int = 12
    followed: float = 0.25
    least_gain: float = 1e-3
    candidates: int = 200
    candidate_rows: int = 400
    growth_rounds: int = 5
    growth_steps: int = 3
    quasi_newton_steps: int = 50
    quasi_newton_rounds: int = 3
    live: float = 1e-3
    judged_rows: int = 20
    folds: int = 5
    fold_entries: float = 3e5
    scales: tuple[float, ...] = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03)

    def is_dense(self, n_parameters: int, *, has_scale: bool) -> bool:
        """Whether the curvature is formed."""
        return n_parameters <= (self.dense_parameters if has_scale else self.dense_class_parameters)


PLAN = RidgePlan()
