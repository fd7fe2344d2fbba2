"""``lodbrain weights``: list, fetch, verify, add, import, bundle, path."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..errors import WeightsError
from ..presets import PRESETS
from .console import emit, emit_json, note, set_verbosity
from .options import json_option, option, verbosity_options

if TYPE_CHECKING:
    from ..presets import Preset, WeightsFile

__all__ = ["weights"]

_presets_argument = click.argument(
    "presets", nargs=-1, type=click.Choice(list(PRESETS)), metavar="[PRESET]..."
)


@click.group(
    epilog="""
\b
Looked up in this order: --weights, the folders of LODBRAIN_WEIGHTS, the cache
(LODBRAIN_CACHE), the package; then downloaded, unless LODBRAIN_OFFLINE=1.
"""
)
def weights() -> None:
    """See, fetch and check trained weights."""


@weights.command(
    "list",
    epilog="""
\b
Example:
  lodbrain weights list --json
""",
)
@json_option
def list_weights(as_json: bool) -> None:
    """List weights files and where they are on this machine."""
    from ..weights.store import status

    rows: list[dict[str, Any]] = []
    for preset, file in _files(()):
        found = status(preset, file).found
        rows.append(
            {
                "preset": preset.name,
                "file": file.name,
                "bytes": file.num_bytes,
                "sha256": file.sha256,
                "path": str(found.path) if found else None,
                "origin": found.origin if found else None,
            }
        )
    if as_json:
        emit_json(rows)
        return
    emit("preset\tfile\tbytes\tsha256\tpath")
    for row in rows:
        where = row["path"] or "(not on this machine)"
        emit(f"{row['preset']}\t{row['file']}\t{row['bytes']}\t{row['sha256'][:12]}\t{where}")


@weights.command(
    epilog="""
\b
Examples:
  lodbrain weights fetch
  LODBRAIN_CACHE=/shared/lodbrain lodbrain weights fetch lod-brain
"""
)
@_presets_argument
@verbosity_options
def fetch(presets: tuple[str, ...], quiet: bool, verbose: int) -> None:
    """Download weights that are not on this machine yet (default: of all presets)."""
    from ..weights.store import obtain

    set_verbosity(verbose, quiet=quiet)
    for preset, file in _files(presets):
        emit(str(obtain(preset, file=file, progress=not quiet).path))


@weights.command(
    epilog="""
\b
Example:
  lodbrain weights verify lod-brain
"""
)
@_presets_argument
def verify(presets: tuple[str, ...]) -> None:
    """Check size and SHA-256 of the weights on this machine; exit code 6 if any is wrong."""
    from ..weights.store import status

    bad = 0
    for preset, file in _files(presets):
        state = status(preset, file)
        for path in state.wrong:
            bad += 1
            emit(f"WRONG\t{path}")
        if state.found is not None:
            emit(f"ok\t{state.found.path}")
        elif not state.wrong:
            emit(f"absent\t{preset.name}/{file.name}")
            bad += bool(presets)  # asked for by name, it should be there
    if bad:
        msg = f"{bad} weights files are wrong or absent; run 'lodbrain weights fetch'"
        raise WeightsError(msg)


@weights.command(
    epilog="""
\b
Examples:
  lodbrain weights add weights_lv1.h5
  lodbrain weights add lodbrain-weights.tar
"""
)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def add(files: tuple[Path, ...]) -> None:
    """Copy weights files or bundles into the cache, for a machine without a network."""
    from ..weights.bundle import add_file

    for source in files:
        for _, _, path in add_file(source):
            emit(str(path))


@weights.command(
    "import",
    epilog="""
\b
Examples:
  lodbrain weights import brain-extraction-unet-128iso-model.h5 -o nobrainer/
  lodbrain extract T1.nii.gz -o brain.nii.gz --preset nobrainer/
""",
)
@click.argument("file", type=click.Path(path_type=Path))
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Folder to write; a preset for every command.",
)
@option(
    "--classes",
    type=click.Path(path_type=Path),
    help="Table of the classes of a network that says more than brain or not.",
)
@option("--block", default=128, show_default=True, help="Side of the blocks that it sees, in mm.")
@option("--stride", default=128, show_default=True, help="From block to block; less overlaps.")
def import_weights(file: Path, output: Path, classes: Path | None, block: int, stride: int) -> None:
    """Take over a U-Net that nobrainer published (.h5, weights alone are read)."""
    from ..labels import read_classes
    from ..networks.published import import_nobrainer_unet

    label_set = read_classes(classes)[0] if classes else None
    emit(str(import_nobrainer_unet(file, output, classes=label_set, block=block, stride=stride)))


@weights.command(
    epilog="""
\b
Example:
  lodbrain weights bundle -o lodbrain-weights.tar
"""
)
@_presets_argument
@option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    required=True,
    help="Tar file to write, for 'lodbrain weights add' elsewhere.",
)
@option("--overwrite", is_flag=True, help="Replace a file that exists.")
def bundle(presets: tuple[str, ...], output: Path, overwrite: bool) -> None:
    """Pack the weights on this machine into one file (default: of all presets)."""
    from ..files import check_writable
    from ..weights.bundle import write_bundle
    from ..weights.store import locate

    check_writable(output, overwrite=overwrite)
    entries = []
    for preset, file in _files(presets):
        found = locate(preset, file)
        if found is None:
            msg = f"{preset.name}/{file.name} is not on this machine; run 'lodbrain weights fetch'"
            raise WeightsError(msg)
        entries.append((preset, file, found.path))
    write_bundle(entries, output)
    emit(str(output))


@weights.command(
    epilog="""
\b
Examples:
  lodbrain weights path              the cache folder
  lodbrain weights path lod-brain    the file that would be used
"""
)
@click.argument("preset", required=False, type=click.Choice(list(PRESETS)))
def path(preset: str | None) -> None:
    """Print the folder of the cache, or the file of a preset; exit code 6 if absent."""
    from ..presets import get_preset
    from ..weights.store import cache_folder, locate

    if preset is None:
        emit(str(cache_folder()))
        return
    chosen = get_preset(preset)
    found = locate(chosen, chosen.weights)
    if found is None:
        note(f"not here; it would go to {cache_folder() / chosen.name / chosen.weights.name}")
        msg = f"the weights of preset {preset!r} are not on this machine"
        raise WeightsError(msg)
    emit(str(found.path))


def _files(presets: tuple[str, ...]) -> "list[tuple[Preset, WeightsFile]]":
    chosen: list[Any] = [PRESETS[name] for name in presets] or list(PRESETS.values())
    return [(preset, file) for preset in chosen for file in preset.files]
