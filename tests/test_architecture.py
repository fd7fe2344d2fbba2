"""The walls of the house (docs/architecture.md): imports go down, rooms keep to their trade."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lodbrain_cli

SOURCE = Path(lodbrain_cli.__file__).parent
MODULES = sorted(SOURCE.rglob("*.py"))

#: Floors from the ground up; a module may import from its own and lower floors.
FLOORS = [
    {"errors"},
    {"files", "presets", "labels"},
    {"weights"},
    {"imaging"},
    {"checking", "postprocessing", "quality"},
    {"outputs"},
    {"evaluation", "meshes", "viewing"},
    {"networks"},
    {"inference"},
    {"training"},
    {"segmentation"},
    {"batch"},
    {"cli"},
]
KERAS_PLACES = {
    "networks",
    "training",
    "inference/keras_engine.py",
    "inference/keras_backend.py",
    "inference/keras_monte_carlo.py",
}
OPENVINO_PLACES = {
    "inference/openvino_engine.py",
    "inference/openvino_graph.py",
    "inference/openvino_pointwise.py",
}
LONGEST_MODULE, LONGEST_FUNCTION = 300, 60


def _name(module: Path) -> str:
    return module.relative_to(SOURCE).as_posix()


def _room(module: Path) -> str:
    return _name(module).split("/")[0].removesuffix(".py")


def _imports(module: Path) -> set[str]:
    """Absolute dotted names that a module imports anywhere, relative ones resolved."""
    package = ["lodbrain_cli", *module.relative_to(SOURCE).with_suffix("").parts[:-1]]
    names = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            names.add(".".join([*base, *([node.module] if node.module else [])]))
    return names


def _tops(module: Path) -> set[str]:
    return {name.split(".")[0] for name in _imports(module)}


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_imports_go_down_only(module):
    floor_of = {room: number for number, floor in enumerate(FLOORS) for room in floor}
    if _name(module) in ("__init__.py", "__main__.py"):
        return  # the door: it opens on the top floors
    for name in _imports(module):
        parts = name.split(".")
        if parts[0] == "lodbrain_cli" and len(parts) > 1:
            assert floor_of[parts[1]] <= floor_of[_room(module)], f"imports {name}"


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_libraries_stay_in_their_rooms(module):
    tops = _tops(module)
    if tops & {"keras", "tensorflow", "jax", "torch", "h5py"}:
        assert _room(module) in KERAS_PLACES or _name(module) in KERAS_PLACES
    if "openvino" in tops:
        assert _name(module) in OPENVINO_PLACES
    if tops & {"pydantic", "yaml"}:  # of the extra ``train``
        assert _room(module) == "training"
    if "matplotlib" in tops:  # of the extra ``plots``
        plotting = ("training/history.py", "evaluation/plots.py", "meshes/picture.py")
        assert _name(module) in plotting
    if tops & {"skimage", "trimesh"}:  # of the extra ``mesh``
        assert _room(module) == "meshes"
    if "click" in tops:
        assert _room(module) == "cli"
    if "subprocess" in tops:
        assert _name(module) == "batch/slurm.py"
    if "jinja2" in tops:  # of the extra ``report``
        assert _name(module) == "outputs/report/document.py"
    if "PIL" in tops:
        drawing = (
            "outputs/snapshot.py", "outputs/slices.py", "outputs/report/document.py",
            "meshes/picture.py",
        )  # fmt: skip
        assert _name(module) in drawing
    assert "ipyniivue" not in tops  # read as a file: importing it loads Jupyter's widgets
    reaching_out = {
        n for n in _imports(module) if n.split(".")[0] in ("requests", "pooch", "urllib")
    }
    if reaching_out - {"urllib.parse"}:  # which is about text
        assert _name(module) == "weights/download.py"
    if "http" in tops:  # a server for this machine alone
        assert _name(module) == "viewing/server.py"


@pytest.mark.parametrize("module", MODULES, ids=_name)
def test_modules_and_functions_are_short(module):
    assert len(module.read_text().splitlines()) <= LONGEST_MODULE
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.FunctionDef):
            body = [n for n in node.body if not _is_docstring(n)]
            length = (node.end_lineno - body[0].lineno + 1) if body else 0
            assert length <= LONGEST_FUNCTION, f"{node.name} has {length} lines"


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def test_no_room_has_a_name_that_says_nothing():
    refused = {"utils", "helpers", "common", "core", "manager", "service", "base", "misc"}
    assert not refused & {part for m in MODULES for part in re.split(r"[/._]", _name(m))}


def test_no_module_is_imported_by_tests_only():
    imported = {name for module in MODULES for name in _imports(module)}
    entry_points = {"lodbrain_cli", "lodbrain_cli.__main__", "lodbrain_cli.cli.main"}
    for module in MODULES:
        dotted = "lodbrain_cli." + _name(module).removesuffix(".py").replace("/", ".")
        dotted = dotted.removesuffix(".__init__")
        used = any(n == dotted or n.startswith(dotted + ".") for n in imported)
        assert used or dotted in entry_points, f"{dotted} is used by nothing"


def test_public_functions_have_docstrings_and_annotations():
    for module in MODULES:
        tree = ast.parse(module.read_text())
        public = {
            element.value
            for node in tree.body
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__"
            for element in node.value.elts
        }
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name in public:
                assert ast.get_docstring(node), f"{_name(module)}: {node.name}"
            if isinstance(node, ast.FunctionDef) and node.name in public:
                assert node.returns is not None, f"{_name(module)}: {node.name}"


def test_importing_the_command_line_loads_no_heavy_library():
    code = (
        "import sys, lodbrain_cli.cli.main; "
        "heavy = {'tensorflow','keras','jax','torch','numpy','scipy','nibabel','requests','pooch'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert loaded.strip() == "[]"


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["labels"], ["weights", "list"], ["info"]]
)
def test_commands_that_only_tell_start_without_keras(arguments, tmp_path):
    code = (
        "import sys\nfrom lodbrain_cli.cli.main import cli\n"
        f"cli({arguments!r}, standalone_mode=False)\n"
        "heavy = {'tensorflow', 'keras', 'jax', 'torch'} & set(sys.modules)\n"
        "sys.exit(f'loaded {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
