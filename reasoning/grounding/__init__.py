"""What keeps words honest: the measured facts, what may be claimed of them, and what contradicts them."""
