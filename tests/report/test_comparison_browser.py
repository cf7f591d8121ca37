"""The report in a real browser: it works by mouse, keyboard and on a phone, and it asks nothing of anyone."""

import functools
import re

import pytest

PHONE = {"width": 390, "height": 844}


@pytest.fixture
def visit(visit_page, page_path):
    return functools.partial(visit_page, page_path)


def cell(page, method, problem):
    return page.get_by_role("button", name=f"{method} on {problem}:").first


def test_a_click_on_a_cell_shows_its_run(visit, records):
    page = visit()
    detail = page.locator("#detail")
    assert not detail.is_visible()
    record = next(record for record in records if record.method == "kansym" and record.recovered)
    cell(page, record.method, record.problem).click()
    text = detail.inner_text()
    assert f"{record.method} on {record.problem}" in text
    assert record.truth in text
    assert f"{record.seconds:.3g} of 10" in text
    assert "shown by sympy" in text
    assert record.machine not in text
    page.get_by_role("button", name="Close the details").click()
    assert not detail.is_visible()


def test_a_failed_run_shows_what_it_said(visit, records):
    page = visit()
    record = next(record for record in records if record.status == "error")
    cell(page, record.method, record.problem).click()
    assert record.error in page.locator("#detail").inner_text()


def test_a_cell_of_several_seeds_shows_each(visit):
    page = visit()
    cell(page, "kansym", "strogatz-1").click()
    assert page.locator("#detail dl").count() == 2
    assert "seed 0" in page.locator("#detail").inner_text()
    assert "seed 1" in page.locator("#detail").inner_text()


def test_a_hostile_name_is_text_in_the_details_too(visit):
    page = visit()
    cell(page, "<script>alert(1)</script>", "<script>alert(1)</script>").click()
    assert page.locator("#detail h2").inner_text() == "<script>alert(1)</script> on <script>alert(1)</script>"
    assert page.locator("#detail script").count() == 0


def test_the_keyboard_reaches_moves_shows_and_closes(visit):
    page = visit()
    stops = 0
    while page.evaluate("document.activeElement.closest('table.matrix') === null"):
        page.keyboard.press("Tab")
        stops += 1
        assert stops < 60
    focused = "document.activeElement.getAttribute('aria-label')"
    first = page.evaluate(focused)
    page.keyboard.press("Enter")
    detail = page.locator("#detail h2")
    assert first.startswith(detail.inner_text())
    page.keyboard.press("ArrowRight")
    assert page.evaluate(focused) != first
    assert page.evaluate(focused).startswith(detail.inner_text())
    page.keyboard.press("ArrowDown")
    assert " on nguyen-2:" in page.evaluate(focused)
    page.keyboard.press("End")
    page.keyboard.press("ArrowRight")  # there is nothing beyond
    last = page.evaluate(focused)
    page.keyboard.press("Escape")
    assert not detail.is_visible()
    assert page.evaluate(focused) == last
    page.keyboard.press("Tab")  # a table is one stop, so that nobody has to walk through a thousand cells
    assert page.evaluate("document.activeElement.closest('table.matrix') !== document.querySelector('table.matrix')")


def test_the_chosen_cell_is_not_covered_by_its_details(visit):
    page = visit()
    for problem in ("nguyen-1", "nguyen-12", "strogatz-7"):
        chosen = cell(page, "kansym", problem)
        chosen.evaluate("cell => { cell.scrollIntoView({block: 'end'}); cell.click(); }")  # just where the panel opens
        box, panel = chosen.bounding_box(), page.locator("#detail").bounding_box()
        assert box["y"] + box["height"] <= panel["y"]
        assert box["y"] >= 0


def test_the_filter_leaves_the_problems_that_were_asked_for(visit):
    page = visit()
    section = page.locator("#setting-0")
    rows = section.locator("table.matrix tbody tr:visible")
    assert rows.count() == 12
    section.get_by_label("Filter").fill("NGUYEN-1")
    assert rows.count() == 4  # 1, 10, 11 and 12
    assert section.locator("output").inner_text() == "4 of 12 problems"
    section.get_by_label("Filter").fill("")
    section.get_by_label("only where the methods differ").check()
    assert rows.count() == section.locator("tr[data-differs]").count()
    section.get_by_label("Filter").fill("nothing of the kind")
    assert rows.count() == 0


@pytest.mark.parametrize("width", [320, 390, 768, 1280, 1920])
def test_the_page_never_scrolls_sideways(visit, width):
    page = visit(viewport={"width": width, "height": 844})
    page.locator("#failures details summary").click()
    for summary in page.locator("figure details summary").all():
        summary.click()
    cell(page, "gplearn", "nguyen-7").click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_wide_tables_scroll_in_their_own_box_on_a_phone(visit):
    page = visit(viewport=PHONE, has_touch=True, is_mobile=True)
    boxes = page.locator(".scroll:visible")
    assert boxes.evaluate_all("boxes => boxes.some(box => box.scrollWidth > box.clientWidth)")
    cell(page, "operon", "nguyen-3").tap()
    assert page.locator("#detail").bounding_box()["height"] < 0.6 * PHONE["height"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_stands_out_in_light_and_dark(visit, scheme, contrasts):
    page = visit(color_scheme=scheme)
    cell(page, "gplearn", "nguyen-7").click()
    ratios = contrasts(page, "p, a, td, th, dt, dd, small, h1, h2, h3, figcaption, button, .sign, svg text")
    assert len(ratios) > 500
    assert min(ratios) >= 4.5  # WCAG 2.2, criterion 1.4.3
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == (
        "rgb(20, 24, 28)" if scheme == "dark" else "rgb(255, 255, 255)"
    )


def test_the_ink_of_figures_is_that_of_the_page(visit):
    page = visit(color_scheme="dark")
    fill = "getComputedStyle(document.querySelector('.plot svg text')).fill"
    assert page.evaluate(fill) == page.evaluate("getComputedStyle(document.body).color")


def test_figures_have_a_name_for_those_who_do_not_see_them(visit):
    page = visit()
    assert page.get_by_role("img", name=re.compile("^Accuracy against complexity")).count() == 2
    assert page.get_by_role("img", name=re.compile("^Recovered within t seconds")).count() == 2
    assert page.locator(".plot").count() == 6


def test_without_scripts_the_lists_are_there(visit):
    page = visit(java_script_enabled=False)
    assert page.locator(".filter").first.is_hidden()
    assert page.locator("noscript").first.is_visible()
    assert page.locator("#failures tbody tr").first.is_visible()
