"""Keras networks, each a function of a frozen config, and their checkpoints.

This room imports Keras; rooms above it import it inside functions.
"""
