"""Turning latent points into rendered notes in a process of its own.

``protocol`` is the border file, ``scheduler`` decides (pure, no I/O), ``client`` talks to the
worker, ``worker`` is the process. Only the worker loads a network runtime.
"""
