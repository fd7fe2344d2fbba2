"""What is asked for of a scan: all that decides its labels, but for the scan itself."""

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..errors import InputError, UsageError
from ..outputs.record import options_hash
from ..presets import find_preset
from ..segmentation.loading import expected_hashes
from ..segmentation.scan_options import ScanOptions

__all__ = ["Settings"]

# Asked for each scan of a plan: a model file is read once.
_preset = lru_cache(find_preset)


@dataclass(frozen=True)
class Settings:
    """What is asked for of a scan.

    Parameters
    ----------
    preset, level : str
    weights : str
        SHA-256 of the network's weights.
    finder_weights : str or None
        SHA-256 of the weights that find the brain, where there are such.
    scan : ScanOptions
    model : str or None
        Absolute path of a network of one's own, by which it is loaded; `preset` is
        its name. None for a preset that lodbrain knows.
    """

    preset: str
    level: str
    weights: str
    finder_weights: str | None = None
    scan: ScanOptions = field(default_factory=ScanOptions)
    model: str | None = None

    @classmethod
    def of(
        cls, preset: str, level: str, weights: Path | None, scan: ScanOptions | None = None
    ) -> "Settings":
        """Make the settings of a preset with the weights that it would be run with.

        Parameters
        ----------
        preset, level : str
            Name of a preset, or where a network of one's own lies.
        weights : Path or None
            A weights file, or a folder with the released ones.
        scan : ScanOptions, optional

        Raises
        ------
        UsageError, WeightsError
            Unknown preset or level; no such weights file.
        """
        found = find_preset(preset)
        hashes = expected_hashes(preset, level, weights)
        place = os.path.abspath(preset) if found.folder is not None else None  # noqa: PTH100
        return cls(found.name, level, *hashes, scan or ScanOptions(), model=place)

    @classmethod
    def from_json(cls, text: str, where: str) -> "Settings":
        """Read what :meth:`to_json` wrote.

        Parameters
        ----------
        text : str
        where : str
            What to call the place in messages.

        Raises
        ------
        InputError
            When it is something else.
        """
        expected = "expected the options as 'lodbrain plan' writes them; plan again"
        try:
            found = json.loads(text)
            of_scan = {f.name: found.pop(f.name) for f in fields(ScanOptions) if f.name in found}
            scan = ScanOptions(**of_scan)
            settings = cls(**found, scan=scan)
        except (ValueError, TypeError, AttributeError, UsageError) as error:
            msg = f"{where}: {error}; {expected}"
            raise InputError(msg) from error
        fits = (
            all(isinstance(v, str) for v in (settings.preset, settings.level, settings.weights))
            and all(isinstance(v, str | None) for v in (settings.finder_weights, settings.model))
            and (scan.frame is None or type(scan.frame) is int)
            and all(isinstance(v, bool) for v in (scan.postprocess, scan.quality, scan.agreement))
            and isinstance(scan.age, float | int | None)
        )
        if not fits:
            msg = f"{where}: got {text}; {expected}"
            raise InputError(msg)
        return settings

    def to_json(self) -> str:
        """One line of JSON."""
        plain = asdict(self)
        of_scan = plain.pop("scan")
        return json.dumps({**plain, **of_scan})

    @property
    def network(self) -> tuple[str | None, ...]:
        """What must be loaded: where from, preset, level and hashes of weights."""
        return self.model, self.preset, self.level, self.weights, self.finder_weights

    @property
    def asked_preset(self) -> str:
        """The preset as it is asked for: by name, or by where it lies."""
        return self.model or self.preset

    def asking(self, **changes: Any) -> "Settings":
        """Give the same with other options of the scan."""
        return replace(self, scan=replace(self.scan, **changes))

    @property
    def options_hash(self) -> str:
        """Digest of the options, as in the run record."""
        return options_hash(self.preset, self.level, self.scan.of_labels)

    @property
    def protocols(self) -> tuple[str, ...]:
        """Entities of the label sets of a network that has several; () for one."""
        names = tuple(label_set.entity for label_set in _preset(self.asked_preset).label_sets)
        return names if len(names) > 1 else ()

    def difference(self, record: Mapping[str, Any]) -> str | None:
        """Name what a record was made with that differs: "options" or "weights"; else None."""
        if record.get("options_hash") != self.options_hash:
            return "options"
        hashes = [(record.get(k) or {}).get("sha256") for k in ("weights", "finder_weights")]
        return None if hashes == [self.weights, self.finder_weights] else "weights"

    def check_loaded(self, hashes: tuple[str, str | None], what: str) -> None:
        """Refuse weights other than those that were asked for.

        Raises
        ------
        UsageError
        """
        if hashes != (self.weights, self.finder_weights):
            msg = (
                f"{what} asks for weights {self.weights[:12]}..., but those here are "
                f"{hashes[0][:12]}...; name the right ones with --weights, or plan again"
            )
            raise UsageError(msg)
