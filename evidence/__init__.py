"""What judges a study: one file per source of evidence, and the expert that holds their learnt parts.

A source is found by the name of its file (`TITLE` makes a file one); see ``base.Source`` and ``sources``.
"""
