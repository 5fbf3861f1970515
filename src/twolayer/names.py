"""Names: the nearest one to what was typed."""

from collections.abc import Iterable

__all__ = ["nearest"]


def nearest(name: str, known: Iterable[str]) -> str:
    """A clause that proposes the known name nearest to a wrong one, or all where there are few and none is near.

    Examples
    --------
    >>> nearest("ReLu", ["relu", "tanh"])
    ': did you mean relu?'
    """
    from difflib import get_close_matches

    names = list(known)
    lower = {one.lower(): one for one in reversed(names)}
    close = get_close_matches(name.lower(), lower, n=1, cutoff=0.6)
    if close:
        return f": did you mean {lower[close[0]]}?"
    return f": there are {', '.join(names[:8])}{', …' if len(names) > 8 else ''}" if names else ""
