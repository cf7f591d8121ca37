"""The report of a classifier: log-odds, how often classes came true, and names that are attacks."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import confusion_matrix

from kansym import KANClassifier
from kansym.archive import read_archive, write_archive
from kansym.errors import DataError
from kansym.report.class_charts import class_charts
from kansym.report.rows import data_of

NAMES = ["low", "</script><script>alert(1)</script>", '"><img src=x onerror=alert(2)>']


def labelled(n_rows, names, noise=0.3):
    """Classes along the first of two columns."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(rng.uniform(0, len(names), (n_rows, 2)), columns=["t", "<b>u</b>"])
    place = np.clip(X["t"] + rng.normal(0, noise, n_rows), 0, len(names) - 0.1).astype(int)
    return X, pd.Series(np.array(names, dtype=object)[place], name="{{ 7*7 }}")


def fitted(X, y):
    return KANClassifier(max_steps=10, time_limit=None, random_state=0).fit(X, y)


def page_of(model, folder, *rows, **options):
    path = folder / "report.html"
    model.report(path, *rows, **options)
    return path.read_text(encoding="utf-8")


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data


@pytest.fixture(scope="module")
def two():
    X, y = labelled(150, ["no", "yes"])
    return fitted(X, y), X, y


@pytest.fixture(scope="module")
def three():
    X, y = labelled(200, NAMES)
    return fitted(X, y), X, y


def test_formulas_are_the_log_odds_of_the_classes(two, tmp_path):
    model, X, y = two
    page = page_of(model, tmp_path, X, y)
    odds = '<mi>log</mi><mspace width="0.2em"/><mfrac><mrow><mi>P</mi><mrow><mo>(</mo><mtext>yes</mtext>'
    assert page.count(odds) == 1 + len(model.fronts_[0])
    assert "with f for the right side, P(yes) = 1/(1 + exp(−f))" in page
    assert "<h1>{{ 7*7 }} from t and &lt;b&gt;u&lt;/b&gt;</h1>" in page
    assert "R²</dt>" not in page


def test_the_reference_has_no_front_but_is_named(three, tmp_path):
    model, X, y = three
    (reference,) = [place for place, front in enumerate(model.fronts_) if len(front) == 1]
    page = page_of(model, tmp_path, X, y)
    assert {int(place) for place in re.findall(r'id="output-(\d)"', page)} == {0, 1, 2} - {reference}
    assert f"where f = 0 for {model.output_names_[reference]}, the reference" in Tags(page).text


def test_the_table_of_classes_is_the_confusion_matrix(three, tmp_path):
    model, X, y = three
    table = page_of(model, tmp_path, X, y).partition('class="confusion"')[2].partition("</table>")[0]
    counts = [int(number) for number in re.findall(r'class="number(?: own)?">(\d+)<', table)]
    assert counts == confusion_matrix(y, model.predict(X), labels=model.classes_).ravel().tolist()


def test_names_of_classes_are_text(three, tmp_path):
    model, X, y = three
    tags = Tags(page_of(model, tmp_path, X, y, units={"t": NAMES[1]}))
    assert [tag for tag, _ in tags.found if tag in ("img", "script", "b")] == ["script"]
    assert not [name for _, attributes in tags.found for name in attributes if name.startswith("on")]
    assert all(name in tags.text for name in NAMES)


def test_dots_are_the_rows_and_bars_the_intervals(two):
    model, X, y = two
    data = data_of(model, X, y)
    assert data is not None
    position = model.selected()[0]
    fit, rows = class_charts(model, data, 0, position, {})
    assert rows.dots.count("M") == len(X)
    found = data.class_rows(model, 0, position).reliability()
    bars = np.array(re.findall(r"M([\d.]+) ([\d.]+)V([\d.]+)", fit.bars), dtype=float)
    assert bars[:, 1] == pytest.approx(fit.down(found.low), abs=0.06)
    assert bars[:, 2] == pytest.approx(fit.down(found.high), abs=0.06)


def test_over_one_column_the_curve_is_the_probability():
    X, y = labelled(150, ["no", "yes"])
    x = X[["t"]].to_numpy()
    model = fitted(x, y)
    data = data_of(model, x, y)
    assert data is not None
    fit, _ = class_charts(model, data, 0, model.selected()[0], {})
    places = np.array(re.findall(r"[ML]([\d.]+) ([\d.]+)", fit.curve), dtype=float)
    grid = np.linspace(x.min(), x.max(), len(places))
    assert places[:, 1] == pytest.approx(fit.down(model.predict_proba(grid[:, None])[:, 1]), abs=0.06)


def test_without_rows_it_says_so(two, tmp_path):
    page = page_of(two[0], tmp_path)
    assert "Fit and residuals are not shown" in page
    assert "The classes</h2>" not in page


def test_a_saved_classifier_has_the_same_report(two, tmp_path):
    model, X, y = two
    model.save(tmp_path / "model.kansym")
    loaded = KANClassifier.load(tmp_path / "model.kansym")
    assert page_of(loaded, tmp_path, X, y) == page_of(model, tmp_path, X, y)


def test_a_file_that_does_not_name_the_target_calls_it_y(two, tmp_path):
    two[0].save(tmp_path / "model.kansym")
    document, arrays = read_archive(tmp_path / "model.kansym")
    assert document.pop("target") == "{{ 7*7 }}"
    write_archive(tmp_path / "older.kansym", document, arrays)
    assert KANClassifier.load(tmp_path / "older.kansym").target_name_ == "y"


def cautions(page):
    return re.findall(r"<li>(.*?)</li>", page.partition('<ul class="warnings">')[2].partition("</ul>")[0])


def test_what_should_be_looked_at_twice(two, tmp_path):
    model, X, y = two
    assert cautions(page_of(model, tmp_path, X, y)) == []
    found = cautions(page_of(model, tmp_path, X[:20], y[:20][::-1]))
    assert any("these are other rows" in caution for caution in found)
    X, y = labelled(60, ["no", "yes"], noise=0.0)
    y[:52] = "no"
    found = cautions(page_of(fitted(X, y), tmp_path, X, y))
    assert any(caution.startswith("Classes of fewer than 10 of the rows shown: yes (") for caution in found)


def test_classes_that_are_told_apart_without_error_are_warned_of(tmp_path):
    X, y = labelled(120, ["no", "yes"], noise=0.0)
    found = cautions(page_of(fitted(X, y), tmp_path, X, y))
    assert any(caution.startswith("No row shown is of another class than the likeliest") for caution in found)


def test_the_code_in_the_report_makes_the_model_again(two, tmp_path, monkeypatch):
    from kansym.report.facts import python_call

    model, X, y = two
    monkeypatch.chdir(tmp_path)
    X.assign(**{str(y.name): y}).to_csv("data.csv", index=False)
    space = {}
    exec(python_call(model), space)  # it is what the test is about
    assert space["model"].sympy() == model.sympy()


def test_labels_are_checked(two, tmp_path):
    model, X, y = two
    with pytest.raises(DataError, match=r"y must hold classes of the fit, 'no', 'yes', got 'maybe' in row 0"):
        model.report(tmp_path / "report.html", X, ["maybe", *y[1:]])
    with pytest.raises(DataError, match="X and y must be given together"):
        model.report(tmp_path / "report.html", X)
    assert not (tmp_path / "report.html").exists()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(three, tmp_path, visit_page, contrasts, scheme):
    model, X, y = three
    page_of(model, tmp_path, X, y)
    page = visit_page(tmp_path / "report.html", viewport={"width": 390, "height": 800}, color_scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    section = page.locator("section.output").last
    section.locator("a.point").first.click()
    assert section.locator("article:visible").get_attribute("id").endswith("-0")
    assert section.locator("article:visible .chart .bars").count() == 1
    texts = "p, a, td, th, dt, dd, h1, h2, h3, h4, li, figcaption, button, code, .chart text"
    assert min(contrasts(page, texts)) >= 4.5
