"""How a recovery ended, in words that are the advice."""

from enum import Enum

__all__ = ["Status"]


class Status(Enum):
    """How a recovery ended; the text is the advice."""

    CERTIFIED = "The network explains every label to rounding, and no other network near it does."
    CERTIFIED_WITH_NOISE = (
        "What the network leaves unexplained is indistinguishable from label noise; the standard errors say how exact"
        " each weight is. Width and activation are those given or chosen: noise may hide a weaker unit or a similar"
        " activation."
    )
    MISFIT = (
        "The best network found leaves a residual that still depends on the inputs: try a larger width, another"
        " activation, biases, or another seed."
    )
    NO_SIGNAL = (
        "There is no signal: the best network found explains no more of these labels than it would of pure noise. See"
        " that the rows of X and y belong together; if they do, more rows, less noise, biases or another activation may"
        " show what y owes to X."
    )
    UNRESOLVED_REFLECTION = (
        "The data are explained by units and a polynomial that no choice of their orientations leaves: other units are"
        " linear on all of these inputs, or the data have such a part of their own, or the activation is another of the"
        " same family."
    )
    LOOSE_WEIGHTS = (
        "The residual passes for noise, but the noise leaves some weights almost as uncertain as they are large, as the"
        " standard errors say: give more rows, or try a narrower network, or an activation without a scale of its own,"
        " such as relu for softplus."
    )
    AMBIGUOUS_REFLECTION = (
        "The function is known and its weights are not: some units can be turned round together without a change."
        " Biases, or a constant that is left free, make it a matter of convention."
    )
    NOT_IDENTIFIABLE = (
        "Other networks explain the data as well (a flat direction of the squared error, or a unit too many): try a"
        " smaller width, or an activation that is not a polynomial of low degree."
    )
    TOO_FEW_ROWS = (
        "The network explains these rows, but they are too few, for its number of parameters and the noise, to tell it"
        " from others: give more rows."
    )
    UNCLEAR_CHOICE = (
        "The network explains the rows, and so does another width or activation that was tried: the certificate names"
        " them. Give the one that is known, or more rows, or rows with less noise."
    )
    APPROXIMATION = (
        "A regularised approximation was asked for and fitted; it makes no claim about where the data come from."
    )

    @property
    def is_certified(self) -> bool:
        """Whether the network is claimed to be the one that made the data."""
        return self in (Status.CERTIFIED, Status.CERTIFIED_WITH_NOISE)
