"""What every room shares: the types at the doors, calibration, words for measured things. Imports no other room."""
