"""The note generator: latent point and pitch in, 4 s of sound out.

Importing this package or any module of it but `network` never loads TensorFlow.
"""
