"""Model files of other programs: networks read out of them, and written into them."""

from twolayer.formats.readers import READERS, read_model
from twolayer.formats.reading import Reading

__all__ = ["READERS", "Reading", "read_model"]
