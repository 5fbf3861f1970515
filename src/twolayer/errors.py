"""The library's own exceptions."""

__all__ = ["InputError"]


class InputError(ValueError):
    """Bad input.

    The message is one sentence that names what was found and what was expected, fit to be shown to a user without a
    traceback.
    """
