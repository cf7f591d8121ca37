"""The promises of the layout: imports go one way, files stay short, and nothing global is touched."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "kansym"
FILES = sorted(PACKAGE.rglob("*.py"))
LONGEST_FILE = 400

# Each room may import those before it. Rooms on one line know nothing of each other.
ROOMS = [
    {"errors"},
    {"hints"},
    {"display", "entries", "library", "processes"},
    {"archive", "network", "structure", "tables"},
    {"datasets", "symbolic"},
    {"discovery", "export", "tabulation"},
    {"parameters", "persisted_discovery", "streaming", "terminal", "validation"},
    {"formulas", "inspection", "intervals"},
    {"estimator"},
    {"classifier", "regressor"},
    {"persistence", "plots", "workbench"},
    {"comparison"},
    {"report"},
    {"cli"},
]
LEVEL = {room: level for level, rooms in enumerate(ROOMS) for room in rooms}
PRINTING = {"cli", "terminal"}

every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(PACKAGE)))


def room_of(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports_of(tree):
    """Pairs (module, whether the import runs when the module is loaded)."""
    found = []

    def visit(node, loading):
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            return
        if isinstance(node, ast.Import):
            found.extend((alias.name, loading) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            found.extend((f"{node.module}.{alias.name}", loading) for alias in node.names)
        inside = loading and not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))
        for child in ast.iter_child_nodes(node):
            visit(child, inside)

    visit(tree, True)
    return found


def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def public_homes():
    """From the public names to the rooms that ``kansym/__init__.py`` loads them from."""
    homes = {}
    for node in ast.walk(tree_of(PACKAGE / "__init__.py")):
        if isinstance(node, ast.ImportFrom) and str(node.module).startswith("kansym."):
            homes.update({alias.name: str(node.module).split(".")[1] for alias in node.names})
    return homes


def own_imports(path):
    """Rooms of kansym that a file imports, and whether on loading."""
    homes = public_homes()
    parts = [(name.split("."), loading) for name, loading in imports_of(tree_of(path))]
    own = [(names[1], loading) for names, loading in parts if names[0] == "kansym" and len(names) > 1]
    return {(homes.get(name, name), loading) for name, loading in own if name != "__version__"}


def test_every_room_has_its_place():
    rooms = {room_of(path) for path in FILES} - {"__init__", "__main__"}
    assert rooms <= set(LEVEL), f"say in ROOMS what {sorted(rooms - set(LEVEL))} may import"


@every_file
def test_imports_go_one_way(path):
    room = room_of(path)
    if room in ("__init__", "__main__"):
        return
    # Estimators save, load, plot, report, and open a workbench for convenience: these import upwards
    # when they are called. The result of a comparison writes its own report in the same way.
    allowed_late = {
        ("estimator", "persistence"),
        ("inspection", "plots"),
        ("inspection", "report"),
        ("inspection", "workbench"),
        ("comparison", "report"),
    }
    for other, loading in own_imports(path):
        if other == room or (not loading and (room, other) in allowed_late):
            continue
        assert LEVEL.get(other, -1) >= 0, f"{other} is no room of kansym"
        assert LEVEL[other] < LEVEL[room], f"{room} must not import {other}"


@every_file
def test_nothing_imports_the_command_line(path):
    if room_of(path) not in ("cli", "__main__"):
        assert "cli" not in {other for other, _ in own_imports(path)}


@pytest.mark.parametrize(
    ("room", "foreign"),
    [
        ("network", {"sympy", "sklearn", "scipy", "pandas"}),
        ("structure", {"sympy", "sklearn", "torch", "pandas"}),
        ("symbolic", {"sklearn", "pandas"}),
        ("discovery", {"sklearn", "pandas"}),
        ("library", {"scipy", "sklearn", "pandas"}),
        ("errors", {"numpy", "torch", "sympy", "scipy", "sklearn", "pandas"}),
    ],
)
def test_rooms_do_without_foreign_packages(room, foreign):
    used = {name.split(".")[0] for path in FILES if room_of(path) == room for name, _ in imports_of(tree_of(path))}
    assert not used & foreign


@every_file
def test_the_comparison_packages_are_imported_by_no_room_on_loading(path):
    optional = {"matplotlib", "jinja2", "pysr"}
    assert not {name.split(".")[0] for name, loading in imports_of(tree_of(path)) if loading} & optional


@every_file
def test_files_stay_short(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST_FILE


@every_file
def test_no_dangerous_habits(path):
    tree = tree_of(path)
    called = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    forbidden = {"eval", "exec", "compile", "__import__", "breakpoint", "input"}
    assert not called & (forbidden if room_of(path) in PRINTING else {*forbidden, "print"})
    assert not [node for node in ast.walk(tree) if isinstance(node, ast.ExceptHandler) and node.type is None]
    assert not [node for node in ast.walk(tree) if isinstance(node, (ast.Global,))]
    stars = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"]
    assert not stars


@every_file
def test_seeds_and_settings_of_others_are_left_alone(path):
    touching = {
        "np.random.seed",
        "numpy.random.seed",
        "random.seed",
        "torch.manual_seed",
        "torch.set_default_dtype",
        "torch.set_default_device",
        "np.seterr",
        "warnings.filterwarnings",
        "torch.set_num_threads",
        "logging.basicConfig",
    }
    # Some rivals draw from the global generators only; their adapters put these back as they were.
    if str(path.relative_to(PACKAGE)) == "comparison/methods/global_state.py":
        return
    calls = {ast.unparse(node.func) for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)}
    assert not calls & touching


def run_python(code):
    """Run a script in a fresh process; it reports failures by its asserts."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(PACKAGE.parent)!r})\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr
    return done


def test_importing_kansym_is_cheap_and_silent():
    heavy = {"torch", "sympy", "sklearn", "pandas", "scipy"}
    done = run_python(f"import kansym\nassert not {heavy} & set(sys.modules)\nassert 'KANRegressor' in dir(kansym)")
    assert done.stdout == done.stderr == ""


def test_parts_of_the_package_are_there_without_an_import_of_their_own():
    parts = [path.name.removesuffix(".py") for path in PACKAGE.iterdir()]
    run_python(
        f"import kansym\nnamed = set(dir(kansym)) & set({parts})\n"
        "assert kansym.datasets.load_dataset('planets').target == 'T_days'\n"
        "assert {'network', 'plots', 'workbench', 'export', 'errors'} < named\n"
        "assert all(getattr(kansym, name).__name__ == f'kansym.{name}' for name in named)"
    )


def test_the_library_needs_no_torch():
    run_python("from kansym import default_library\nassert default_library()\nassert 'torch' not in sys.modules")


A_FIT = """
import logging, os, random, warnings
import numpy as np, torch
from kansym import KANRegressor

np.random.seed(1), torch.manual_seed(2), random.seed(3)
warnings.simplefilter("ignore")

def state():
    kind, keys, place, *rest = np.random.get_state()
    return (
        keys.tolist(), place, torch.get_rng_state().tolist(), random.getstate(), torch.get_default_dtype(),
        torch.get_num_threads(), torch.is_grad_enabled(), np.geterr(), list(warnings.filters),
        list(logging.root.handlers), sorted(os.environ.items()), os.getcwd(),
    )

x = np.random.default_rng(0).uniform(-1, 1, (60, 2))
before, copy = state(), x.copy()
KANRegressor(max_steps=5, time_limit=None, random_state=0).fit(x, x[:, 0] + x[:, 1] ** 2).predict(x)
assert state() == before
assert np.array_equal(x, copy)
assert os.listdir() == []
"""


def test_no_global_state_is_touched_by_a_fit(tmp_path):
    done = run_python(f"import os; os.chdir({str(tmp_path)!r})\n{A_FIT}")
    assert done.stdout == ""
