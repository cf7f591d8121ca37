import base64
import hashlib
import html
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from kansym import KANRegressor
from kansym.errors import DataError, ParameterError
from kansym.report.facts import python_call
from kansym.report.formula_charts import fit_charts
from kansym.report.rows import Data

ATTACKS = ["</script><script>alert(1)</script>", '"><img src=x onerror=alert(2)>', "{{ 7*7 }} $x^2$ \\", "&lt;b>&#60;"]


def fitted(X, y, **options):
    return KANRegressor(**{"max_steps": 15, "time_limit": None, "random_state": 0, **options}).fit(X, y)


class Outline(HTMLParser):
    """All elements with their attributes, and all text outside scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text, self._open = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open = tag

    def handle_data(self, data):
        if self._open not in ("script", "style"):
            self.text.append(data)


def read(path):
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """A report in which every text of the user is an attack."""
    X = pd.DataFrame(np.random.default_rng(0).uniform(1, 2, (60, 3)), columns=ATTACKS[:3])
    y = pd.Series(X.iloc[:, 0] * X.iloc[:, 1] + X.iloc[:, 2], name=ATTACKS[3])
    path = tmp_path_factory.mktemp("attacked") / "report.html"
    attack = ATTACKS[0]
    fitted(X, y).report(path, X, y, units=dict.fromkeys(ATTACKS, attack), title=attack, command=attack)
    return path


@pytest.fixture(scope="module")
def motion(tmp_path_factory):
    X = pd.DataFrame(np.random.default_rng(0).uniform(0.5, 2, (80, 2)), columns=["m", "v"])
    y = pd.DataFrame({"energy": X.m * X.v**2 / 2, "momentum": X.m * X.v})
    model = fitted(X, y)
    path = tmp_path_factory.mktemp("motion") / "report.html"
    model.report(path, X, y)
    return model, X, y, read(path)


def test_every_formula_of_every_output_is_there(motion):
    model, _, _, page = motion
    for place, front in enumerate(model.fronts_):
        for position in range(len(front)):
            assert f'id="formula-{place}-{position}"' in page
    for latex in model.latex():
        assert f"<code>{latex}</code>" in page


def test_the_python_source_computes_each_formula(motion):
    model, X, _, page = motion
    sources = [html.unescape(code) for code in re.findall(r"<pre[^>]*><code>(# formula.*?)</code>", page, re.DOTALL)]
    expected = [(place, position) for place, front in enumerate(model.fronts_) for position in range(len(front))]
    assert len(sources) == len(expected)
    for source, (place, position) in zip(sources, expected, strict=True):
        space = {}
        exec(source, space)  # it is what the test is about
        index = list(model.selected())
        index[place] = position
        assert space["formula"](X.m, X.v) == pytest.approx(model.predict(X, index)[:, place], rel=1e-12)


def test_the_typeset_formula_is_xml(motion):
    maths = re.findall(r"<math.*?</math>", motion[3])
    assert len(maths) >= 4
    for math in maths:
        ET.fromstring(math)


def test_dots_are_the_rows(motion):
    model, _, _, page = motion
    dots = re.findall(r'class="dots[^"]*" d="([^"]*)"', page)
    assert len(dots) == 2 * sum(map(len, model.fronts_))
    assert {path.count("M") for path in dots} == {80}


def test_attacks_are_text(attacked):
    page = read(attacked)
    outline = Outline(page)
    assert [tag for tag, _ in outline.elements if tag in ("img", "script", "b")] == ["script"]
    assert not [attributes for _, attributes in outline.elements if any(name.startswith("on") for name in attributes)]
    text = "".join(outline.text)
    for attack in ATTACKS:
        assert attack in text
    assert {attributes.get("href", "#")[0] for _, attributes in outline.elements} == {"#"}


def test_the_policy_allows_one_script_and_no_requests(attacked):
    page = read(attacked)
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)
    script = re.search(r"<script>(.*?)</script>", page, re.DOTALL)
    assert policy is not None
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy[1].replace("&#39;", "'")
    assert "default-src 'none'" in policy[1].replace("&#39;", "'")
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:|//|file:|data:)""", page)


def test_ids_are_different(motion, attacked):
    for page in (motion[3], read(attacked)):
        ids = [attributes["id"] for _, attributes in Outline(page).elements if "id" in attributes]
        assert len(set(ids)) == len(ids)
        named = [attributes.get("aria-labelledby") for _, attributes in Outline(page).elements]
        assert set(filter(None, named)) <= set(ids)


def test_without_rows_the_panels_say_so(tmp_path, motion):
    model = motion[0]
    model.report(tmp_path / "report.html")
    page = read(tmp_path / "report.html")
    assert "Fit and residuals are not shown" in page
    assert 'class="dots' not in page
    assert "One variable at a time" not in page


def test_the_same_model_has_the_same_bytes(tmp_path, motion):
    model, X, y, page = motion
    model.report(tmp_path / "report.html", X, y)
    assert read(tmp_path / "report.html") == page


def test_a_saved_model_has_the_same_report(tmp_path, motion):
    model, X, y, page = motion
    model.save(tmp_path / "model.kansym")
    KANRegressor.load(tmp_path / "model.kansym").report(tmp_path / "report.html", X, y)
    assert read(tmp_path / "report.html") == page


def test_rows_come_with_their_targets(tmp_path, motion):
    model, X, y, _ = motion
    with pytest.raises(DataError, match="X and y must be given together or not at all, got X alone"):
        model.report(tmp_path / "report.html", X)
    with pytest.raises(DataError, match="got y alone"):
        model.report(tmp_path / "report.html", y=y)
    with pytest.raises(DataError, match="y must have 80 rows and 2 columns"):
        model.report(tmp_path / "report.html", X, y[:-1])
    assert not (tmp_path / "report.html").exists()


def test_the_band_of_one_variable_is_the_prediction_interval(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(1, 5, (60, 1))
    y = 2.5 * x[:, 0] + rng.normal(0, 0.2, 60)
    model = fitted(x, y)
    position = model.selected()[0]
    chart, _ = fit_charts(model, Data(x, y[:, None]), 0, position, {})
    places = np.array([part.split() for part in re.split("[MLZ]", chart.band) if part], dtype=float)
    lower, upper = model.prediction_interval(np.linspace(x.min(), x.max(), len(places) // 2)[:, None])
    inside = (lower > chart.y.low) & (upper < chart.y.high)
    upper_half, lower_half = places[: len(lower), 1], places[len(lower) :][::-1, 1]
    assert inside.sum() > 100
    assert upper_half[inside] == pytest.approx(chart.down(upper)[inside], abs=0.06)
    assert lower_half[inside] == pytest.approx(chart.down(lower)[inside], abs=0.06)
    covered = np.mean((y >= model.prediction_interval(x)[0]) & (y <= model.prediction_interval(x)[1]))
    assert covered > 0.85
    assert "hold 95 % of new measurements" not in "".join(Outline(write(model, tmp_path)).text)  # without rows


def write(model, folder, *rows):
    model.report(folder / "report.html", *rows)
    return read(folder / "report.html")


def warnings_in(model, path, X, y):
    model.report(path, X, y)
    return re.findall(r"<li>(.*?)</li>", read(path).partition('<ul class="warnings">')[2].partition("</ul>")[0])


def test_what_should_be_looked_at_twice(tmp_path):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.uniform(1, 2, 30), np.ones(30)])
    X[7] = X[3]
    y = 3 * X[:, 0]
    model = fitted(X, y)
    path = tmp_path / "report.html"
    calm = warnings_in(model, path, X, y)
    assert calm == ["Constant, so without any effect that could be seen: x1.", "1 row repeats another exactly."]
    others = warnings_in(model, path, X[:, ::-1] * 5, y)
    assert any("these are other rows" in warning for warning in others)
    assert any("lie outside the ranges of the fit" in warning for warning in others)


def test_a_formula_that_is_not_defined_is_warned_of(tmp_path):
    x = np.linspace(1, 9, 50)[:, None]
    model = fitted(x, np.sqrt(x[:, 0]))
    found = warnings_in(model, tmp_path / "report.html", np.vstack([x, [[-1.0]]]), np.append(np.sqrt(x[:, 0]), 1.0))
    assert "The selected formula is not defined on 1 row of those shown." in found


def test_few_rows_are_warned_of(tmp_path):
    x = np.linspace(1, 9, 8)[:, None]
    found = warnings_in(fitted(x, 2 * x[:, 0]), tmp_path / "report.html", x, 2 * x[:, 0])
    assert found == ["The fit had 8 rows only: several laws may agree with so few."]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("outputs", [1, 2])
def test_the_code_in_the_report_makes_the_model_again(tmp_path, monkeypatch, named, outputs):
    rng = np.random.default_rng(0)
    names = ["a'b", 'c"d\\', "e f", "g"][: 2 + outputs]
    table = pd.DataFrame(rng.uniform(1, 2, (40, 2 + outputs)), columns=names)
    table.iloc[:, 2] = table.iloc[:, 0] * table.iloc[:, 1]
    if outputs == 2:
        table.iloc[:, 3] = table.iloc[:, 0] + 1
    X, y = table.iloc[:, :2], table.iloc[:, 2] if outputs == 1 else table.iloc[:, 2:]
    model = fitted(X, y) if named else fitted(X.to_numpy(), y.to_numpy())
    monkeypatch.chdir(tmp_path)
    table.to_csv("data.csv", index=False)
    space = {}
    exec(python_call(model), space)  # it is what the test is about
    assert space["model"].sympy() == model.sympy()


def test_a_formula_without_source_says_why(tmp_path, motion, monkeypatch):
    model = motion[0]

    def refuse(formulas, variables, library, language):
        raise ParameterError(f"no {language} for <b>")

    monkeypatch.setattr("kansym.report.panels.formula_source", refuse)
    model.report(tmp_path / "report.html")
    page = read(tmp_path / "report.html")
    assert page.count("no python for &lt;b&gt;") == sum(map(len, model.fronts_))
    sources = page.partition('id="network"')[0]
    assert sources.count('class="copy"') == sum(map(len, model.fronts_))  # LaTeX only


def test_a_million_rows_make_no_larger_page(tmp_path):
    x = np.linspace(1, 2, 50)[:, None]
    model = fitted(x, 2 * x[:, 0])
    many = np.linspace(1, 2, 1_000_000)[:, None]
    model.report(tmp_path / "report.html", many, 2 * many[:, 0])
    assert (tmp_path / "report.html").stat().st_size < 200_000
    assert "500 of 1,000,000 rows drawn" in read(tmp_path / "report.html")


def test_a_failed_write_leaves_the_old_page(tmp_path, motion):
    (tmp_path / "report.html").mkdir()
    with pytest.raises(OSError, match="report"):
        motion[0].report(tmp_path / "report.html")
