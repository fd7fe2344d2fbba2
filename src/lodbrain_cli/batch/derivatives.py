"""A BIDS derivative dataset of results: where they go, and the files that describe it."""

import json
import os
from collections.abc import Collection, Iterable
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..files import make_folder, write_text
from ..imaging.names import without_extension
from ..presets import find_preset
from .ages import Ages
from .bids import BidsScan
from .plan import check_targets
from .settings import Settings
from .worklist import Job, name_of_labels, named_results

__all__ = ["bids_jobs", "check_derivative", "describe_derivative", "describe_tables"]

_BIDS_VERSION = "1.10.0"
_DESCRIPTION = "dataset_description.json"
# What BIDS has no names for yet: records, logs and volumes of a scan, tables of all.
_IGNORED = (
    "*_run.json", "*_run.log", "*_failed.json", "*_stats.tsv", "*_stats.json", "*_map.*",
    "*_report.html", "*_dseg.png", "report.html",
    "volumes.tsv", "volumes.json", "quality.tsv", "failed.tsv",
)  # fmt: skip
_README = """# {name}

Labels of brain structures in T1-weighted scans, made by lodbrain {version} with the preset {preset}
({summary}), and of what `sub-*` folders hold beside them:

- `*_seg-*_dseg.nii.gz`: labels on the scan's own grid; names and colours in the `.tsv` beside
- `*_desc-brain_mask.nii.gz`: 1 where any structure is
- `*_desc-volumes_stats.tsv`: volume of each structure
- `*_seg-*_probseg.nii.gz`, `*_desc-brain_T1w.nii.gz`: probabilities and brain, where asked for
- `*_report.html`, `*_seg-*_dseg.png`: pages to look at and pictures, where asked for
- `*_run.json`, `*_run.log`: what was done to the scan, with which weights
- `*_failed.json`: why a scan has no result
- `volumes.tsv`, `quality.tsv`, `failed.tsv`, `report.html`: tables and a page of all scans, made
  by the group level

Not a medical device: look at the results. {citation}
"""
_VOLUMES = {
    "index": {"Description": "Number of the structure in the label image."},
    "name": {"Description": "Name of the structure."},
    "voxels": {"Description": "Number of voxels with this label."},
    "volume_mm3": {"Description": "Their volume.", "Units": "mm^3"},
    "grid": {"Description": "Grid that was counted on: the scan's own (native), or conformed."},
}
_TABLE = {
    "output": {"Description": "Label image, below this dataset's folder."},
    "participant_id": {"Description": "Participant."},
    "session_id": {"Description": "Session."},
    "input": {"Description": "Scan."},
    "volumes_grid": _VOLUMES["grid"],
    "preset": {"Description": "Preset of lodbrain that made the labels."},
    "level": {"Description": "Level of detail: fine, or coarse (a preview)."},
    "weights_sha256": {"Description": "SHA-256 of the weights."},
    "options_hash": {"Description": "Digest of the options; equal where they were."},
    "lodbrain": {"Description": "Version of lodbrain."},
    "seconds": {"Description": "Time that the scan took.", "Units": "s"},
    "peak_memory_bytes": {"Description": "Most memory of the process so far.", "Units": "byte"},
    "warnings": {"Description": "What was said of the scan or its labels."},
}


def bids_jobs(
    scans: Iterable[BidsScan],
    folder: Path,
    settings: Settings,
    also: Collection[str],
    ages: Ages,
) -> list[Job]:
    """Name the results of scans, each in the folder of its participant and session.

    Parameters
    ----------
    scans : iterable of BidsScan
    folder : Path
        Of the derivative dataset.
    settings : Settings
    also : collection of str
        Kinds of further results, beside the labels.
    ages : Ages
        Of the people of the scans' dataset.

    Raises
    ------
    UsageError
        When a result would replace a scan.
    """
    jobs = []
    for scan in scans:
        stem = without_extension(scan.path.name).removesuffix("_T1w")
        place = folder / Path(scan.below).parent
        results = named_results(place / name_of_labels(stem, settings), settings, also)
        results = replace(results, source_uri=f"bids:raw:{scan.below}")
        jobs.append(Job(scan.path, results, settings.asking(age=ages.of(scan.path.name))))
    check_targets(jobs)
    return jobs


def check_derivative(folder: Path, source: Path) -> None:
    """Refuse a folder for results that is a dataset of something else.

    Parameters
    ----------
    folder : Path
        It need not be there.
    source : Path
        Of the raw dataset.

    Raises
    ------
    UsageError
    """
    if folder.exists() and not folder.is_dir():
        msg = f"{folder}: is a file; expected a folder for results"
        raise UsageError(msg)
    if os.path.realpath(folder) == os.path.realpath(source):
        msg = f"{folder}: is the dataset itself; name another, as {folder}/derivatives/lodbrain"
        raise UsageError(msg)
    path = folder / _DESCRIPTION
    try:
        found = json.loads(path.read_text(encoding="utf-8-sig"))
        makers = [maker.get("Name") for maker in found.get("GeneratedBy", ())]
    except FileNotFoundError:
        return
    except (OSError, ValueError, RecursionError, AttributeError, TypeError):
        makers = []
    if "lodbrain" not in makers:
        msg = (
            f"{folder}: is a dataset that lodbrain did not make; name a folder for the results "
            "alone, such as BIDS_DIR/derivatives/lodbrain"
        )
        raise UsageError(msg)


def describe_derivative(folder: Path, source: Path, raw: dict[str, Any], preset: str) -> None:
    """Write what makes a folder a derivative dataset.

    The same request writes the same bytes, and nothing where they stand already, so that
    several processes may do it at once.

    Parameters
    ----------
    folder : Path
        Made when missing.
    source : Path
        Of the raw dataset.
    raw : dict
        Its description; empty where it has none.
    preset : str
        By which labels are made.

    Raises
    ------
    UsageError, OutputError
        When the folder cannot be made, or a file not be written.
    """
    make_folder(folder)
    known = find_preset(preset)
    version = metadata.version("lodbrain")
    facts: dict[str, Any] = {
        "Name": f"{raw.get('Name') or source.name}: brain structures by lodbrain",
        "BIDSVersion": _BIDS_VERSION,
        "DatasetType": "derivative",
        **({"License": raw["License"]} if isinstance(raw.get("License"), str) else {}),
        "GeneratedBy": [
            {
                "Name": "lodbrain",
                "Version": version,
                "Description": known.summary,
                **_container(),
            }
        ],
        **_source(folder, source, raw),
    }
    readme = _README.format(
        name=facts["Name"], version=version, preset=known.name, summary=known.summary.rstrip("."),
        citation=f"Cite: {known.citation}",
    )  # fmt: skip
    _write(folder / ".bidsignore", "".join(f"{line}\n" for line in _IGNORED))
    _write(folder / "desc-volumes_stats.json", _json(_VOLUMES))
    if not any((folder / f"README{ending}").exists() for ending in ("", ".md", ".rst", ".txt")):
        _write(folder / "README.md", readme)
    _write(folder / _DESCRIPTION, _json(facts))


def describe_tables(folder: Path, columns: Iterable[str]) -> Path:
    """Write ``volumes.json``, which says what the columns of ``volumes.tsv`` hold.

    Raises
    ------
    OutputError
        When it cannot be written.
    """
    facts = {
        column: _TABLE.get(column)
        or {"Description": f"Volume of {column.removesuffix('_mm3')}.", "Units": "mm^3"}
        for column in columns
    }
    path = folder / "volumes.json"
    _write(path, _json(facts))
    return path


def _container() -> dict[str, Any]:
    """Name the image that this process runs in, where it is one of ours (Dockerfile)."""
    tag = os.environ.get("LODBRAIN_CONTAINER")
    if not tag:
        return {}
    apptainer = any(name in os.environ for name in ("APPTAINER_NAME", "SINGULARITY_NAME"))
    return {"Container": {"Type": "apptainer" if apptainer else "docker", "Tag": tag}}


def _source(folder: Path, source: Path, raw: dict[str, Any]) -> dict[str, Any]:
    """Where the raw dataset is: relative where the results are inside it, so both can move."""
    inner, outer = (Path(os.path.realpath(path)) for path in (folder, source))
    if inner.is_relative_to(outer):
        place = Path(os.path.relpath(outer, inner)).as_posix()
    else:
        place = outer.as_uri()
    dataset: dict[str, str] = {"URL": place}
    if isinstance(raw.get("DatasetDOI"), str):
        dataset["DOI"] = raw["DatasetDOI"]
    return {"SourceDatasets": [dataset], "DatasetLinks": {"raw": place}}


def _json(facts: dict[str, Any]) -> str:
    return json.dumps(facts, indent=2) + "\n"


def _write(path: Path, text: str) -> None:
    try:
        if path.read_bytes() == text.encode():
            return
    except OSError:
        pass  # there is none, or writing will tell
    write_text(path, text)
