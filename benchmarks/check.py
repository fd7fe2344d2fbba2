"""Run `lodbrain check` over real, altered and rendered scans; print how often each item is right.

``python benchmarks/check.py DATA`` (docs/quality.md; needs the extra ``train`` for the rendered
heads). Rows of the tables are named by what was done; an item hits where it warns or refuses.
"""

import argparse
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import nibabel as nib
import numpy as np

from altered import ALTERED
from contrasts import CONTRASTS, rendered
from lodbrain_cli.checking import Report, Verdict, check, examine
from lodbrain_cli.imaging.conform import to_conformed
from lodbrain_cli.imaging.label_image import read_labels
from lodbrain_cli.imaging.nifti import read_t1w
from lodbrain_cli.labels import get_label_map

BAD = (Verdict.WARN, Verdict.REFUSE)
HEADS_RENDERED, SEED, REPEATS = 20, 1000, 7


def said(report: Report) -> list[str]:
    """Items that say that something is wrong; a removed face is said without a warning."""
    return [f.item for f in report.findings if f.verdict in BAD or f.text.startswith("removed (")]


def real_scans(data: Path) -> list[Path]:
    heads = [p for p in sorted((data / "heads").glob("*.nii.gz")) if "fruit" not in p.name]
    aomic = data / "pairs/aomic/AOMIC_T1w.nii.gz"
    return [*heads, aomic, *sorted((data / "pairs/ixi_2mm").glob("*_T1.nii.gz"))]


def labelled_scans(data: Path):
    """AOMIC and every second IXI head with labels of the seven classes, along RAS axes."""
    pairs = data / "pairs"
    named = [(pairs / "aomic/AOMIC_T1w.nii.gz", pairs / "aomic/AOMIC_GT.nii.gz", "lod-brain-7")]
    for image in sorted((pairs / "ixi_2mm").glob("*_T1.nii.gz"))[::2]:
        labels = image.with_name(image.name.replace("_T1.", "_T1_DLMUSE."))
        named.append((image, labels, "muse"))
    for image, path, protocol in named:
        labels = read_labels(path, get_label_map(protocol))
        found = nib.Nifti1Image(np.asarray(labels.labels, np.uint8), labels.affine)
        scan = read_t1w(image)
        whole = nib.Nifti1Image(scan.data, scan.affine)
        canonical = [nib.as_closest_canonical(i) for i in (whole, found)]
        yield canonical[0], np.asarray(canonical[1].dataobj)


def real_table(data: Path) -> None:
    counts: dict[str, Counter] = {}
    exceptions = []
    for path in real_scans(data):
        report = check(path)
        for finding in report.findings:
            counts.setdefault(finding.item, Counter())[finding.verdict] += 1
        if said(report):
            exceptions.append(f"- {path.name.removesuffix('.nii.gz')}: {', '.join(said(report))}")
    print("| item | ok | unknown | warn | refuse |\n|---|---|---|---|---|")
    for item, found in counts.items():
        print(f"| {item} | " + " | ".join(str(found[v]) for v in Verdict) + " |")
    print("\nSaid of (a removed face never warns):\n\n" + "\n".join(exceptions) + "\n")


class Rows:
    """Counts of hits by what was done to a scan."""

    def __init__(self) -> None:
        self.items: dict[str, str | None] = {}
        self.tried: Counter = Counter()
        self.hits: Counter = Counter()
        self.unknown: Counter = Counter()
        self.others: dict[str, Counter] = {}

    def add(self, name: str, item: str | None, report: Report) -> None:
        """Count what was said of a scan to which this was done."""
        self.items[name] = item
        self.tried[name] += 1
        self.hits[name] += item in said(report)
        self.unknown[name] += any(
            f.item == item and f.verdict is Verdict.UNKNOWN for f in report.findings
        )
        self.others.setdefault(name, Counter()).update(i for i in said(report) if i != item)

    def show(self) -> None:
        """Print the table."""
        print("| what was done | scans | item | hits | unknown | other items |")
        print("|---|---|---|---|---|---|")
        for name, item in self.items.items():
            others = ", ".join(f"{i} {n}" for i, n in self.others[name].items())
            hits = self.hits[name] if item else ""
            unknown = self.unknown[name] if item else ""
            cells = [name, self.tried[name], item or "none", hits, unknown, others]
            print("| " + " | ".join(map(str, cells)) + " |")
        print()


def altered_table(data: Path) -> None:
    rows = Rows()
    for image, labels in labelled_scans(data):
        for name, (alter, item) in ALTERED.items():
            rows.add(name, item, check(alter(image, labels)))
    rows.show()


def rendered_table(data: Path) -> None:
    rows = Rows()
    maps = sorted((data / "labels").glob("synthseg_*/*.nii.gz"))[1::3][:HEADS_RENDERED]
    for number, path in enumerate(maps):
        for contrast in CONTRASTS:
            image, affine = rendered(path, contrast, SEED + number)
            item = None if contrast == "t1w" else "contrast"
            name = f"rendered, {contrast.upper().replace('W', 'w')}"
            rows.add(name, item, check(nib.Nifti1Image(image, affine)))
    for name, things in no_heads(data).items():
        for thing in things:
            rows.add(name, "head", check(thing))
    rows.show()


def no_heads(data: Path):
    """Things that are no heads; noise of a fixed seed."""
    rng = np.random.default_rng(SEED)
    side = 128
    affine = np.diag([2.0, 2, 2, 1])
    distance = 2 * np.linalg.norm(np.indices((side,) * 3) - (side - 1) / 2, axis=0)
    noise = np.abs(rng.normal(0, 3, (side,) * 3)).astype(np.float32)

    def ball(radius):
        return nib.Nifti1Image(np.where(distance < radius, 100, 0).astype("f4") + noise, affine)

    return {
        "a fruit": [data / "heads/fruit_GE_IRSPGR.nii.gz"],
        "noise alone": [nib.Nifti1Image(noise, affine)],
        "balls of one material, radius 20 to 100 mm": [ball(r) for r in (20, 30, 60, 80, 100)],
    }


def time_table(data: Path) -> None:
    print("| scan | voxels | the command, s | its CPU, s | the checks alone, CPU s |")
    print("|---|---|---|---|---|")
    names = ("pairs/aomic/AOMIC_T1w", "heads/studyforrest_sub02_T1w")
    for path in [data / f"{name}.nii.gz" for name in names]:
        command = [sys.executable, "-m", "lodbrain_cli", "check", str(path)]
        scan = read_t1w(path)
        conformed, grid, cut = to_conformed(scan.data, scan.affine)
        rows = []
        for _ in range(REPEATS):
            began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
            subprocess.run(command, check=True, capture_output=True)
            wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
            cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
            began = time.process_time()
            examine(scan, conformed, grid, cut)
            rows.append((wall, cpu, time.process_time() - began))
        shape = " x ".join(map(str, scan.data.shape))
        whole, cpu, alone = np.min(rows, axis=0)
        name = path.name.removesuffix(".nii.gz")
        print(f"| {name} | {shape} | {whole:.1f} | {cpu:.1f} | {alone:.2f} |")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    tables = {"real": real_table, "altered": altered_table, "rendered": rendered_table}
    tables["times"] = time_table
    parser.add_argument("--only", choices=tables, help="one table instead of all four")
    options = parser.parse_args()
    for table in [tables[options.only]] if options.only else tables.values():
        table(options.data)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
