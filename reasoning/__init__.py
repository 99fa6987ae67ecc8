"""From evidence to words."""
