"""Latent point and pitch in, sound out: network, note banks, compiled kernel, hosts and render worker.

This package never imports :mod:`daemon`, never opens a MIDI port or a socket to the network, and
loads TensorFlow only below ``generator/network.py`` and ``training/``.
"""
