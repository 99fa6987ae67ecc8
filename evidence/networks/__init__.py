"""The learnt parts of the sources of evidence."""
