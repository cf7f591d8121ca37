import json
import subprocess
import sys

import numpy as np
import pytest
import sympy

from kansym.datasets import data_path, list_datasets, load_dataset
from kansym.errors import ParameterError

NAMES = list_datasets().index.tolist()
CERTIFIED = json.loads(data_path("real/nist_certified.json").read_text(encoding="utf-8"))


def test_there_are_as_many_data_sets_as_files():
    files = {path.stem for path in data_path("real/INDEX.csv").parent.glob("*.csv")} - {"INDEX"}
    assert set(NAMES) == files
    assert len(NAMES) == len(files) == 42


@pytest.mark.parametrize("name", NAMES)
def test_index_tells_the_truth(name):
    facts = list_datasets().loc[name]
    dataset = load_dataset(name)
    assert dataset.frame.shape == (facts["rows"], facts["cols"])
    assert dataset.target in dataset.frame.columns
    assert not dataset.frame.isna().any().any()
    for text in (dataset.kind, dataset.units, dataset.expected_law, dataset.source, dataset.licence):
        assert text
        assert text in repr(dataset)


@pytest.mark.parametrize("model", CERTIFIED)
def test_nist_data_reproduce_their_certified_residuals(model):
    # A digit lost or altered in transcription would show: NIST certifies eleven digits of the residual sum of squares.
    facts = CERTIFIED[model]
    dataset = load_dataset(f"nist_{model.lower()}")
    law = sympy.sympify(facts["expression"])
    columns = {name: dataset.frame[name].to_numpy(float) for name in dataset.frame.columns}
    constants = facts["certified"]
    predict = sympy.lambdify([*columns, *constants], law)
    target = np.log(columns["y"]) if facts["lhs"] == "log(y)" else columns["y"]
    residual = target - predict(*columns.values(), *constants.values())
    # The residuals of Lanczos1 are at the rounding error of its eleven-digit parameters.
    assert np.sum(residual**2) == pytest.approx(facts["rss"], rel=1e-8, abs=1e-20)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("planet", "did you mean 'planets'"), ("PLANETS", "did you mean 'planets'"), ("?", "there are 'nist_bennett5', ")],
)
def test_unknown_data_set(name, hint):
    with pytest.raises(ParameterError, match=rf"unknown data set .*; {hint}"):
        load_dataset(name)


def test_unknown_file():
    with pytest.raises(ParameterError, match=r"got 'suite\.csv'; did you mean 'suites\.csv'"):
        data_path("suite.csv")


def test_suites_and_solution_rates_are_there():
    assert data_path("suites.csv").read_text(encoding="utf-8").count("\n") == 359
    assert data_path("srbench2021_solution_rates.csv").read_text(encoding="utf-8").count("\n") == 15


def test_import_is_cheap():
    code = "import sys, kansym.datasets; sys.exit('pandas' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
