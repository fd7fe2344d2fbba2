"""Does the verdict know? Scans made worse on purpose, their true Dice against their score.

``python benchmarks/quality.py DATA OUT [--presets NAME...] [--agreement] [--images docs/images]``

DATA is the folder of scans (pairs/, heads/, labels/). Prints the tables of docs/quality.md and
draws its pictures. What was computed is kept in OUT/quality.jsonl, one line a scan, so a killed run
goes on, and other thresholds need no network: marks are made anew from the values.
"""

import argparse
import json
from collections import Counter
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import stats

from accuracy import conform_pair, labelled_scans
from corruptions import CORRUPTIONS
from lodbrain_cli import ScanOptions, Segmenter
from lodbrain_cli.evaluation.overlap import dice_scores
from lodbrain_cli.imaging.label_image import LabelImage, read_label_numbers, read_labels, to_grid_of
from lodbrain_cli.labels import LOD_BRAIN_7, get_label_map
from lodbrain_cli.quality import Item, Quality
from lodbrain_cli.quality.thresholds import (
    ANATOMY,
    BRAIN_ML,
    FAIL_BELOW,
    WARN_BELOW,
    measures_of,
)

LEVELS = {
    "noise": (10, 20, 40), "bias": (0.3, 0.45, 0.8), "rotation": (15, 45, 90, 135, 180),
    "slices": (4, 6, 9), "crop": (20, 40, 60), "stripped": (3,), "inverted": (1,),
}  # fmt: skip
POOR = 0.8
#: Places of the scans that were made worse: thresholds were chosen on the first, not on the others.
CHOSEN_ON, OTHERS = (0, 20), (1, 40)
ALARMS = 0.05


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--presets", nargs="+", default=["lod-brain", "lod-brain-synth"])
    parser.add_argument("--agreement", action="store_true", help="with a second look at each scan")
    parser.add_argument("--images", type=Path)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    print_references(options.data)
    for preset in options.presets:
        name = "agreement.jsonl" if options.agreement else "quality.jsonl"
        rows = computed(preset, options.data, options.out / name, agreement=options.agreement)
        print_calibration(preset, rows)
        if options.images is not None:
            draw(preset, rows, options.images / f"quality-{preset}.png")
        print_heads(preset, rows)


def computed(preset: str, data: Path, path: Path, *, agreement: bool) -> dict[tuple, dict]:
    """Dice and values of every scan, those that are not there yet computed now."""
    rows: dict[tuple, dict] = {}
    for line in path.read_text().splitlines() if path.exists() else ():
        row = json.loads(line)
        rows[tuple(row["key"])] = row
    scans = list(labelled_scans(data / "pairs"))
    jobs = [(preset, scan.name, "none", 0) for scan in scans]
    worse = [scans[place] for place in (*CHOSEN_ON, *OTHERS)]
    jobs += [
        (preset, s.name, kind, level) for s in worse for kind in LEVELS for level in LEVELS[kind]
    ]
    jobs += [(preset, p.name, "head", 0) for p in sorted((data / "heads").glob("*.nii.gz"))]
    missing = [job for job in jobs if job not in rows]
    look = None
    if missing:
        asked = ScanOptions(agreement=agreement)
        look = partial(Segmenter(preset, device="cpu").segment, options=asked)
    by_name = {scan.name: scan for scan in scans}
    conformed: dict[str, tuple] = {}
    for job in missing:
        _, name, kind, level = job
        if kind == "head":
            result, dice = look(data / "heads" / name), None
        elif kind == "none":
            scan = by_name[name]
            result = look(scan.image)
            reference = read_labels(scan.labels, get_label_map(scan.label_map))
            found = to_grid_of(LabelImage(result.labels, result.affine, name), reference)
            dice = mean_dice(found, reference.labels)
        else:
            if name not in conformed:
                conformed = {name: conform_pair(by_name[name])}
            image, whole, affine = conformed[name]
            image, labels = CORRUPTIONS[kind][0](image, whole, level)
            result = look(nib.Nifti1Image(image, affine))
            # What was cut off is missing in a result, however right the rest is.
            dice = mean_dice(result.labels, whole if kind == "crop" else labels)
        rows[job] = {"key": job, "dice": dice, **result.record["quality"],
                     "seconds": result.record["seconds"]["judge"]}  # fmt: skip
        with path.open("a") as file:
            file.write(json.dumps(rows[job]) + "\n")
    return {job: rows[job] for job in jobs}


def mean_dice(labels: np.ndarray, reference: np.ndarray) -> float:
    return float(np.nanmean(dice_scores(labels, reference, LOD_BRAIN_7.num_classes)))


def judged(row: dict) -> Quality:
    """Give the verdict by the thresholds of now."""
    items = []
    for name, item in row["items"].items():
        mark, values = item["mark"], item["values"]
        if "value" in values:
            mark = measures_of(row["key"][0])[name].mark(values["value"])
        elif "percent" in values:
            label = next(x for x in LOD_BRAIN_7.structures if x.name.lower() == name)
            mark = ANATOMY[label.index].mark(values["percent"])
        elif "ml" in values:
            mark = BRAIN_ML.mark(values["ml"])
        items.append(Item(name, mark, item["text"], values))
    return Quality(tuple(items))


def print_references(data: Path) -> None:
    """Volume and shares of the brain in people's reference labels."""
    sources = [(p, "synthseg") for p in sorted((data / "labels").glob("*/*.nii.gz"))]
    sources += [(scan.labels, scan.label_map) for scan in labelled_scans(data / "pairs")]
    volumes = []
    for path, name in sources:
        label_map = get_label_map(name)
        scan = read_label_numbers(path, label_map)
        numbers, counts = np.unique(scan.data, return_counts=True)
        classes = np.zeros(LOD_BRAIN_7.num_classes)
        for number, count in zip(numbers, counts, strict=True):
            classes[label_map.reduce(int(number))] += count
        volumes.append(classes[1:] * abs(np.linalg.det(scan.affine[:3, :3])) / 1000)
    total = np.sum(volumes, axis=1)
    shares = 100 * np.array(volumes) / total[:, None]
    names = [label.name.lower() for label in LOD_BRAIN_7.structures]
    print(f"| {len(sources)} references | brain, ml | {' | '.join(f'{n}, %' for n in names)} |")
    print("|---" * (len(names) + 2) + "|")
    for title, pick in (("least", np.min), ("median", np.median), ("most", np.max)):
        cells = " | ".join(f"{v:.1f}" for v in pick(shares, axis=0))
        print(f"| {title} | {pick(total):.0f} | {cells} |")


def print_calibration(preset: str, rows: dict[tuple, dict]) -> None:
    known = [row for row in rows.values() if row["dice"] is not None]
    chosen_on = {"AOMIC", known[20]["key"][1]}  # the scans as they are come first, in order
    parts = {
        "the scans that thresholds were chosen on, and all as they are": [
            r for r in known if r["key"][2] == "none" or r["key"][1] in chosen_on
        ],
        "scans that nobody looked at, made worse, and all as they are": [
            r for r in known if r["key"][2] == "none" or r["key"][1] not in chosen_on
        ],
    }
    for title, part in parts.items():
        print_limits(f"`{preset}`, {title}", part)
    median = np.median([row["seconds"] for row in known])
    print(f"\nSeconds for the verdict, median: {median:.2f}.\n")
    print_details(known)


def print_limits(title: str, known: list[dict]) -> None:
    dice = np.array([row["dice"] for row in known])
    score = np.array([judged(row).score for row in known])
    poor = dice < POOR
    rank = stats.spearmanr(score, dice).statistic
    print(f"\n{title}: {len(known)} results, {poor.sum()} of them with Dice below {POOR}.")
    print(f"Rank correlation of score and Dice: {rank:.2f}.\n")
    print(f"| score below | of those below {POOR} | of the others |\n|---|---|---|")
    most = np.quantile(score[~poor], ALARMS)  # the highest limit with so few false alarms
    for limit, name in ((WARN_BELOW, "warn or fail"), (FAIL_BELOW, "fail"), (most, "")):
        caught, wrong = (float(np.mean(score[which] < limit)) for which in (poor, ~poor))
        title = f"{limit:.0f} ({name})" if name else f"{limit:.0f}, for at most {ALARMS:.0%}"
        print(f"| {title} | {caught:.0%} | {wrong:.1%} |")


def print_details(known: list[dict]) -> None:
    dice = np.array([row["dice"] for row in known])
    print("| verdict | results | Dice, least | median | most |\n|---|---|---|---|---|")
    for verdict in ("pass", "warn", "fail"):
        of = np.array([row["dice"] for row in known if judged(row).trust == verdict])
        if of.size:
            print(
                f"| {verdict} | {of.size} | {of.min():.3f} | {np.median(of):.3f} | {of.max():.3f} |"
            )
    print("\n| made worse | Dice | verdicts | most frequent reason |\n|---|---|---|---|")
    for kind in ("none", *LEVELS):
        for level in LEVELS.get(kind, (0,)):
            of = [r for r in known if tuple(r["key"])[2:] == (kind, level)]
            verdicts = Counter(judged(r).trust.value for r in of)
            reasons = Counter(worst(r) for r in of)
            text = ", ".join(f"{n} {v}" for v, n in verdicts.most_common())
            title = "nothing" if kind == "none" else f"{CORRUPTIONS[kind][2]}: {level}"
            mean = np.mean([r["dice"] for r in of])
            print(f"| {title} | {mean:.3f} | {text} | {reasons.most_common(1)[0][0]} |")
    print("\n| item | rank correlation of its mark and Dice |\n|---|---|")
    for name in known[0]["items"]:
        marks = [next((i.mark for i in judged(r).items if i.name == name), None) for r in known]
        there = [(m, d) for m, d in zip(marks, dice, strict=True) if m is not None]
        if len({m for m, _ in there}) > 1:
            print(f"| {name} | {stats.spearmanr(*zip(*there, strict=True)).statistic:.2f} |")


def worst(row: dict) -> str:
    """Name of the item with the lowest mark, where that is less than well."""
    items = [i for i in judged(row).items if i.mark is not None]
    lowest = min(items, key=lambda i: i.mark)
    return lowest.name if lowest.mark < 100 else ""


def print_heads(preset: str, rows: dict[tuple, dict]) -> None:
    print(f"\n| head, `{preset}` | verdict | score | reason |\n|---|---|---|---|")
    for (_, name, kind, _), row in rows.items():
        if kind == "head":
            quality = judged(row)
            reason = quality.reasons[0] if quality.reasons else ""
            title = name.removesuffix(".nii.gz")
            print(f"| {title} | {quality.trust} | {quality.score:.0f} | {reason} |")


def draw(preset: str, rows: dict[tuple, dict], path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.subplots()
    for marker, kind in zip("oXs^vDP*", ("none", *LEVELS), strict=True):
        of = [r for key, r in rows.items() if key[2] == kind]
        title = "as it is" if kind == "none" else kind
        axes.scatter(
            [judged(r).score for r in of], [r["dice"] for r in of], marker=marker, label=title
        )
    axes.axhline(POOR, color="0.6", linewidth=1)
    axes.set(xlabel="score", ylabel="true mean Dice", title=preset, xlim=(-3, 103), ylim=(0, 1))
    axes.legend(fontsize="small")
    figure.savefig(path, dpi=100)


if __name__ == "__main__":
    main()
