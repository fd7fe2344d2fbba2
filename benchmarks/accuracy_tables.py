"""Tables and plots of benchmarks/accuracy.py."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from corruptions import CORRUPTIONS
from lodbrain_cli.evaluation.groups import Grouping, compare_groups
from lodbrain_cli.evaluation.participants import group_people, read_participants
from lodbrain_cli.evaluation.plots import draw_groups, draw_scores
from lodbrain_cli.evaluation.scoring import ClassScore
from lodbrain_cli.evaluation.summary import class_means, summarise
from lodbrain_cli.files import replacing
from lodbrain_cli.labels import get_label_set

LABELS = get_label_set("lod-brain-7")
SHORT = ("GM", "BG", "WM", "ventricles", "cerebellum", "brainstem")
MEASURES = {
    "dice": ("Dice", ".3f"),
    "hd95_mm": ("HD95, mm", ".1f"),
    "assd_mm": ("ASSD, mm", ".2f"),
    "volume_difference_percent": ("volume, %", "+.1f"),
}


def report(network: str, table, data: Path, images: Path, *, brief: bool = False) -> None:
    """Print and draw what the table (accuracy.Results) holds of a network; brief: two tables."""
    whole = {key[2]: scores for key, scores in table.of(network, "none").items()}
    ixi = {name: scores for name, scores in whole.items() if name.startswith("IXI")}
    print(f"### {network}\n")
    print_scan("AOMIC", whole["AOMIC"])
    print_summary(f"IXI, {len(ixi)} heads of 2 mm", list(ixi.values()))
    if brief:
        return
    stem = network.replace(" ", "_")
    draw_scores(images / f"accuracy_{stem}.png", list(ixi.values()), LABELS)
    people = read_participants(data / "pairs/ixi_2mm/participants.csv")
    for column in people.columns:
        values = {name: people.of(name)[column] for name in ixi if column in people.of(name)}
        grouping = Grouping(column, group_people(column, values))
        rows = compare_groups(grouping, ixi)
        print_groups(column, rows)
        path = images / f"accuracy_{stem}_{column.lower()}.png"
        draw_groups(path, grouping, rows, ixi, LABELS)
    print_curves(network, table)
    draw_curves(images / f"robustness_{stem}.png", network, table)


def print_header(first: str, last: str = " mean |") -> None:
    print(f"| {first} | " + " | ".join(SHORT) + " |" + last)
    print("|---" * (len(SHORT) + 1 + last.count("|")) + "|")


def print_scan(name: str, scores: tuple[ClassScore, ...]) -> None:
    print_header(name)
    for measure, (title, form) in MEASURES.items():
        values = [score.measures()[measure] for score in scores]
        cells = " | ".join(format(value, form) for value in values)
        # Differences of volume cancel out: their mean says nothing.
        mean = "" if measure.startswith("volume") else format(np.nanmean(values), form)
        print(f"| {title} | {cells} | {mean} |")
    print()


def print_summary(name: str, pairs: list[tuple[ClassScore, ...]]) -> None:
    rows = {(row.index, row.measure): row for row in summarise(pairs)}
    print_header(name)
    for measure, (title, form) in MEASURES.items():
        for what, value in (
            ("mean ± SD", lambda r, f=form: f"{r.mean:{f}} ± {r.sd:{f.lstrip('+')}}"),
            ("median [quartiles]", lambda r, f=form: f"{r.median:{f}} [{r.q1:{f}}, {r.q3:{f}}]"),
        ):
            found = [rows.get((index, measure)) for index in (*range(1, 7), None)]
            cells = " | ".join("" if row is None else value(row) for row in found)
            print(f"| {title}, {what} | {cells} |")
    for icc in ("icc_a1", "icc_c1"):
        cells = " | ".join(f"{getattr(rows[k, 'volume_mm3'], icc):.3f}" for k in range(1, 7))
        print(f"| volume, ICC({icc[4].upper()},1) | {cells} | |")
    print()


def print_groups(column: str, rows) -> None:
    print_header(f"Dice by {column.lower()}, median (n)")
    for group in dict.fromkeys(row.group for row in rows):
        of_group = {row.index: row for row in rows if row.group == group}
        cells = " | ".join(f"{of_group[k].median:.3f}" for k in (*range(1, 7), None))
        print(f"| {group} ({of_group[None].n}) | {cells} |")
    tests = {row.index: row for row in rows}
    cells = " | ".join(f"{tests[k].p:.2g}" for k in (*range(1, 7), None))
    print(f"| p, {tests[None].test}, uncorrected | {cells} |\n")


def print_curves(network: str, table) -> None:
    """Mean over the classes for each scan, and the classes of the first one."""
    scans = list(dict.fromkeys(key[2] for key in table.of(network, "conformed")))
    columns = [*(f"{scan}, mean" for scan in scans), f"{scans[0]}: {SHORT[0]}", *SHORT[1:]]
    print("| Dice | level | " + " | ".join(columns) + " |")
    print("|---" * (2 + len(columns)) + "|")
    steps = [("conformed", 0, "nothing")]
    for kind, (_, levels, title) in CORRUPTIONS.items():
        steps += [(kind, level, title) for level in levels]
    for kind, level, title in steps:
        means = [_means(network, table, scan, [(kind, level)])[0] for scan in scans]
        classes = [score.dice for score in table.rows[network, kind, scans[0], level]]
        cells = " | ".join(f"{dice:.3f}" for dice in (*means, *classes))
        print(f"| {title} | {level} | {cells} |")
    print()


def draw_curves(target: Path, network: str, table) -> None:
    """Mean Dice of each scan over the levels; what has one level as bars in the last panel."""
    scans = list(dict.fromkeys(key[2] for key in table.of(network, "conformed")))
    curves = {kind: c for kind, c in CORRUPTIONS.items() if len(c[1]) > 1}
    single = [kind for kind in CORRUPTIONS if kind not in curves]
    figure = Figure(figsize=(9, 5.4), layout="constrained")
    panels = list(figure.subplots(2, 3, sharey=True).flat)
    for number, scan in enumerate(scans):
        style = {"color": f"C{number}", "label": scan}
        for axes, (kind, (_, levels, title)) in zip(panels, curves.items(), strict=False):
            steps = [("conformed", 0), *((kind, level) for level in levels)]
            first = 1 if kind == "slices" else 0
            means = _means(network, table, scan, steps)
            axes.plot([first, *levels], means, marker="o", markersize=4, **style)
            axes.set_xlabel(title)
            if kind == "rotation":
                axes.set_xticks(range(0, 181, 45))
        steps = [("conformed", 0), *((kind, CORRUPTIONS[kind][1][0]) for kind in single)]
        places = np.arange(len(steps)) + 0.27 * (number - (len(scans) - 1) / 2)
        panels[-1].bar(places, _means(network, table, scan, steps), 0.25, **style)
    panels[-1].set_xticks(range(len(single) + 1), ["as it is", *single])
    for axes in panels:
        axes.set_ylim(0, 1)
        axes.grid(alpha=0.3)
    for axes in panels[::3]:
        axes.set_ylabel("Dice, mean of classes")
    names = panels[0].get_legend_handles_labels()
    figure.legend(*names, loc="outside lower center", ncols=len(scans), frameon=False)
    with replacing(target) as temporary:
        figure.savefig(temporary, format="png", dpi=90)


def _means(network: str, table, scan: str, steps) -> np.ndarray:
    return class_means([table.rows[network, kind, scan, level] for kind, level in steps], "dice")
