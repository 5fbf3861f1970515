"""The rows of a sample: cut into blocks, walked through in threads, summed in an order that nothing can change."""

from twolayer.rows.blocks import blocks, row_blocks, some_rows

__all__ = ["blocks", "row_blocks", "some_rows"]
