"""Training of the expert (stage 1) and of the reasoner (stage 2)."""
