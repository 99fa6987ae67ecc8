"""Self-reference: zero-shot comparison of each patch with the other patches of the same view."""
