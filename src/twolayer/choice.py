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
        """Whether no other value explains the rows as well without more parameters."""
        return all(trial.verdict != "as good" for trial in self.trials)

    def summary(self) -> str:
        """A line to read: the chosen value and its nearest rival."""
        line = f"{self.subject} {self.chosen} was chosen, residual {self.trials[0].residual:.1e}"
        rivals = [f"{one.value} leaves {one.residual:.1e} ({one.verdict})" for one in self.trials[1:3]]
        return "; ".join([line, *rivals])
