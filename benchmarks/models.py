"""The presets as the tables of docs/models.md: ``python benchmarks/models.py``."""

from lodbrain_cli.presets import PRESETS


def main() -> None:
    print("| preset | sees | levels | parameters | weights | from |\n|---|---|---|---|---|---|")
    for preset in PRESETS.values():
        size = sum(file.num_bytes for file in preset.files) / 1e6
        origin = "downloaded once" if preset.weights.urls else "packaged"
        seen = "the whole head" if preset.sees == "head" else "the brain's box"
        row = [f"`{preset.name}`", seen, preset.network.num_levels, parameters(preset.network)]
        print(f"| {' | '.join(map(str, row))} | {size:.1f} MB | {origin} |")
    for preset in PRESETS.values():
        print(f"\n**`{preset.name}`**: {preset.summary}\n")
        for label_set in preset.label_sets:
            names = [x.name.lower() for x in label_set.labels[1:]]
            print(f"- Labels: {', '.join(names)} (`{label_set.name}`)")
        print(f"- Trained on: {preset.training_data}\n- Licence: {preset.licence}")
        for name, value in preset.scores.items():
            print(f"- {name}: {value}")
        print(f"- Card: [weights/{preset.name}/README.md](../weights/{preset.name}/README.md)")


def parameters(network) -> str:
    from lodbrain_cli.networks.build import build_network

    return f"{build_network(network).count_params():,}"


if __name__ == "__main__":
    main()
