"""What a paper should say of a result: a paragraph on methods, and references."""

from collections.abc import Mapping
from typing import Any

from ..presets import PRESETS, Reference, references_of
from .record import versions

__all__ = ["bibtex", "facts_of_preset", "methods_text", "reference_texts"]


def facts_of_preset(name: str) -> dict[str, Any]:
    """Give what a record would say of a preset's network and of lodbrain, before any scan.

    Raises
    ------
    KeyError
        When there is no such preset.
    """
    preset = PRESETS[name]
    return {
        "lodbrain": versions()["lodbrain"],
        "preset": preset.name,
        "level": "fine",
        "architecture": preset.network.architecture,
        "weights": {"sha256": preset.weights.sha256, "released": True},
    }


def methods_text(record: Mapping[str, Any]) -> str:
    """Write a paragraph for the methods of a paper, of what was really used.

    Parameters
    ----------
    record : mapping
        A run record, or :func:`facts_of_preset`; what it lacks is not spoken of.

    Returns
    -------
    str
        One paragraph of plain text.
    """
    sentences = [_network(record), *_grid(record), *_computed(record)]
    return " ".join(sentences)


def reference_texts(record: Mapping[str, Any]) -> list[str]:
    """Give the references as text, lodbrain's own last."""
    version = record.get("lodbrain", versions()["lodbrain"])
    own = f"lodbrain developers. lodbrain (version {version}) [computer software]."
    return [*(each.text for each in _papers(record)), own]


def bibtex(record: Mapping[str, Any]) -> str:
    """Give the references as BibTeX entries, lodbrain's own last.

    Parameters
    ----------
    record : mapping
        As for :func:`methods_text`.
    """
    version = record.get("lodbrain", versions()["lodbrain"])
    own = (
        "@misc{lodbrain,\n  author = {{lodbrain developers}},\n  title = {lodbrain},\n"
        f"  note = {{Computer software, version {version}}}\n}}"
    )
    return "\n\n".join([*(each.bibtex for each in _papers(record)), own]) + "\n"


def _papers(record: Mapping[str, Any]) -> tuple[Reference, ...]:
    return references_of(str(record.get("preset", "")), str(record.get("architecture", "")))


def _network(record: Mapping[str, Any]) -> str:
    cited = "; ".join(each.cited for each in _papers(record))
    weights = record.get("weights") or {}
    preset, level = record.get("preset", "unknown"), record.get("level", "fine")
    known = preset in PRESETS and weights.get("released", True)
    own = "" if known else ", a network that lodbrain does not come with"
    coarse = ", its coarse level alone" if level == "coarse" else ""
    return (
        f"T1-weighted images were {_done(record)} with lodbrain {record.get('lodbrain', '')} "
        f"(preset {preset}{coarse}{own}; weights SHA-256 {weights.get('sha256', 'unknown')})"
        f"{f' ({cited})' if cited else ''}."
    )


def _done(record: Mapping[str, Any]) -> str:
    return "segmented" if "volumes_mm3" in record or "input" not in record else "skull-stripped"


def _grid(record: Mapping[str, Any]) -> list[str]:
    options = record.get("options") or {}
    if "space" not in options:
        return []
    cleaned = (
        "were smoothed, kept in one piece where a structure is one, and "
        if options.get("postprocess")
        else ""
    )
    grid = (
        "were kept on this grid"
        if options["space"] == "conformed"
        else "were resampled to the image's own grid"
    )
    return [
        (
            "Each image was resampled to 256 × 256 × 256 voxels of 1 mm and its intensities were "
            "standardised over the volume."
        ),
        f"Class probabilities {cleaned}{grid}, where each voxel received the most probable label.",
    ]


def _computed(record: Mapping[str, Any]) -> list[str]:
    engine, device = record.get("engine"), record.get("device")
    if not engine:
        return []
    known = record.get("versions") or {}
    titles = {"python": "Python", "numpy": "NumPy", "nibabel": "NiBabel"}
    beside = [f"{title} {known[name]}" for name, title in titles.items() if name in known]
    engine = str(engine).replace("openvino", "OpenVINO").replace("keras", "Keras")
    return [f"The network ran on {str(device).upper()} by {', '.join([engine, *beside])}."]
