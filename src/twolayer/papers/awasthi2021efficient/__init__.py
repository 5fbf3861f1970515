"""Efficient algorithms for learning depth-2 neural networks with general ReLU activations.

Awasthi, Tang, Vijayaraghavan, NeurIPS 2021.
"""
