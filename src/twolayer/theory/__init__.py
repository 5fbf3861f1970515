"""The papers' quantities and bounds, evaluated: one paper, one module, named by its bib key."""
