"""Comparison with other studies: a few normal ones (references), or the cohort that the studies came with."""
