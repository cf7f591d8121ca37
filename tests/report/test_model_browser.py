"""The report of a model in a real browser: by mouse, keyboard, on a phone, in the dark, and under attack."""

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest
import sympy

from kansym import KANRegressor
from kansym.symbolic.constants import refit
from kansym.symbolic.front import Formula, ParetoFront
from kansym.symbolic.rows import Rows

PHONE = {"width": 360, "height": 740}


@pytest.fixture(scope="module")
def noisy(tmp_path_factory):
    """A front of four formulas of three columns with awkward names; the search itself is not what is tested."""
    rng = np.random.default_rng(1)
    X = pd.DataFrame(rng.uniform(0.5, 2, (90, 3)), columns=["mass_kg", "a rather long name of a column", "<b>c</b>"])
    y = X.iloc[:, 0] * X.iloc[:, 1] ** 2 + 0.3 * np.sin(3 * X.iloc[:, 2]) + rng.normal(0, 0.02, 90)
    model = KANRegressor(max_steps=1, time_limit=None, random_state=0).fit(X, y.rename("</script>energy"))
    a, b, c = model.variables_
    rows = Rows(X.to_numpy(), y.to_numpy(), np.ones(90), model.variables_)
    k = [sympy.Float(number) for number in (2.1, 1.1, 0.9, 0.31, 2.9)]
    forms = [k[0], k[1] * a * b, k[2] * a * b**2, k[2] * a * b**2 + k[3] * sympy.sin(k[4] * c)]
    formulas = tuple(Formula.from_fit(refit(form, rows), rows.variance, "by hand") for form in forms)
    model.fronts_ = (ParetoFront(formulas, rows.variance, 90),)
    model.discoveries_ = (dataclasses.replace(model.discoveries_[0], front=model.fronts_[0]),)
    path = tmp_path_factory.mktemp("noisy") / "report.html"
    model.report(path, X, y)
    return model, path


@pytest.fixture
def visit(visit_page, noisy):
    return functools.partial(visit_page, noisy[1])


def visible(page):
    return page.locator("article:visible")


def test_a_click_on_a_point_shows_its_formula(visit, noisy):
    model, _ = noisy
    page = visit()
    assert visible(page).get_attribute("id") == f"formula-0-{model.selected()[0]}"
    point = page.locator("a.point").first
    point.click()
    assert visible(page).get_attribute("id") == "formula-0-0"
    assert point.get_attribute("aria-current") == "true"
    assert page.locator("output").inner_text() == f"Formula 1 of {len(model.fronts_[0])} is shown below."
    assert f"complexity\n{model.fronts_[0][0].complexity}\n" in visible(page).inner_text() + "\n"
    assert visible(page).locator(".chart").count() == 2


def test_a_line_of_the_table_shows_its_formula(visit):
    page = visit()
    page.locator("td.formula a").nth(1).click()
    assert visible(page).get_attribute("id") == "formula-0-1"
    assert page.locator("tr[aria-current]").count() == 1


@pytest.mark.parametrize(("language", "place"), [("latex", 0), ("python", 1), ("c", 2)])
def test_sources_can_be_copied(visit, noisy, language, place):
    model, _ = noisy
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    page.locator("a.point").nth(1).click()
    button = visible(page).locator("button.copy").nth(place)
    button.click()
    page.wait_for_function("button => button.innerText.startsWith('Copied')", arg=button.element_handle())
    expected = model.latex(1) if language == "latex" else model.to_source(1, language=language)
    assert page.evaluate("navigator.clipboard.readText()") == expected


def test_without_a_clipboard_the_source_is_selected_and_copied(visit, noisy):
    page = visit()
    page.evaluate("Object.defineProperty(navigator, 'clipboard', {value: undefined})")
    visible(page).locator("button.copy").first.click()
    selected = page.evaluate("getSelection().toString()").strip()
    assert selected == noisy[0].latex()


def test_the_keyboard_reaches_the_chart_and_moves_in_it(visit, noisy):
    model, _ = noisy
    page = visit()
    for _ in range(30):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.classList.contains('point')"):
            break
    focused = "document.activeElement.dataset.formula"
    assert page.evaluate(focused) == f"formula-0-{model.selected()[0]}"
    page.keyboard.press("Home")
    assert page.evaluate(focused) == visible(page).get_attribute("id") == "formula-0-0"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) == visible(page).get_attribute("id") == "formula-0-1"
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")  # there is nothing beyond
    assert visible(page).get_attribute("id") == f"formula-0-{len(model.fronts_[0]) - 1}"
    page.keyboard.press("Tab")  # the chart is one stop
    assert not page.evaluate("document.activeElement.classList.contains('point')")


def test_enter_on_a_link_of_the_table_shows_its_formula(visit):
    page = visit()
    page.locator("td.formula a").first.focus()
    page.keyboard.press("Enter")
    assert visible(page).get_attribute("id") == "formula-0-0"


@pytest.mark.parametrize("width", [320, 360, 768, 1280, 1920])
def test_the_page_never_scrolls_sideways(visit, width):
    page = visit(viewport={"width": width, "height": 740})
    for point in page.locator("a.point").all():
        point.click()
        for summary in page.locator("article:visible summary").all():
            summary.click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.fixture(scope="module")
def crowded(tmp_path_factory):
    """Three formulas of the same size and nearly the same error, and one that is one node larger."""
    rng = np.random.default_rng(1)
    x = rng.uniform(1, 2, (60, 1))
    y = 2 * x[:, 0] + rng.normal(0, 0.3, 60)
    model = KANRegressor(max_steps=1, time_limit=None, random_state=0).fit(x, y)
    rows = Rows(x, y, np.ones(60), model.variables_)
    (t,) = model.variables_
    two = sympy.Float(2.0)
    forms = [two, two * sympy.sin(t), two * sympy.log(t), two * sympy.atan(t), sympy.sin(two * t) + 1]
    found = [Formula.from_fit(refit(form, rows), rows.variance, "by hand") for form in forms]
    alike = [dataclasses.replace(formula, loss=found[1].loss * (1 - 1e-3 * k)) for k, formula in enumerate(found[1:])]
    assert len({formula.complexity for formula in alike[:3]}) == 1
    model.fronts_ = (ParetoFront((found[0], *alike), rows.variance, 60),)
    model.discoveries_ = (dataclasses.replace(model.discoveries_[0], front=model.fronts_[0]),)
    path = tmp_path_factory.mktemp("crowded") / "report.html"
    model.report(path, x, y)
    return path


@pytest.mark.parametrize("width", [360, 1280])
def test_formulas_of_one_size_can_each_be_clicked(visit_page, crowded, width):
    page = visit_page(crowded, viewport={"width": width, "height": 800})
    points = page.locator("a.point")
    for place in [*range(points.count()), 1, 3, 2]:
        points.nth(place).click()
        assert visible(page).get_attribute("id") == f"formula-0-{place}"


def test_formulas_of_one_size_can_each_be_reached_by_key(visit_page, crowded):
    page = visit_page(crowded)
    page.locator("a.point").first.focus()
    for place in range(1, page.locator("a.point").count()):
        page.keyboard.press("ArrowRight")
        assert visible(page).get_attribute("id") == f"formula-0-{place}"
        assert page.evaluate("document.activeElement.dataset.formula") == f"formula-0-{place}"


def test_a_touch_beside_a_point_means_the_nearest_one(visit_page, crowded):
    page = visit_page(crowded)
    box = page.locator("a.point .hit").first.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2 + 20, box["y"] + box["height"] / 2)
    assert visible(page).get_attribute("id") == "formula-0-0"
    page.mouse.click(box["x"] + box["width"] / 2 + 90, box["y"] + box["height"] / 2)  # far from all
    assert visible(page).get_attribute("id") == "formula-0-0"


@pytest.mark.parametrize("width", [320, 360, 1280])
def test_letters_of_charts_can_be_read(visit, width):
    page = visit(viewport={"width": width, "height": 740})
    sizes = page.evaluate(
        """[...document.querySelectorAll('svg.chart text')].filter(text => text.checkVisibility()).map(text =>
        parseFloat(getComputedStyle(text).fontSize) * text.ownerSVGElement.getBoundingClientRect().width / 400)"""
    )
    assert min(sizes) >= (9.5 if width == 320 else 11)


def test_points_are_large_enough_for_a_finger(visit):
    page = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    page.locator("a.point").first.tap()
    assert visible(page).get_attribute("id") == "formula-0-0"
    box = page.locator("a.point .hit").first.bounding_box()
    assert min(box["width"], box["height"]) >= 18


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(visit, scheme, contrasts):
    page = visit(color_scheme=scheme)
    ratios = contrasts(page, "p, a, td, th, dt, dd, h1, h2, h3, h4, li, figcaption, button, code, math, .chart text")
    assert len(ratios) > 100
    assert min(ratios) >= 4.5  # WCAG 2.2, criterion 1.4.3


def test_typeset_formulas_are_laid_out_as_formulas(visit):
    page = visit()
    size = page.locator(".law math").first.bounding_box()
    assert size["height"] > 10
    assert page.locator("math mi", has_text="<b>c</b>").count() >= 1
    assert page.locator("b").count() == 0


def test_a_link_to_a_formula_opens_it(visit, noisy):
    page = visit()
    page.goto(f"{noisy[1].as_uri()}#formula-0-1")
    page.reload()
    assert visible(page).get_attribute("id") == "formula-0-1"


def test_without_scripts_all_formulas_are_there(visit, noisy):
    page = visit(java_script_enabled=False)
    assert visible(page).count() == len(noisy[0].fronts_[0])
    assert page.locator("button.copy:visible").count() == 0
    page.locator("a.point").first.click()
    assert page.url.endswith("#formula-0-0")
