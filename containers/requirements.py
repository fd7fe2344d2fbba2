"""Print what pip is to install into an image, one requirement a line.

``python3 requirements.py PYPROJECT cpu|keras|gpu [EXTRA...]``: the dependencies of the project and
of its extras. A CPU computes on OpenVINO, so the image for it holds neither Keras nor TensorFlow;
that for Keras on a CPU, as for training, has all; that for a GPU CUDA's libraries too.
"""

import re
import sys
import tomllib
from pathlib import Path

INSTEAD = {
    "cpu": {"keras": None, "tensorflow": None},
    "keras": {},
    "gpu": {"tensorflow": "tensorflow[and-cuda]"},
}


def main() -> None:
    pyproject, variant, *extras = sys.argv[1:]
    if variant not in INSTEAD:
        sys.exit(f"variant {variant!r}: expected {' or '.join(INSTEAD)}")
    project = tomllib.loads(Path(pyproject).read_text(encoding="utf-8"))["project"]
    for requirement in requirements(project, extras):
        name, rest = re.fullmatch(r"([A-Za-z0-9_.-]+)(.*)", requirement).groups()
        wanted = INSTEAD[variant].get(name, name)
        if wanted is not None:
            print(wanted + rest)


def requirements(project: dict, extras: list[str]) -> list[str]:
    """Dependencies of the project and of its extras, which may name each other."""
    found = list(project["dependencies"])
    for extra in extras:
        known = project["optional-dependencies"]
        if extra not in known:
            sys.exit(f"extra {extra!r}: expected some of {', '.join(known)}")
        for requirement in known[extra]:
            own = re.fullmatch(rf"{project['name']}\[(.*)\]", requirement)
            found += requirements(project, own[1].split(",")) if own else [requirement]
    return list(dict.fromkeys(found))


if __name__ == "__main__":
    main()
