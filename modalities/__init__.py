"""Inputs of every kind: opened, shown as views, and the way back from view maps to native space."""
