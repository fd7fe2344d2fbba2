"""File names of images."""

__all__ = ["IMAGE_EXTENSIONS", "without_extension"]

#: What the names of images end with, for reading and for writing.
IMAGE_EXTENSIONS = (".nii.gz", ".nii", ".mgz", ".mgh")


def without_extension(name: str) -> str:
    """Name of an image file without ``.nii.gz`` or alike; any other name as it is."""
    extension = next((e for e in IMAGE_EXTENSIONS if name.lower().endswith(e)), "")
    return name[: len(name) - len(extension)]
