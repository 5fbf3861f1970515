"""What is this library's own, beside the papers: the wall, the frontier, the phase diagram, and rivals to measure."""
