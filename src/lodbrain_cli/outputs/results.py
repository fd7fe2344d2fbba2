"""Which files the results of one scan go to."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from pathlib import Path

from ..errors import UsageError
from ..files import check_writable
from ..imaging.names import without_extension
from .images import check_image_name
from .record import record_path

__all__ = ["Results", "resolved"]


@dataclass(frozen=True)
class Results:
    """Where the results of one scan go; None is not written.

    Parameters
    ----------
    labels : Path
        Label image, uint8.
    probabilities : Path, optional
        4-D float32 image, one frame per class.
    brain_mask : Path, optional
        uint8, 1 where any structure is.
    brain : Path, optional
        The scan's intensities inside the brain mask, 0 outside.
    volumes : Path, optional
        TSV.
    report : Path, optional
        HTML page.
    snapshot : Path, optional
        PNG.
    protocols : tuple of str
        Entities of the label sets of a network that has several; () for one. The
        labels are those of the first; each further one has its own files beside.
    source_uri : str, optional
        BIDS URI of the scan. With it each image has a BIDS sidecar (JSON) beside it.
    """

    labels: Path
    probabilities: Path | None = None
    brain_mask: Path | None = None
    brain: Path | None = None
    volumes: Path | None = None
    report: Path | None = None
    snapshot: Path | None = None
    protocols: tuple[str, ...] = ()
    source_uri: str | None = None

    @property
    def label_names(self) -> Path:
        """BIDS-style TSV of names and colours beside the labels."""
        return self._beside(".tsv")

    @property
    def record(self) -> Path:
        """Run record beside the labels; it is written last."""
        return record_path(self.labels)

    @property
    def failure(self) -> Path:
        """Record of why there is no result, of a scan of many."""
        return self._beside("_failed.json")

    @property
    def log(self) -> Path:
        """What was said while the scan was worked on, one of many."""
        return self._beside("_run.log")

    @property
    def disagreement(self) -> Path | None:
        """Map of where several protocols differ, float32."""
        if not self.protocols:
            return None
        name = self._of_protocol(self.labels, "lodbrain").name
        return self.labels.with_name(name.replace("_dseg.", "_desc-disagreement_map."))

    def of_protocol(self, name: str) -> "Results":
        """Where the labels and volumes of a further protocol go."""
        volumes = None if self.volumes is None else self._of_protocol(self.volumes, name)
        return Results(self._of_protocol(self.labels, name), volumes=volumes)

    def _of_protocol(self, path: Path, name: str) -> Path:
        """Name as for the first protocol, with another's in its place."""
        marked = f"_seg-{self.protocols[0]}_"
        if marked in path.name:
            return path.with_name(path.name.replace(marked, f"_seg-{name}_"))
        stem = without_extension(path.name).removesuffix(".tsv")
        ending = path.name.removeprefix(stem)
        kind = "stats" if ending == ".tsv" else "dseg"
        return path.with_name(f"{stem}_seg-{name}_{kind}{ending}")

    def _beside(self, ending: str) -> Path:
        return self.record.with_name(self.record.name.removesuffix("_run.json") + ending)

    def paths(self) -> dict[str, Path]:
        """Everything that will be written, by kind, the record last."""
        facts = ("protocols", "source_uri")
        chosen = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in facts}
        chosen["label_names"] = self.label_names
        chosen["disagreement"] = self.disagreement
        for name in self.protocols[1:]:
            other = self.of_protocol(name)
            chosen[f"labels_{name}"] = other.labels
            chosen[f"label_names_{name}"] = other.label_names
            chosen[f"volumes_{name}"] = other.volumes
        chosen |= {f"sidecar_{kind}": path for kind, path in self.sidecars().items()}
        chosen["record"] = self.record
        return {kind: path for kind, path in chosen.items() if path is not None}

    def sidecars(self) -> dict[str, Path]:
        """BIDS sidecars by the kind of their image; none without `source_uri`."""
        if self.source_uri is None:
            return {}
        images = {k: getattr(self, k) for k in ("labels", "probabilities", "brain_mask", "brain")}
        images |= {f"labels_{name}": self.of_protocol(name).labels for name in self.protocols[1:]}
        named = {kind: path for kind, path in images.items() if path is not None}
        return {
            kind: path.with_name(f"{without_extension(path.name)}.json")
            for kind, path in named.items()
        }

    def check(
        self, *, overwrite: bool, make_folders: bool = False, scans: Collection[Path] = ()
    ) -> None:
        """Refuse before any work is done.

        Parameters
        ----------
        overwrite : bool
            Accept results that exist.
        make_folders : bool
            Accept missing folders that could be made.
        scans : collection of Path
            Never a target, whatever may be overwritten; of :func:`resolved`.

        Raises
        ------
        UsageError
            When two results share a name, a name fits no image format, a
            folder is missing or not writable, a result exists, or what a
            report or snapshot needs is not installed.
        """
        paths = self.paths()
        places = [resolved(path) for path in paths.values()]
        for place in places:
            if places.count(place) > 1:
                msg = f"{place}: two results would have this name; choose another"
                raise UsageError(msg)
            if place in scans:
                msg = f"{place}: is a scan that is to be segmented; choose another name"
                raise UsageError(msg)
        for kind in ("labels", "probabilities", "brain_mask", "brain"):
            if kind in paths:
                check_image_name(paths[kind])
        self.check_makers()
        for path in paths.values():
            check_writable(path, overwrite=overwrite, make_folders=make_folders)

    def check_makers(self) -> None:
        """Refuse a report or a snapshot that this machine cannot make, or by another name.

        Raises
        ------
        UsageError
        """
        if self.report is not None:
            from .report.page import check_report

            check_report(self.report)
        if self.snapshot is not None:
            from .snapshot import check_snapshot

            check_snapshot(self.snapshot)


def resolved(path: Path) -> Path:
    """Absolute path without links, by which a file is known however it is named.

    Raises
    ------
    UsageError
        When the path cannot be followed.
    """
    try:
        return path.resolve()
    except OSError as error:
        msg = f"{path}: not a usable path ({error.strerror or error})"
        raise UsageError(msg) from error
