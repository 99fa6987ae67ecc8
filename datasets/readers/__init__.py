"""Published benchmarks, each read from the layout in which its owner publishes it."""
