"""Networks out of black boxes: anything that can be asked for values, however it is made."""

from twolayer.extract.auditing import Audit, AuditRules, audit
from twolayer.extract.boxes import Box, CallableBox, CommandBox, Declared
from twolayer.extract.extraction import BUDGET, extract
from twolayer.extract.linked import Linked, extract_linked
from twolayer.extract.onnx_box import OnnxBox
from twolayer.extract.opening import open_box
from twolayer.extract.outcome import Check, Extraction, Status
from twolayer.extract.sweep.estimate import Estimate, estimate

__all__ = [
    "BUDGET",
    "Audit",
    "AuditRules",
    "Box",
    "CallableBox",
    "Check",
    "CommandBox",
    "Declared",
    "Estimate",
    "Extraction",
    "Linked",
    "OnnxBox",
    "Status",
    "audit",
    "estimate",
    "extract",
    "extract_linked",
    "open_box",
]
