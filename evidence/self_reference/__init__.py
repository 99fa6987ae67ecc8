"""The study as its own reference: what is unlike the rest of the same view."""
