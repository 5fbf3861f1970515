"""Model files of other programs: networks read out of them, and written into them."""

from twolayer.formats.exports import EXPORTS, export_model, to_sklearn
from twolayer.formats.readers import READERS, read_model
from twolayer.formats.reading import Reading
from twolayer.formats.torch_module import to_torch

__all__ = ["EXPORTS", "READERS", "Reading", "export_model", "read_model", "to_sklearn", "to_torch"]
