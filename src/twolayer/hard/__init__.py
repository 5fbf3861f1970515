"""Planted instances that defeat every efficient learner, or every gradient method: one construction, one file."""

from twolayer.hard.families import FAMILIES, make_instance
from twolayer.hard.instance import Claim, Family, Instance
from twolayer.hard.instance_files import instance_digest, load_instance, save_instance
from twolayer.hard.verification import Verification, verify_instance

__all__ = [
    "FAMILIES",
    "Claim",
    "Family",
    "Instance",
    "Verification",
    "instance_digest",
    "load_instance",
    "make_instance",
    "save_instance",
    "verify_instance",
]
