"""On the connection between learning two-layer neural networks and tensor decomposition.

Mondelli, Montanari, AISTATS 2019.
"""
