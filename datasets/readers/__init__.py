"""Published benchmarks: one file each, found by its name.

A reader is a file of this folder with the constant ``CARD`` (`Card`) and the function ``read(root)``, which reads a
copy of the benchmark from where it was unpacked: a list of `Sample`, of `Question` or of `Record`, as the card's
``content`` says. ``NAME`` is what users call the benchmark, by default the name of its file; the card bears it too.
"""
