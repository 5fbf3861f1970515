"""Other coordinates for inputs and labels, and what was found brought back from there."""
