"""Algorithms and SQ lower bounds for PAC learning one-hidden-layer ReLU networks.

Diakonikolas, Kane, Kontonis, Zarifis, COLT 2020.
"""
