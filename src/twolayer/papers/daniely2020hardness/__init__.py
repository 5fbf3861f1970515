"""Hardness of learning neural networks with natural weights.

Daniely, Vardi, NeurIPS 2020.
"""
