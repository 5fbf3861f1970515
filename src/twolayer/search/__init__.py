"""From samples to a fit: starts, refinements, and what is tried where they are not enough."""
