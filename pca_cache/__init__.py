"""The space the knobs move in: GANSpace directions fitted on block-1 conv0 activations, kept by model digest.

This package imports no other package of the project.
"""
