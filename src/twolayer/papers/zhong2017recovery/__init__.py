"""Recovery guarantees for one-hidden-layer neural networks.

Zhong, Song, Jain, Bartlett, Dhillon, ICML 2017.
"""
