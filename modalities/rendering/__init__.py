"""Point clouds and meshes as pictures, with the point that each pixel shows."""
