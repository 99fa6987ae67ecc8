"""Look-Twice Feature Matching: which tokens look like an anomaly of this class of thing."""
