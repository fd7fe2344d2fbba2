"""Voxels and millimetres: reading scans, grids, intensities, components, volumes."""
