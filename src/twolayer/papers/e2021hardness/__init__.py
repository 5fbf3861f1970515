"""On the hardness of learning two-layer neural networks.

Weinan E, lecture, Princeton MAT 490, 2021.
"""
