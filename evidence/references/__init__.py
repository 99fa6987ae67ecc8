"""Comparison with other studies: a few normal ones, or the cohort that they came with."""
