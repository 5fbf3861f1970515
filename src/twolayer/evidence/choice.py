"""What was tried where a width or an activation was not given, and how clear the choice was."""

from dataclasses import dataclass

__all__ = ["Choice", "Trial"]


@dataclass(frozen=True)
class Trial:
    """One value that was tried.

    Attributes
    ----------
    value : str
        A width, or the name of an activation.
    n_parameters : int
    residual : float
        Root mean square of what its best fit leaves, relative to the standard deviation of y.
    verdict : str
        ``"chosen"``, ``"refuted"``, ``"as good"`` (explains the rows as well), ``"not needed"`` (as well, with more
        parameters) or ``"same function"`` (the chosen one, written in another way).
    """

    value: str
    n_parameters: int
    residual: float
    verdict: str


@dataclass(frozen=True)
class Choice:
    """A width or an activation that the rows have chosen.

    Attributes
    ----------
    subject : str
        ``"width"`` or ``"activation"``.
    chosen : str
    trials : tuple of Trial
        The chosen value first, then the others from the smallest residual on.
    """

    subject: str
    chosen: str
    trials: tuple[Trial, ...]

    @property
    def is_clear(self) -> bool:
        """Whether every other value is refuted, or is the same function, or a width that is not needed.

        A wider network contains the narrower one. Another activation does not, whatever its number of parameters: relu
        is the limit of ever steeper softplus, which noise does not refute.
        """
        return not self.undecided

    @property
    def undecided(self) -> tuple[Trial, ...]:
        """The values that the chosen one is not clear beside."""
        verdicts = {"as good"} if self.subject == "width" else {"as good", "not needed"}
        return tuple(trial for trial in self.trials if trial.verdict in verdicts)

    def summary(self) -> str:
        """A line to read: the chosen value and its nearest rivals, those that are undecided where there are any."""
        line = f"{self.subject} {self.chosen} was chosen, residual {self.trials[0].residual:.1e}"
        rivals = [
            f"{one.value} leaves {one.residual:.1e} ({one.verdict})" for one in (self.undecided or self.trials[1:])[:2]
        ]
        return "; ".join([line, *rivals])
