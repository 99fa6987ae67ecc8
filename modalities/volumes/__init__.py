"""CT and MRI volumes: reading, orientation, intensity windows, slices, and the way back to voxels."""
