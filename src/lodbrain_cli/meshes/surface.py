"""The surface of a structure as triangles, smooth and of the structure's own volume."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from nibabel.affines import apply_affine
from scipy import ndimage

from ..errors import InputError, UsageError
from ..imaging.components import bounding_box

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Surface", "surface_of"]

# Voxels. Just enough that no two sheets of the surface touch along an edge, which marching cubes
# leaves where voxels of a binary mask meet at an edge: sheets of one voxel stay.
_ROUNDING_VOX = 0.4

# Taubin's pair: shrinking, then as good as all of it back. Curvature stays, steps of voxels go.
_SHRINK, _GROW = 0.5, 0.53

# Steps along the normals until the volume is right.
_VOLUME_STEPS = 3


@dataclass(frozen=True, eq=False)
class Surface:
    """A closed surface.

    Parameters
    ----------
    vertices_mm : (N, 3) float64 array
        World, RAS+ mm.
    faces : (M, 3) int64 array
        Counter-clockwise seen from outside.
    """

    vertices_mm: "NDArray[np.float64]"
    faces: "NDArray[np.int64]"

    @property
    def volume_mm3(self) -> float:
        """Volume inside, by the divergence theorem."""
        return float(self._mesh.volume)

    @property
    def area_mm2(self) -> float:
        """Area of all triangles."""
        return float(self._mesh.area)

    @property
    def is_closed(self) -> bool:
        """Whether every edge has exactly two triangles, turned alike."""
        return bool(self._mesh.is_watertight and self._mesh.is_winding_consistent)

    def vertex_normals(self) -> "NDArray[np.float64]":
        """(N, 3) unit normals, outwards."""
        return np.asarray(self._mesh.vertex_normals, np.float64)

    def with_fewer_faces(self, most: int) -> "Surface":
        """Surface of at most so many triangles, itself when it has no more."""
        if len(self.faces) <= most:
            return self
        mesh = _decimated(self._mesh, most)
        return Surface(np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64))

    @cached_property
    def _mesh(self) -> Any:
        return _trimesh().Trimesh(self.vertices_mm, self.faces, process=False)


def surface_of(
    mask: "NDArray[np.bool_]",
    affine: "NDArray[np.float64]",
    *,
    smoothing: int = 15,
    most_faces: int | None = None,
) -> Surface:
    """Mesh a structure.

    Marching cubes (Lewiner et al. 2003), Taubin smoothing (1995), which leaves
    gyri as they are, quadric decimation, then a move along the normals until
    the volume is that of the voxels.

    Parameters
    ----------
    mask : (X, Y, Z) bool array
        Closed at the volume's border.
    affine : (4, 4) array
        Voxel index to world, RAS+ mm; may mirror.
    smoothing : int
        Iterations, 0 for none.
    most_faces : int, optional
        Triangles at most; default: as many as there are.

    Returns
    -------
    Surface

    Raises
    ------
    InputError
        When the mask is empty.
    UsageError
        When the extra ``mesh`` is not installed.
    """
    vertices, faces = _marching_cubes(mask)
    mesh = _trimesh().Trimesh(apply_affine(affine, vertices), faces, process=False)
    if smoothing:
        _trimesh().smoothing.filter_taubin(mesh, lamb=_SHRINK, nu=_GROW, iterations=smoothing)
    if most_faces is not None and most_faces < len(mesh.faces):
        mesh = _decimated(mesh, most_faces)
    if mesh.volume < 0:  # an affine that mirrors turns the triangles inside out
        mesh.invert()
    voxels_mm3 = float(np.count_nonzero(mask) * abs(np.linalg.det(affine[:3, :3])))
    _give_volume(mesh, voxels_mm3)
    return Surface(np.asarray(mesh.vertices, np.float64), np.asarray(mesh.faces, np.int64))


def _marching_cubes(mask: "NDArray[np.bool_]") -> "tuple[NDArray[np.float64], NDArray[np.int64]]":
    try:
        from skimage.measure import marching_cubes
    except ImportError as error:
        raise _missing(error) from None
    box = bounding_box(mask)
    if box is None:
        msg = "holds no voxel of it"
        raise InputError(msg)
    part = np.pad(mask[box], 2).astype(np.float32)
    field = ndimage.gaussian_filter(part, _ROUNDING_VOX)
    vertices, faces, _, _ = marching_cubes(field, 0.5)
    begin = np.array([s.start for s in box]) - 2
    return vertices.astype(np.float64) + begin, faces.astype(np.int64)


def _give_volume(mesh: Any, volume_mm3: float) -> None:
    """Move the surface along its normals, by fractions of a voxel, to enclose a volume."""
    for _ in range(_VOLUME_STEPS):
        distance = (volume_mm3 - mesh.volume) / mesh.area
        mesh.vertices = mesh.vertices + distance * mesh.vertex_normals


def _decimated(mesh: Any, most_faces: int) -> Any:
    try:
        return mesh.simplify_quadric_decimation(face_count=most_faces)
    except ImportError as error:  # trimesh leaves that to another package
        raise _missing(error) from None


def _trimesh() -> Any:
    try:
        import trimesh
        import trimesh.smoothing
    except ImportError as error:
        raise _missing(error) from None
    return trimesh


def _missing(error: ImportError) -> UsageError:
    return UsageError(
        f"meshes need the package {error.name}; install it with: pip install 'lodbrain[mesh]'"
    )
