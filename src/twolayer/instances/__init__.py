"""Planted instances that defeat learners: what one is, what it claims, how it is kept. It knows no family."""

from twolayer.instances.files import instance_digest, load_instance, save_instance
from twolayer.instances.instance import Claim, Family, Instance, Option

__all__ = ["Claim", "Family", "Instance", "Option", "instance_digest", "load_instance", "save_instance"]
