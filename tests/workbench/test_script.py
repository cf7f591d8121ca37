"""The history as a script: run in a fresh process it gives the same formula."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import sympy
import torch

from kansym.errors import ParameterError
from kansym.network import KAN
from kansym.symbolic.evaluation import compile_expression
from kansym.symbolic.parsing import parse_expression
from kansym.workbench import Workbench

ROOT = Path(__file__).parents[2]


def replayed(bench, folder):
    """Run the script of a bench on its rows; return what it prints."""
    bench.data().to_csv(folder / "rows.csv", index=False)
    (folder / "replay.py").write_text(bench.script(str(folder / "rows.csv")), encoding="utf-8")
    command = [sys.executable, "-W", "error", str(folder / "replay.py")]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=600, check=False, cwd=folder, env={"PYTHONPATH": str(ROOT)}
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def test_a_script_replays_every_kind_of_step(tmp_path, article_rows):
    X, y = (table[:150] for table in article_rows)
    frame = pd.DataFrame(X, columns=["angle", "width"])
    target, weights = pd.Series(y, name="it's \"y\"\n"), np.linspace(1, 2, len(y))
    network = KAN((2, 2, 1), generator=torch.Generator().manual_seed(0))
    bench = Workbench.from_network(network, frame, target, weights)
    bench = bench.refit(8, sparsity=1e-3).prune((0, 1, 0), (0, 1, 1)).snap((0, 0, 0), "sin").lock((0, 0, 0))
    bench = bench.snap((0, 0, 1), "cos").unsnap((0, 0, 1)).snap((0, 0, 1), "x^2").unlock((0, 0, 0)).prune(floor=0.01)
    bench = bench.snap((1, 0, 0), "exp").refit(60)
    printed = parse_expression(replayed(bench, tmp_path), bench.rows.variables)
    values = compile_expression(printed, bench.rows.variables)(bench.rows.columns)
    # Training makes more of the last bits, in which two processes may differ.
    np.testing.assert_allclose(values, bench.predict(bench.rows.columns), rtol=1e-6, atol=1e-6)
    assert {part.func for part in printed.atoms(sympy.Function)} == {sympy.exp, sympy.sin}


def test_a_script_uses_public_names_only(article_end):
    script = article_end.script("my 'rows'.csv")
    compile(script, "replay.py", "exec")
    assert "._" not in script
    assert "pd.read_csv(\"my 'rows'.csv\")" in script
    assert script.count("\nbench = bench.") == len(article_end.history)


def test_a_target_called_like_a_variable_has_no_table():
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0]})
    bench = Workbench.from_network(KAN((1, 1)), frame, pd.Series([1.0, 2.0, 4.0], name="a"))
    with pytest.raises(ParameterError, match="variables must be named unlike target and weights, got 'a' twice"):
        bench.data()
