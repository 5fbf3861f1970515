"""What every test shares: no display, and property tests that draw the same examples every time."""

import matplotlib as mpl
from hypothesis import settings

mpl.use("Agg")
settings.register_profile("repeatable", deadline=None, derandomize=True, print_blob=False)
settings.load_profile("repeatable")
