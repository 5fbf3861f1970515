"""What speaks for a network and against it: this room looks, and never refits."""

from twolayer.evidence.certificate import Certificate
from twolayer.evidence.found import Found
from twolayer.evidence.standards import STANDARDS, Standards
from twolayer.evidence.status import Status
from twolayer.evidence.verdict import RULES, Verdict, judge

__all__ = ["RULES", "STANDARDS", "Certificate", "Found", "Standards", "Status", "Verdict", "judge"]
