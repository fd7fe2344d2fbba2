"""The pipeline of one scan: read, conform, normalise, infer, clean, back to the scan's grid."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..checking import Verdict, examine
from ..errors import UsageError
from ..imaging.conform import ConformedGrid, to_conformed
from ..imaging.nifti import Scan, read_t1w
from ..imaging.probability_maps import ProbabilityMaps
from ..imaging.resample import max_pooled
from ..imaging.volumetry import structure_volumes
from ..inference.devices import peak_memory_bytes
from ..inference.prediction import Prediction
from ..labels import LabelSet
from ..outputs.images import Space
from ..outputs.record import options_hash, run_record, timestamp
from ..outputs.segmented import Segmentation
from ..postprocessing import Cleaning, clean_probabilities, labels_on
from ..presets import PRESETS
from .case import Case, Steps
from .disagreement import disagreement
from .judging import distrust, judge, missing_structures
from .loading import LoadedNetwork, load_network
from .scan_options import ScanOptions
from .second_look import second_look

if TYPE_CHECKING:
    import numpy as np
    from nibabel.spatialimages import SpatialImage
    from numpy.typing import NDArray

__all__ = ["Segmenter"]


@dataclass(frozen=True, eq=False)
class _FinishedHead:
    """Result of one label set, and what a verdict on it needs besides."""

    segmentation: Segmentation
    maps: ProbabilityMaps
    cleaning: Cleaning | None


class Segmenter:
    """A network with its weights loaded, for scan after scan.

    Parameters
    ----------
    preset : str
        Name of a preset.
    weights : path, optional
        Weights file or folder; default: looked up, else downloaded.
    device : str
        "auto", "cpu", "gpu" or "gpu:N".
    engine : str
        "auto", "openvino" (CPU) or "keras" (GPU; any backend).
    threads : int, optional
        CPU threads; default: what the process was given.
    precision : str
        "float32", or "mixed": half precision where it is safe, on a GPU.
    memory : int, optional
        Bytes of resident memory to stay within; default: what is free.
    level : str
        "fine", or "coarse": the coarse stage alone, in a fraction of the time.
    offline : bool, optional
        Never touch the network; default from ``LODBRAIN_OFFLINE``.
    progress : bool
        Show a bar while downloading weights.

    Raises
    ------
    UsageError, WeightsError, ResourceError
        Unknown preset or device; weights missing or wrong; no such GPU.
    """

    def __init__(
        self,
        preset: str = next(iter(PRESETS)),
        *,
        weights: str | Path | None = None,
        device: str = "auto",
        engine: str = "auto",
        threads: int | None = None,
        precision: str = "float32",
        memory: int | None = None,
        level: str = "fine",
        offline: bool | None = None,
        progress: bool = False,
    ) -> None:
        if threads is not None and threads < 1:
            msg = f"threads must be at least 1; received {threads}"
            raise UsageError(msg)
        self._use(
            load_network(
                preset, level, Path(weights) if weights is not None else None, device=device,
                engine=engine, threads=threads, precision=precision, offline=offline,
                progress=progress,
            ),
            memory,
        )  # fmt: skip

    @classmethod
    def of(cls, loaded: LoadedNetwork, *, memory: int | None = None) -> "Segmenter":
        """Make a segmenter of a network that was loaded by other means."""
        segmenter = cls.__new__(cls)
        segmenter._use(loaded, memory)
        return segmenter

    def _use(self, loaded: LoadedNetwork, memory: int | None) -> None:
        self.loaded = loaded
        self.memory = memory

    def segment(
        self,
        source: "str | Path | SpatialImage | Scan",
        options: ScanOptions | None = None,
        *,
        on_step: Callable[[str], None] | None = None,
    ) -> Segmentation:
        """Segment one scan.

        Parameters
        ----------
        source : path, nibabel image or Scan
        options : ScanOptions, optional
        on_step : callable, optional
            Called with the name of each step as it begins.

        Raises
        ------
        InputError
            When the scan is refused.
        ResourceError
            When memory runs out.
        """
        case = self.prepare(source, options, on_step=on_step)
        self.compute(case)
        return self.finish(case)

    def prepare(
        self,
        source: "str | Path | SpatialImage | Scan",
        options: ScanOptions | None = None,
        *,
        on_step: Callable[[str], None] | None = None,
    ) -> Case:
        """Read a scan and make the network's input of it; see :meth:`segment`."""
        options = options or ScanOptions()
        steps = Steps(on_step)
        began = timestamp()
        with steps("read"):
            scan = source if isinstance(source, Scan) else read_t1w(source, options.frame)
        with steps("conform"):
            conformed, grid, cut = to_conformed(scan.data, scan.affine)
        with steps("check"):
            findings = examine(scan, conformed, grid, cut)
        with steps("normalise"):
            kept = conformed if options.space == "conformed" else None
            normalised = self.loaded.normalisation(conformed, conformed if kept is None else None)
            image = max_pooled(normalised, self.loaded.network.pool)
        return Case(scan, grid, image, kept, findings, options, began, steps)

    def compute(self, case: Case) -> None:
        """Run the network on a prepared scan."""
        with case.steps("infer"):
            # Cleaning keeps one piece: what lies apart from the brain need not be known.
            case.prediction = self._predict(case.image, only_brain=case.options.postprocess)
        if case.options.quality and case.options.agreement:
            with case.steps("look again"):
                case.agreement = second_look(
                    self._first_head, case.image, case.prediction.maps.heads()[0],
                    self.loaded.preset.label_sets[0],
                )  # fmt: skip

    def _first_head(self, image: "NDArray[np.float32]") -> ProbabilityMaps:
        return self._predict(image, only_brain=True).maps.heads()[0]

    def _predict(self, image: "NDArray[np.float32]", *, only_brain: bool) -> Prediction:
        """Run the network; what does not cover the brain is looked for everywhere."""
        return self.loaded.engine.predict(
            image,
            only_brain=only_brain and self.loaded.preset.covers_brain,
            memory_limit=self.memory,
        )

    def finish(self, case: Case) -> Segmentation:
        """Clean what was computed and bring it back to the scan's grid.

        Of a network with several label sets the result is that of the first;
        the others are its ``others``.
        """
        assert case.prediction is not None
        heads = list(zip(case.prediction.maps.heads(), self.loaded.preset.label_sets, strict=True))
        finished = [self._finish_head(case, maps, names) for maps, names in heads]
        every = [head.segmentation for head in finished]
        first, *others = every
        apart = None
        if others:
            with case.steps("compare"):
                apart = disagreement([s.labels for s in every], [s.label_set for s in every])
        if case.options.quality:
            with case.steps("judge"):
                quality = judge(first, finished[0].maps, finished[0].cleaning, case, self.loaded,
                                apart)  # fmt: skip
            first = replace(first, quality=quality)
        record = self._record(case, first, others)
        return replace(first, record=record, others=tuple(others), disagreement=apart)

    def _record(
        self, case: Case, first: Segmentation, others: Sequence[Segmentation]
    ) -> dict[str, Any]:
        """Record of the run that gave these results, the first of them judged."""
        assert case.prediction is not None
        asked = case.options.of_labels
        said = [
            *(f.text for f in case.findings if f.verdict is Verdict.WARN),
            *self.loaded.warnings(),
            *case.prediction.notes,
            *missing_structures(first.volumes, covers_brain=self.loaded.preset.covers_brain),
        ]
        return run_record(
            case.scan,
            case.began,
            **self.loaded.facts(),
            memory_limit_bytes=self.memory,
            options=asked,
            options_hash=options_hash(self.loaded.preset.name, self.loaded.level, asked),
            seconds={name: round(s, 3) for name, s in case.steps.seconds.items()},
            stage_seconds={name: round(s, 3) for name, s in case.prediction.seconds.items()},
            peak_memory_bytes=peak_memory_bytes(),
            warnings=[*said, *distrust(first.quality, said)],
            quality=first.quality.as_dict() if first.quality is not None else None,
            checks={f.item: f.verdict.value for f in case.findings},
            volumes_grid=case.options.space,
            **first.record,
            protocols={s.label_set.name: s.record for s in others},
        )

    def _finish_head(self, case: Case, maps: ProbabilityMaps, names: LabelSet) -> _FinishedHead:
        """Segmentation by one label set; its record holds what is its own."""
        space = case.options.space
        grid = case.grid if space == "native" else case.grid.onto_itself()
        way, cleaning = grid.coarser(self.loaded.network.pool), None
        if case.options.postprocess:
            with case.steps("clean"):
                maps, cleaning = clean_probabilities(maps, names)
        with case.steps("label"):
            labels = labels_on(maps, way)
        target = _space_of(case.scan, case.grid, space)
        volumes = structure_volumes(labels, target.affine, names)
        record = {
            "volumes_mm3": {v.name: v.volume_mm3 for v in volumes},
            "postprocessing": cleaning.by_name(names) if cleaning else None,
        }
        result = Segmentation(
            labels, target, names, volumes, case.scan, record, way, maps, case.conformed
        )
        return _FinishedHead(result, maps, cleaning)


def _space_of(scan: Scan, grid: ConformedGrid, space: str) -> Space:
    if space == "conformed":
        return Space(space, grid.affine, (256, 256, 256))
    return Space(space, scan.affine, grid.native_shape, scan.header)
