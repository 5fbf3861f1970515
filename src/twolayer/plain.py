"""Values as a program reads them: Python's own numbers for NumPy's, and what JSON has."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

__all__ = ["builtin", "plain"]


def builtin(value: Any) -> Any:
    """Python's own number for one of NumPy's; anything else as it is.

    Examples
    --------
    >>> builtin(np.float64(0.5)), builtin("text")
    (0.5, 'text')
    """
    return value.item() if isinstance(value, np.generic) else value


def plain(value: Any) -> Any:
    """A value with arrays as lists, keys as text, and numbers that JSON has not (NaN, infinity) as null.

    Examples
    --------
    >>> plain({1: np.array([0.5, np.nan]), "pair": (np.int64(2), True)})
    {'1': [0.5, None], 'pair': [2, True]}
    """
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
