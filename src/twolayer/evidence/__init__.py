"""What speaks for a network and against it: this room looks, and never refits."""

from twolayer.evidence.certificate import Certificate, Status

__all__ = ["Certificate", "Status"]
