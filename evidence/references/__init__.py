"""Comparison with other studies: with a few normal references, or within an unlabelled cohort."""
