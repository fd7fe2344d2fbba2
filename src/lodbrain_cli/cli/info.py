"""``lodbrain info``."""

import os
from importlib import metadata
from typing import Any

import click

from .console import emit, emit_json
from .options import json_option

__all__ = ["info"]

_PACKAGES = ("keras", "tensorflow", "jax", "torch", "numpy", "scipy", "nibabel")


@click.command(
    short_help="Show presets, weights and versions.",
    epilog="""
\b
Examples:
  lodbrain info
  lodbrain info --json
""",
)
@json_option
def info(as_json: bool) -> None:
    """Show presets, labels, weights, versions and what this process may use."""
    facts = _facts()
    if as_json:
        emit_json(facts)
        return
    emit(f"lodbrain {facts['version']}, {facts['threads']} threads")
    emit(f"weights cache: {facts['cache']}" + (" (offline)" if facts["offline"] else ""))
    emit("versions: " + ", ".join(f"{k} {v}" for k, v in facts["versions"].items()))
    for preset in facts["presets"]:
        emit(f"\npreset {preset['name']}: {preset['summary']}")
        for name, labels in preset["label_sets"].items():
            emit(f"  labels of {name}: {', '.join(x['name'] for x in labels)}")
        emit(f"  training data: {preset['training_data']}")
        for name, value in preset["scores"].items():
            emit(f"  score: {name}: {value}")
        emit(f"  licence: {preset['licence']}")
        emit(f"  cite: {preset['citation']}")


def _facts() -> dict[str, Any]:
    import dataclasses

    from ..inference.devices import allowed_threads
    from ..presets import PRESETS
    from ..weights.store import cache_folder, is_offline, status

    versions = {}
    for package in _PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    presets = []
    for preset in PRESETS.values():
        found = status(preset, preset.weights).found
        presets.append(
            {
                **{k: getattr(preset, k) for k in ("name", "summary", "training_data")},
                **{k: getattr(preset, k) for k in ("licence", "citation", "normalisation")},
                "scores": dict(preset.scores),
                "network": preset.network.to_dict(),
                "weights": [dataclasses.asdict(file) for file in preset.files],
                "weights_path": str(found.path) if found else None,
                "label_sets": {
                    label_set.name: [dataclasses.asdict(x) for x in label_set.labels]
                    for label_set in preset.label_sets
                },
            }
        )
    return {
        "version": metadata.version("lodbrain"),
        "versions": versions,
        "keras_backend": os.environ.get("KERAS_BACKEND", "tensorflow"),
        "threads": allowed_threads(),
        "cache": str(cache_folder()),
        "offline": is_offline(),
        "presets": presets,
    }
