"""Washes: one file each; what a thief does to traces before training."""
