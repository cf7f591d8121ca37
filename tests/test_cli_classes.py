"""kansym fit --classify, and kansym predict on what it saved: output, files, one clear line for wrong use."""

import os
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss

from kansym import KANClassifier
from kansym.cli import main
from kansym.symbolic.description import constant_bits

QUICK = ["--classify", "--max-steps", "25"]


@pytest.fixture
def write(tmp_path):
    def write(frame, name="table.csv"):
        path = tmp_path / name
        frame.to_csv(path, index=False)
        return str(path)

    return write


def run(capsys, *arguments):
    code = main(list(arguments))
    return code, *capsys.readouterr()


def shoots(n_rows=120):
    """Two columns of numbers, one of text, and three columns of classes."""
    generator = np.random.default_rng(0)
    light, water = generator.uniform(-2, 2, (2, n_rows))
    grows = light - 0.5 * water > 0.3 * generator.normal(size=n_rows)
    kind = np.select([water > 1, light > 0], ["moss", "rose"], "fern")
    frame = pd.DataFrame({"light": light, "water": water, "note": "none"})
    return frame.assign(grows=grows, kind=kind, count=grows.astype(int) + 1)


def test_text_with_two_classes(capsys, write):
    table = shoots()[["light", "water", "note", "grows"]].replace({True: "yes", False: "no"})
    code, out, err = run(capsys, "fit", write(table), "--target", "grows", *QUICK)
    assert (code, err) == (0, "")
    shown = out.splitlines()
    assert shown[0] == "table.csv: 120 rows, grows (2 classes) from light, water; left out, as they hold text: note"
    (logit,) = [line for line in shown if line.startswith("logit of")]
    assert re.match(r"logit of yes = .*light", logit)
    assert "confidence" in out


@pytest.mark.parametrize(("target", "label"), [("grows", "True"), ("count", "2")])
def test_booleans_and_whole_numbers_are_classes(capsys, write, target, label):
    _, out, _ = run(capsys, "fit", write(shoots()[["light", "water", target]]), "--target", target, *QUICK)
    assert f"\nlogit of {label} = " in out


def test_three_classes_have_a_reference_and_their_own_fronts(capsys, write):
    _, out, _ = run(capsys, "fit", write(shoots()[["light", "water", "kind"]]), "--target", "kind", *QUICK)
    counts = shoots()["kind"].value_counts()
    assert f"\nlogit of {counts.index[0]} = 0, the reference\n" in out
    assert out.count("complexity") == 2
    assert all(f"\nlogit of {name} = " in out for name in counts.index)


def test_features_are_those_that_are_named(capsys, write):
    arguments = ["fit", write(shoots()), "--target", "kind", "--features", "water", *QUICK]
    _, out, _ = run(capsys, *arguments)
    assert out.startswith("table.csv: 120 rows, kind (3 classes) from water\n")


@pytest.fixture
def saved(capsys, write, tmp_path):
    arguments = ["fit", write(shoots()[["light", "water", "kind"]]), "--target", "kind", *QUICK]
    code, out, _ = run(capsys, *arguments, "--out", str(tmp_path / "out"))
    assert code == 0
    assert out.splitlines()[-1].split() == [
        "written",
        f"{tmp_path / 'out' / 'model.kansym'},",
        f"{tmp_path / 'out' / 'equations.csv'},",
        str(tmp_path / "out" / "report.html"),
    ]
    return tmp_path / "out"


def test_out_gets_the_model_the_equations_and_a_report(saved):
    assert sorted(os.listdir(saved)) == ["equations.csv", "model.kansym", "report.html"]
    page = (saved / "report.html").read_text(encoding="utf-8")
    assert "<h1>kind from light and water</h1>" in page
    assert "kansym fit table.csv --target kind --classify --max-steps 25 --out out" in page
    table = pd.read_csv(saved / "equations.csv")
    assert set(table["target"]) == {"fern", "moss", "rose"}
    assert sorted(table.loc[table["selected"], "target"]) == ["fern", "moss", "rose"]


def bits(model, X, y):
    """Of the labels by the selected formulas, and of these."""
    chosen = [front[position] for front, position in zip(model.fronts_, model.selected(), strict=True)]
    formulas = sum(formula.structure_bits + constant_bits(len(y)) * formula.n_constants for formula in chosen)
    return len(y) * log_loss(y, model.predict_proba(X)) / np.log(2) + formulas


def test_a_model_is_kept_as_it_gets_better_and_gone_on_with(capsys, saved, write, tmp_path, monkeypatch):
    earlier, kept = KANClassifier.load(saved / "model.kansym"), []
    monkeypatch.setattr("kansym.cli.checkpoint.Checkpoint.keep", lambda self, model: kept.append(len(model.fronts_)))
    table = shoots()[["light", "water", "kind"]]
    words = ["fit", write(table), "--target", "kind", "--classify", "--seed", "5", "--out", str(saved)]
    code, _, err = run(capsys, *words, "--max-steps", "25")
    assert (code, "--out must be a folder without a model" in err, kept) == (2, True, [])
    code, _, err = run(capsys, *words, "--max-steps", "3", "--resume")
    assert (code, err) == (0, "")
    assert set(kept) == {3}
    X, y = table[["light", "water"]], table["kind"]
    later = KANClassifier.load(saved / "model.kansym")
    assert bits(later, X, y) <= bits(earlier, X, y) + 1e-6
    for other, message in (
        (table.assign(kind=table["kind"].replace("fern", "fir")), "classes must be those of the earlier search"),
        (table.assign(kind=table["kind"].to_numpy()[::-1], light=table["light"] + 1), "the rows must be those of"),
    ):
        words[1] = write(other)
        code, _, err = run(capsys, *words, "--max-steps", "3", "--resume")
        assert (code, message in err) == (2, True)


def test_predictions_are_classes_with_their_probabilities(capsys, saved, write):
    new = shoots(7)[["note", "water", "light"]]
    code, out, err = run(capsys, "predict", str(saved / "model.kansym"), write(new, "new.csv"))
    assert (code, err) == (0, "")
    rows = [line.split(",") for line in out.splitlines()]
    assert rows[0] == ["class", "P(fern)", "P(moss)", "P(rose)"]
    model = KANClassifier.load(saved / "model.kansym")
    X = new[["light", "water"]]
    assert [row[0] for row in rows[1:]] == model.predict(X).tolist()
    np.testing.assert_array_equal(np.array([row[1:] for row in rows[1:]], dtype=float), model.predict_proba(X))


@pytest.mark.filterwarnings("default::kansym.errors.FitWarning")
def test_a_row_where_a_logit_is_not_defined_has_no_class(capsys, write, tmp_path):
    x = np.random.default_rng(0).uniform(0.02, 4, (400, 1))
    y = np.log(x[:, 0]) > 0.5 * np.random.default_rng(1).normal(size=400)
    model = KANClassifier(random_state=0, max_steps=40, library=["x", "log"]).fit(pd.DataFrame(x, columns=["a"]), y)
    assert "log" in str(model.sympy())
    model.save(tmp_path / "a.kansym")
    table = write(pd.DataFrame({"a": [2.0, -1.0]}), "new.csv")
    code, out, err = run(capsys, "predict", str(tmp_path / "a.kansym"), table)
    assert (code, out.splitlines()[2]) == (0, "nan,nan,nan")
    assert out.splitlines()[1].startswith("True,")
    assert re.match("kansym: warning: the formula is not defined on 1 row", err)


def test_a_saved_model_has_a_report_with_and_without_rows(capsys, saved, write, tmp_path):
    page = tmp_path / "a.html"
    code, out, err = run(capsys, "report", str(saved / "model.kansym"), "--out", str(page))
    assert (code, out.split()[0], err) == (0, "written", "")
    assert "Fit and residuals are not shown" in page.read_text(encoding="utf-8")
    table = write(shoots().rename(columns={"kind": "plant"}), "again.csv")
    arguments = ["report", str(saved / "model.kansym"), "--data", table, "--out", str(page)]
    code, _, err = run(capsys, *arguments)
    assert (code, "no column 'kind' for the target" in err) == (2, True)
    code, _, err = run(capsys, *arguments, "--target", "plant")
    assert (code, err) == (0, "")
    found = page.read_text(encoding="utf-8")
    assert "taken for <bdi>rose</bdi>" in found
    assert "these are other rows" not in found
    code, _, err = run(capsys, *arguments, "--target", "plant", "--target", "count")
    assert (code, "--target must name the column of classes, got 2" in err) == (2, True)


WRONG = {
    "numbers with fractions": (
        ["--target", "light", "--classify"],
        r"column 'light' must hold classes, texts or whole numbers, got the number .*; leave out --classify",
    ),
    "text without the option": (
        ["--target", "kind"],
        "column 'kind' must hold numbers, got the text '.*' in row 1; .*; if it holds classes, add --classify",
    ),
    "two targets": (
        ["--target", "kind", "--target", "grows", "--classify"],
        "--classify needs one --target, got 2",
    ),
    "one class": (["--target", "note", "--classify"], "y must hold at least two classes, got only one class: none"),
    "missing classes": (
        ["--target", "gaps", "--classify"],
        "column 'gaps' must hold a class in every row, got a missing cell in row 3",
    ),
    "too many": (["--target", "row", "--classify"], "column 'row' must hold at most 50 classes, got 120"),
    "no such column": (["--target", "kinds", "--classify"], "no column 'kinds' for the target"),
    "the target as feature": (
        ["--target", "count", "--features", "light,count", "--classify"],
        "must not name the target, got 'count' as both",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_clear_line(case, capsys, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words, message = WRONG[case]
    gaps = ["a", "b", None] * 40
    table = write(shoots().assign(gaps=gaps, row=range(120)))
    code, _, err = run(capsys, "fit", table, *words)
    assert code == 2
    assert re.fullmatch(f"kansym: .*{message}.*\n", err), err
    assert os.listdir(tmp_path) == ["table.csv"]
