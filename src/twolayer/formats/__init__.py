"""Model files of other programs: networks read out of them, and written into them."""
