"""Write the graphs of all presets' networks, as Keras builds them, into the package.

``python benchmarks/freeze_graphs.py`` after a change of a network or a preset
"""

import json
from pathlib import Path

import lodbrain_cli
from lodbrain_cli.networks.keras_graph import read_graph
from lodbrain_cli.networks.lod_brain import build_lod_brain
from lodbrain_cli.presets import PRESETS

FOLDER = Path(lodbrain_cli.__file__).parent / "networks" / "graphs"


def frozen_text(network) -> str:
    """JSON of a config's graph, one node a line."""
    lines = [json.dumps(node) for node in read_graph(build_lod_brain(network)).structure()]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main() -> None:
    for preset in PRESETS.values():
        (FOLDER / f"{preset.name}.json").write_text(frozen_text(preset.network))


if __name__ == "__main__":
    main()
