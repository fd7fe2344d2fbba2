"""Weights and a conformed volume in, class probabilities out."""
