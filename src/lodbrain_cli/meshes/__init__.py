"""Surfaces of labelled structures: from voxels to meshes in scanner space, and their files."""
