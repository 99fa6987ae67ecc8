"""Words for measured things: places, sizes, kinds, quantities."""
