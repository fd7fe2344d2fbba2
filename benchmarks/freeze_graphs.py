"""Write the graphs of all presets' networks, as Keras builds them, into the package.

``python benchmarks/freeze_graphs.py`` after a change of a network or a preset
"""

import json
from pathlib import Path

import lodbrain_cli
from lodbrain_cli.networks.build import build_network
from lodbrain_cli.networks.keras_graph import read_graph
from lodbrain_cli.presets import LEVELS, PRESETS

FOLDER = Path(lodbrain_cli.__file__).parent / "networks" / "graphs"


def frozen_text(network) -> str:
    """JSON of a config's graph, one node a line."""
    lines = [json.dumps(node) for node in read_graph(build_network(network)).structure()]
    return "[\n" + ",\n".join(lines) + "\n]\n"


def main() -> None:
    for preset in PRESETS.values():
        levels = LEVELS if preset.coarse_weights else LEVELS[:1]
        for network in (preset.level(name) for name in levels):
            (FOLDER / f"{network.name}.json").write_text(frozen_text(network.config))


if __name__ == "__main__":
    main()
