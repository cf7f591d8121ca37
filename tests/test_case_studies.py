"""Every case study runs at its quick setting and writes the tables it promises."""

import runpy
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

from kansym.comparison.records import read_records
from kansym.comparison.suites import load_suite

STUDIES = Path(__file__).parents[1] / "case_studies"


@pytest.mark.slow
def test_first_laws(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick", "--out", str(tmp_path)])
    runpy.run_path(str(STUDIES / "first_laws" / "run.py"), run_name="__main__")
    laws = pd.read_csv(tmp_path / "quick_laws.csv")
    assert laws["recovered"].all()
    measured = pd.read_csv(tmp_path / "quick_measured.csv").set_index("data")
    formulas = measured["formula"]
    assert formulas["planets"] == "T_days = 365.036·a_AU^(3/2)"
    assert formulas["hydrogen_lines"] == "wavelength_vac_nm = 91.1752/(1/n1^2 - 1/n2^2)"
    assert formulas["firas_cmb"] == "I_MJy_sr = 39.73·wavenumber_cm1^3/(exp(0.52799·wavenumber_cm1) - 1)"
    certified = measured.dropna(subset=["certified_constants"])
    assert len(certified) == 2
    assert (certified["selected_constants"] <= certified["certified_constants"]).all()
    assert (certified["selected_rss_over_certified"] <= 1.01).all()
    assert "exp(sin(πx) + y²)" in capsys.readouterr().out


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Runs a study at its quick setting and returns the folder of its results."""

    def run(study):
        monkeypatch.setattr(sys, "argv", ["run.py", "--quick", "--out", str(tmp_path)])
        monkeypatch.setattr(sys, "path", [*sys.path])
        threads = torch.get_num_threads()
        try:
            runpy.run_path(str(STUDIES / study / "run.py"), run_name="__main__")
        finally:
            torch.set_num_threads(threads)
        assert all(path.stat().st_size > 10_000 for path in tmp_path.glob("*.png"))
        assert all(ET.parse(path).getroot().tag.endswith("svg") for path in tmp_path.glob("*.svg"))
        return tmp_path

    return run


@pytest.mark.slow
def test_first_comparison(quick, capsys):
    folder = quick("first_comparison")
    summary = pd.read_csv(folder / "summary.csv").set_index("method")
    assert summary["runs"].to_dict() == {"kansym": 1, "operon": 1, "gplearn": 1}
    assert (summary[["ok", "timeout"]].sum(axis=1) == 1).all()
    assert summary.loc["kansym", "recovered"] == 1
    assert "kansym" in capsys.readouterr().out
    assert (folder / "report.html").stat().st_size > 10_000


@pytest.mark.slow
def test_recovery(quick, capsys):
    folder = quick("recovery")
    summary = pd.read_csv(folder / "summary.csv").set_index("suite")
    assert summary["runs"].to_dict() == {"feynman_bonus20": 1, "livermore": 2}
    misses = pd.read_csv(folder / "misses.csv")
    assert len(misses) == 3 - summary["recovered"].sum()
    assert summary["recovered"].sum() >= 2  # a slow machine may be late
    assert "median_seconds" in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch's own forward-mode derivatives use it
def test_pde(quick):
    summary = pd.read_csv(quick("pde") / "summary.csv")
    assert len(summary) == 4  # two networks, two optimisers
    assert (summary["h1"] > summary["l2"]).all()
    newton = summary[summary["optimiser"] == "Levenberg-Marquardt"]
    # The variance of the solution is 0.25; with few points a run may fit the equation at these alone.
    assert newton["l2"].min() < 0.01


@pytest.mark.slow
def test_constants_inside(quick, capsys):
    folder = quick("constants_inside")
    rates = pd.read_csv(folder / "rates.csv")
    assert rates[["group", "laws", "recovered"]].to_numpy().tolist() == [["development", 2, 2]]
    assert len(pd.read_csv(folder / "misses.csv")) == 0
    assert "median_seconds" in capsys.readouterr().out


@pytest.mark.slow
def test_pipelines(quick):
    folder = quick("pipelines")
    scores: Any = pd.read_csv(folder / "drag.csv").set_index("regressor")
    assert scores.loc["KANRegressor", "r2"] > 0.3
    assert pd.read_csv(folder / "grid_search.csv")["chosen"].sum() == 1
    assert pd.read_csv(folder / "equations.csv")["lotka_volterra"].all()


@pytest.mark.slow
def test_localization(quick):
    folder = quick("localization")
    formulas: Any = pd.read_csv(folder / "formulas.csv").set_index("model")
    mosaic = formulas.loc["mosaic, every 2nd site"]
    assert mosaic["edges"] > 10
    assert mosaic["rmse_published"] < 0.2
    assert mosaic["rms_difference"] < 0.2
    assert len(pd.read_csv(folder / "edges.csv")) == formulas["edges"].sum()


@pytest.mark.slow
def test_forgetting(quick):
    summary: Any = pd.read_csv(quick("forgetting") / "summary.csv").set_index(["task", "network"])
    line = summary.loc["line"]
    assert line.loc["KAN without hidden layer", "at_the_end"] < 0.1
    assert line.loc["MLP with 2 × 50 nodes", "at_the_end"] > 0.5


@pytest.mark.slow
def test_knots(quick):
    pytest.importorskip("database_knotinfo", reason="its study needs the package of the extra studies")
    folder = quick("knots")
    relations = pd.read_csv(folder / "relations.csv").set_index("column")
    assert relations.loc["cusp_volume", "obeyed"] > 0.99
    accuracy: Any = pd.read_csv(folder / "signature.csv").groupby("method")["accuracy"].mean()
    assert accuracy["most frequent"] < 0.5 < accuracy["half the natural slope"] < accuracy["spline network, all five"]
    shares = pd.read_csv(folder / "attribution.csv").drop(columns="split")
    assert shares.sum(axis=1).tolist() == pytest.approx([1.0] * len(shares), rel=1e-3)


@pytest.mark.slow
def test_special_functions(quick):
    best = pd.read_csv(quick("special_functions") / "summary.csv").set_index(["function", "kind"])
    product = best.loc["harmonic m = 0, n = 1"]  # a function of one angle
    assert product.loc["KAN, pruned", "shape"].startswith("(2, 1, 1)")
    assert product.loc["KAN, pruned", "parameters"] == 18
    assert (best.drop("MLP", level="kind")["rmse"] < 0.01).all()


@pytest.mark.slow
def test_vision_head(quick):
    folder = quick("vision_head")
    heads: Any = pd.read_csv(folder / "summary.csv").set_index("head")
    assert heads.loc["linear", "parameters"] == 64 * 10 + 10
    assert heads.loc["MLP, 32 hidden", "parameters"] == 64 * 32 + 32 + 32 * 10 + 10
    assert heads.loc["KAN, 6 switches", "parameters"] == 64 * 10 * 7
    assert (heads["accuracy"] > 0.9).all()  # a tenth by guessing
    assert (heads["seconds_per_epoch"] > 0).all()
    assert ET.parse(folder / "heads.svg").getroot().tag.endswith("svg")


@pytest.mark.slow
def test_parameter_efficiency(quick):
    folder = quick("parameter_efficiency")
    networks: Any = pd.read_csv(folder / "networks.csv").set_index(["task", "kind", "width"]).sort_index()
    friedman = networks.loc["Friedman 1, 10 columns"]
    assert friedman.loc[("KAN", 4), "parameters"] == (10 * 4 + 4) * 9
    assert friedman.loc[("MLP", 16), "parameters"] == (10 + 1) * 16 + (16 + 1) * 16 + 16 + 1
    # Two for each weight, and one for each silu.
    assert friedman.loc[("MLP", 16), "operations"] == 2 * (10 * 16 + 16 * 16 + 16) + 2 * 16
    assert friedman.loc[("KAN", 4), "operations"] > 2 * (10 * 4 + 4) * 9
    # The numbers themselves, their gradients and Adam's two moments, four bytes each.
    assert (networks["bytes"] > 16 * networks["parameters"]).all()
    assert friedman["rmse"].min() < 0.3 < friedman["rmse"].max()
    ratios = pd.read_csv(folder / "ratios.csv")
    assert (ratios["rmse"] >= 0.999 * ratios[["KAN_best", "MLP_best"]].max(axis=1)).all()
    assert ET.parse(folder / "costs.svg").getroot().tag.endswith("svg")


@pytest.mark.slow
def test_transformer_block(quick):
    folder = quick("transformer_block")
    blocks: Any = pd.read_csv(folder / "summary.csv").set_index("feed_forward")
    assert len(blocks) == 6
    assert abs(blocks["parameters_of_blocks"] / blocks.loc["MLP", "parameters_of_blocks"] - 1).max() < 0.05
    assert blocks.loc["KAN, B-splines", "parameters_of_blocks"] == 16 * 16 * 8
    # Equal chances for the 103 characters of the text are 4.6 nats, their frequencies 3.3.
    assert blocks["loss"].max() < 3.1
    assert blocks.loc["MLP", "loss_at_equal_time"] == blocks.loc["MLP", "loss"]
    assert ET.parse(folder / "losses.svg").getroot().tag.endswith("svg")


@pytest.mark.slow
def test_hello_kan(quick):
    folder = quick("hello_kan")
    runs = pd.read_csv(folder / "runs.csv", dtype={"width": str})
    own = runs[runs["method"].str.startswith("kansym")]
    assert own.groupby("method")["width"].apply(list).to_dict() == {
        "kansym": ["5"],
        "kansym, manual": ["5"],
        "kansym, manual from random splines": ["5"],
    }
    assert own["formula"].tolist() == ["exp(y**2 + sin(pi*x))"] * 3
    assert own["recovered"].all()
    assert (runs["method"] == "operon").sum() == 1
    missing = runs["status"] == "missing"
    assert runs.loc[missing, "note"].str.contains("Julia|not installed").all()
    summary = pd.read_csv(folder / "summary.csv")
    assert set(summary["method"]) == set(runs.loc[~missing, "method"])  # what is not there has no rate
    assert (folder / "rates.svg").exists()


@pytest.mark.slow
def test_scaling_laws(quick):
    folder = quick("scaling_laws")
    laws: Any = pd.read_csv(folder / "exponents.csv").set_index("function")
    assert len(laws) == 2
    assert ((laws["kan_parameters"] > -7) & (laws["kan_parameters"] < -3)).all()
    assert laws.loc["J0(20x)", "kan_rmse"] < 1e-3
    exponential = laws.loc["exp(sin(pi x) + y^2)"]
    assert exponential["kan_rmse"] < 1e-4
    assert 1e-4 < exponential["mlp_rmse"] < 1.0
    runs = pd.read_csv(folder / "runs.csv")
    assert runs.groupby(["function", "network"])["size"].nunique().unstack()["KAN"].tolist() == [4, 4]
    assert (folder / "parameters.svg").exists()
    assert (folder / "time.svg").exists()


@pytest.mark.slow
def test_real_laws(quick):
    folder = quick("real_laws")
    errors: Any = pd.read_csv(folder / "errors.csv").set_index(["data", "method"])
    spheres = errors.loc["sphere_drag_roos_1971"]
    assert spheres.loc["kansym", "status"] == "ok"
    assert spheres.loc["kansym", "unexplained"] < 0.025  # what a parabola in the logarithm leaves
    assert spheres.loc["known law", "unexplained"] < 0.04
    assert set(errors["status"]) <= {"ok", "timeout", "missing"}
    methods = set(errors.index.get_level_values("method"))
    assert methods == {"kansym", "operon", "pysr", "gradient-boosting", "known law"}
    fronts: Any = pd.read_csv(folder / "fronts.csv").groupby("data")
    assert (fronts["selected"].sum() == 1).all()
    assert (fronts["unexplained_training"].diff().dropna() < 0).all()
    assert ET.parse(folder / "fronts.svg").getroot().tag.endswith("svg")


@pytest.mark.slow
def test_classification(quick):
    folder = quick("classification")
    loss = pd.read_csv(folder / "scores.csv").set_index(["data", "method"])["log_loss"]
    product, iris = loss["product"], loss["iris"]
    assert product["formula"] < product["the truth"] + 0.01
    assert product["formula"] < product["gradient boosting"] < product["frequencies"]
    assert product["logistic regression"] > 0.65  # a product is no sum
    assert iris["formula"] < 0.5 * iris["frequencies"]
    formulas: Any = pd.read_csv(folder / "formulas.csv").set_index("data")["formula"]
    assert formulas["product"].endswith("x·y")
    assert formulas["iris"].count("logit") == 3
    assert ET.parse(folder / "scores.svg").getroot().tag.endswith("svg")


def test_knots_without_its_package(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "database_knotinfo", None)
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick", "--out", str(tmp_path)])
    with pytest.raises(SystemExit, match="needs the package database-knotinfo: pip install"):
        runpy.run_path(str(STUDIES / "knots" / "run.py"), run_name="__main__")


def test_gallery(monkeypatch, tmp_path, capsys):
    pytest.importorskip("matplotlib", reason="pictures need matplotlib")
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick", "--out", str(tmp_path)])
    runpy.run_path(str(STUDIES / "gallery" / "run.py"), run_name="__main__")
    assert capsys.readouterr().out == f"{tmp_path / 'network.svg'}\n"
    svg = (tmp_path / "network.svg").read_text(encoding="utf-8")
    assert ET.fromstring(svg).tag.endswith("svg")
    assert "<script" not in svg
    assert "<image" not in svg


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # of layers that compile themselves
def test_layer_speed(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick", "--out", str(tmp_path)])
    runpy.run_path(str(STUDIES / "layer_speed" / "run.py"), run_name="__main__")
    times = pd.read_csv(tmp_path / "times.csv")
    assert {"kansym", "kansym rbf", "MLP"} <= set(times["layer"])
    assert (times["lower_quartile_ms"] > 0).all()
    assert (times["lower_quartile_ms"] <= times["median_ms"]).all()
    assert times["threads"].nunique() == 1
    of_shape = times[(times["shape"] == "4→5, 1000 rows") & times["gradient_in_x"]].set_index("layer")
    assert of_shape.loc["kansym", "parameters"] == 4 * 5 * 9
    assert abs(of_shape.loc["MLP", "parameters"] - 4 * 5 * 9) <= 5
    assert (tmp_path / "times.png").stat().st_size > 5_000
    assert "milliseconds" in capsys.readouterr().out


@pytest.mark.slow
def test_training_speed(monkeypatch, tmp_path, capsys):
    threads = torch.get_num_threads()
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick", "--out", str(tmp_path)])
    try:
        runpy.run_path(str(STUDIES / "training_speed" / "run.py"), run_name="__main__")
    finally:
        torch.set_num_threads(threads)
    stages = pd.read_csv(tmp_path / "quick_stages.csv")
    last = stages.groupby("function")["test_rmse"].last()
    # Ten intervals are too few for J0(20x), and enough for the others.
    assert last.drop("J0(20x)").max() < 1e-3
    assert last["J0(20x)"] < 0.25
    assert "x y kansym" in capsys.readouterr().out


@pytest.mark.slow
def test_cost_curves(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick", "--out", str(tmp_path)])
    runpy.run_path(str(STUDIES / "cost_curves" / "run.py"), run_name="__main__")
    costs = pd.read_csv(tmp_path / "quick_costs.csv")
    assert costs["what"].tolist() == ["fit", "step", "span", "deep span"]
    assert (costs[["seconds", "wall_seconds"]] > 0).all(axis=None)
    assert costs["error_on_wider_box"].max() < 1e-6
    assert "fit 1000 x 10" in capsys.readouterr().out


@pytest.mark.slow
def test_trust(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["run.py", "--quick", "--only", "leaks", "--out", str(tmp_path)])
    runpy.run_path(str(STUDIES / "trust" / "run.py"), run_name="__main__")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["leaks.csv", "trust.svg"]
    assert ET.parse(tmp_path / "trust.svg").getroot().tag.endswith("svg")
    leaks = pd.read_csv(tmp_path / "leaks.csv")
    assert leaks["fit"].tolist() == list(range(10))
    assert (leaks["mebibytes"] > 10).all()
    left = leaks[["files", "threads", "processes"]]
    assert (left.iloc[-1] <= left.iloc[0]).all()


@pytest.mark.parametrize("study", ["first_comparison", "recovery"])
def test_the_records_are_of_today_s_problems(study):
    records = read_records(STUDIES / study / "results" / "records.jsonl")
    problems = {
        (problem.suite, problem.name): problem.fingerprint
        for suite in {record.suite for record in records}
        for problem in load_suite(suite)
    }
    other = [record.key for record in records if record.fingerprint != problems[record.suite, record.problem]]
    assert records
    assert other == []  # else the study's command could not go on with them
