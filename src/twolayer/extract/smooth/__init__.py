"""Smooth units read where each stands alone, far out on a line; waves from their frequencies on one."""
