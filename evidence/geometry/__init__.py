"""Damage of a surface, by the shape around each point."""
