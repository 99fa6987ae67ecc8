"""Frozen vision encoders, Look-Twice Feature Matching, and the other sources of evidence."""
