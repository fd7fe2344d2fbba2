"""Statistics of a data set that a run normalises its images by, kept beside its weights."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError
from ..files import replacing
from ..imaging.normalisation import Normalisation, find_statistics, read_statistics
from ..presets import StatisticsFiles, VolumeFile
from ..weights.store import sha256_of
from .dataset import Pair

__all__ = ["RunStatistics", "statistics_of_run"]


@dataclass(frozen=True)
class RunStatistics:
    """What a run normalises by.

    Parameters
    ----------
    normalisation : Normalisation
    files : StatisticsFiles or None
        None where each image is normalised by itself.
    folder : Path or None
        That holds them.
    """

    normalisation: Normalisation
    files: StatisticsFiles | None = None
    folder: Path | None = None

    def check(self, run: Path) -> None:
        """Refuse to go on with a run whose images were normalised by something else.

        Parameters
        ----------
        run : Path
            Folder of the run.

        Raises
        ------
        UsageError
        """
        if not (run / "state.h5").is_file():
            return
        wanted = {f.name: f.sha256 for f in self._volumes()}
        names = {"mean.nii.gz", "std.nii.gz", *wanted}
        found = {name: sha256_of(run / name) for name in names if (run / name).is_file()}
        if found != wanted:
            msg = (
                f"{run}: data.statistics are not those by which the run in this folder normalised "
                "its images; name the same ones, or use another folder"
            )
            raise UsageError(msg)

    def copy_into(self, run: Path) -> None:
        """Put the volumes beside the weights that need them.

        Parameters
        ----------
        run : Path
            Folder of the run.

        Raises
        ------
        OutputError
            When they cannot be written.
        """
        for volume in self._volumes():
            assert self.folder is not None
            source, target = self.folder / volume.name, run / volume.name
            if not (target.is_file() and sha256_of(target) == volume.sha256):
                with replacing(target) as temporary:
                    shutil.copyfile(source, temporary)

    def _volumes(self) -> tuple[VolumeFile, ...]:
        return (self.files.mean, self.files.std) if self.files is not None else ()


def statistics_of_run(folder: str | None, pairs: Sequence[Pair]) -> RunStatistics:
    """Read what ``data.statistics`` names.

    Parameters
    ----------
    folder : str or None
        Of ``lodbrain dataset-stats``, or of a run that was normalised so.
    pairs : sequence of Pair
        To be trained and validated on.

    Raises
    ------
    InputError
        When the folder holds no statistics, or a volume was changed.
    UsageError
        When a pair has no image: intensities that are drawn at random, of heads that
        are put at random, are not those of the data set at any voxel.
    """
    if folder is None:
        return RunStatistics(Normalisation())
    painted = next((pair for pair in pairs if pair.image is None), None)
    if painted is not None:
        msg = (
            f"data.statistics: subject {painted.subject} has no image, and synthetic ones cannot "
            "be normalised by them; give an image for each, or leave data.statistics out"
        )
        raise UsageError(msg)
    place = Path(folder)
    files = find_statistics(place)
    return RunStatistics(Normalisation(read_statistics(place, files)), files, place)
