"""PySR: genetic programming in Julia, with evolution, simplification and constants optimised in turns."""

from __future__ import annotations

import importlib
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import sympy

from kansym.comparison.methods.base import Answer, Method, MissingMethod, Task
from kansym.comparison.methods.real_functions import whole_exponents

__all__ = ["PySR"]

_BINARY = {"add": "+", "sub": "-", "mul": "*", "div": "/", "pow": "^"}
_UNARY = (
    *("square", "cube", "sqrt", "exp", "log", "sin", "cos", "tan", "asin", "acos", "atan"),
    *("sinh", "cosh", "tanh", "abs"),
)
_NO_LIMIT = 10_000_000
_GET_JULIA = 'python -c "import pysr" downloads it, once'


class PySR(Method):
    """The ``PySRRegressor`` of PySR itself, with the time as its only limit.

    Its defaults stand but for these: the operators, under their names in Julia; exponents of powers of complexity one,
    as its documentation recommends; double precision; no output, and files only in a temporary folder of the run. One
    thread means a serial and deterministic search from the seed; with more, PySR allows no determinism and the seed is
    not used. (``procs`` counts the processes of a multiprocessing search only, so it stays unset.) The formula is
    selected by PySR's own ``model_selection="best"``; the front is all of ``equations_``.

    PySR needs Julia, which it downloads when it is imported for the first time. A comparison does not start such a
    download: without Julia the method counts as missing.
    """

    name = "pysr"
    modules = ("pysr", "juliacall", "juliapkg")
    packages = ("pysr", "juliacall")
    remedy = f"pip install 'kansym[pysr]'; PySR needs Julia as well: {_GET_JULIA}"
    about = "genetic programming in Julia (PySR); front, selection by its score"

    def missing(self) -> str | None:
        """Say what is not installed, Julia included, without importing or downloading anything."""
        absent = super().missing()
        if absent is not None or _julia_is_here():
            return absent
        return f"Julia, which PySR needs, is not installed; {_GET_JULIA}"

    def load(self) -> None:
        """Start Julia; only a Julia that cannot be started counts as missing.

        Julia takes its threads from ``PYTHON_JULIACALL_THREADS``; where that is not set, from ``OMP_NUM_THREADS``.
        """
        os.environ.setdefault("PYTHON_JULIACALL_THREADS", os.environ.get("OMP_NUM_THREADS", "1"))
        try:
            importlib.import_module("pysr")  # which starts Julia
        except Exception as error:  # whatever Julia's package manager or the bridge to it may raise
            raise MissingMethod(f"PySR cannot start Julia: {error}; {self.remedy}") from error

    def warm_up(self, task: Task) -> None:
        """Compile the search for these operators by a tiny fit."""
        _regressor(task, niterations=1).fit(task.X, task.y, variable_names=_names(task))

    def fit(self, task: Task) -> Answer:
        """Search until the time is used up."""
        model = _regressor(task, niterations=_NO_LIMIT)
        model.fit(task.X, task.y, variable_names=_names(task))
        own = {sympy.Symbol(variable.name): variable for variable in task.variables}
        front = tuple(whole_exponents(formula.xreplace(own)) for formula in model.equations_["sympy_format"])
        return Answer(whole_exponents(model.sympy().xreplace(own)), front)


def _names(task: Task) -> list[str]:
    return [variable.name for variable in task.variables]


def _regressor(task: Task, niterations: int) -> Any:
    serial = task.threads == 1
    return importlib.import_module("pysr").PySRRegressor(
        model_selection="best",
        binary_operators=[name for operator, name in _BINARY.items() if operator in task.operators],
        unary_operators=[name for name in _UNARY if name in task.operators],
        constraints={"^": (-1, 1)} if "pow" in task.operators else None,
        niterations=niterations,
        timeout_in_seconds=task.time_limit,
        precision=64,
        parallelism="serial" if serial else "multithreading",
        deterministic=serial,
        random_state=task.seed if serial else None,
        progress=False,
        verbosity=0,
        input_stream="devnull",
        temp_equation_file=True,
        tempdir=str(Path.cwd()),
        delete_tempfiles=True,
    )


def _julia_is_here() -> bool:
    """Whether PySR will find a Julia: one that it is pointed to, one on the path, or one that it downloaded before.

    The last is noted in a file of the environment that juliapkg keeps, under the folders that it looks at.
    """
    for variable in ("PYTHON_JULIACALL_EXE", "PYTHON_JULIAPKG_EXE"):
        if os.environ.get(variable):
            return shutil.which(os.environ[variable]) is not None
    return shutil.which("julia") is not None or (_julia_project() / "pyjuliapkg" / "meta.json").is_file()


def _julia_project() -> Path:
    if project := os.environ.get("PYTHON_JULIAPKG_PROJECT"):
        return Path(project)
    prefix = sys.prefix if sys.prefix != sys.base_prefix else os.environ.get("CONDA_PREFIX")
    if prefix is not None:
        return Path(prefix) / "julia_env"
    depot = os.environ.get("JULIA_DEPOT_PATH", "").split(os.pathsep)[0] or Path.home() / ".julia"
    return Path(depot) / "environments" / "pyjuliapkg"
