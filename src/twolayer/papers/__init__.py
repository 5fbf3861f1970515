"""The papers: theory, algorithm, instances and figures of each in a folder of its own, named by its bib key."""
