"""Views of a point cloud: cameras around its principal axes, z-buffers, splats, and shading without colour.

Everything after the projection happens in image space (closing the surface, normals, curvature), so that a view of a
million points costs little more than the projection itself and every back end gives the same picture.
"""
