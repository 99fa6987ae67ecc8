"""Ways of laying out files that several published benchmarks share."""
