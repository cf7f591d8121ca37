import dataclasses
import json
import math
import re
import sys
from collections import Counter
from html.parser import HTMLParser

import pytest

from kansym.comparison.records import Record
from kansym.comparison.summary import failures, unrecovered
from kansym.errors import KansymError, ParameterError
from kansym.report.comparison import comparison_report

pytest.importorskip("jinja2", reason="a report needs jinja2")
pytest.importorskip("matplotlib", reason="a report needs matplotlib")

HOSTILE = "<script>alert(1)</script>"
LETTERS = "</script><u>&\"'`${1} {{ 7*7 }} \u202e \x00 \ud800 $x^2$ 漢"


def run(method="operon", problem="nguyen-1", *, seed=0, status="ok", **changes):
    facts = {"truth": "x", "expression": "x + 1" if status == "ok" else None}
    return Record("nguyen", problem, method, seed, 0.0, 300, 0, 1, 4.0, 1, ("add",), status, **{**facts, **changes})


def report(tmp_path, records, **options):
    comparison_report(records, tmp_path / "report.html", **options)
    return (tmp_path / "report.html").read_text(encoding="utf-8")


class Outline(HTMLParser):
    """All elements with their attributes, and all text outside scripts and styles."""

    def __init__(self, page):
        super().__init__()
        self.elements, self.text, self._open = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_endtag(self, tag):
        self._open.append(f"/{tag}")

    def handle_data(self, data):
        if self._open and self._open[-1] not in ("script", "style"):
            self.text.append(data)

    def values(self, name):
        return [attributes[name] for _, attributes in self.elements if name in attributes]


@pytest.fixture(scope="module")
def outline(page_text):
    return Outline(page_text)


@pytest.fixture(scope="module")
def words(outline):
    return re.sub(r"\s+", " ", " ".join(outline.text))


# ------------------------------------------------------------------------------------------------------------- contents


def test_a_run_that_ends_within_the_grace_counts_by_the_end(tmp_path):
    found = {"recovered": True, "recovered_by": "exact"}
    records = [run("operon", "a", seconds=4.1, **found), run("operon", "b", seconds=4.05)]
    records += [run("quick", name, seconds=0.01, **found) for name in "ab"]
    outline = Outline(report(tmp_path, records))
    words = [text.strip() for text in outline.text if text.strip()]
    header = words.index("by the end")
    assert words[header + 1 : header + 13] == [*("operon", "0 %", "0 %", "0 %", "0 %", "50 %"), "quick", *["100 %"] * 5]
    captions = [text for text in words if text.startswith("Recovered within t seconds")]
    assert any("All recovered runs of operon took their whole limit: they may" in text for text in captions)


def test_nothing_is_asked_of_the_network(page_text, outline):
    without_namespaces = re.sub(r'xmlns(:xlink)?="[^"]*"', "", page_text)
    assert "http:" not in without_namespaces
    assert "https:" not in without_namespaces
    assert not {"link", "img", "iframe", "object", "embed", "base"} & {tag for tag, _ in outline.elements}
    assert not outline.values("src")
    targets = {*outline.values("href"), *outline.values("xlink:href")}
    assert targets
    assert all(target.startswith("#") for target in targets)


def test_ids_are_unique_and_whatever_is_referred_to_is_there(page_text, outline):
    ids = Counter(outline.values("id"))
    assert max(ids.values()) == 1
    referred = {target.removeprefix("#") for target in (*outline.values("href"), *outline.values("xlink:href"))}
    referred |= set(outline.values("aria-labelledby"))
    referred |= set(re.findall(r"url\(#([^)]+)\)", page_text))
    assert referred <= set(ids)


def test_the_page_has_its_data_and_one_script(outline):
    assert [attributes for tag, attributes in outline.elements if tag == "script"] == [
        {"type": "application/json", "id": "data"},
        {},
    ]


def test_every_failure_is_listed_with_its_text(records, outline):
    text = "".join(outline.text)
    listed = failures(records)
    assert set(listed["status"]) == {"timeout", "error", "missing"}
    for error in set(listed["error"]):
        assert error in text
    assert f"Every run that did not end well ({(listed['status'] != 'missing').sum()})" in text
    assert "pysr, 30 runs: juliacall not installed" in re.sub(r"\s+", " ", text)


def test_every_formula_that_is_not_the_law_is_listed(records, outline):
    listed = unrecovered(records)
    text = "".join(outline.text)
    assert f"something else than the law ({len(listed)})" in text
    for formula, times in Counter(listed["expression"]).items():
        assert text.count(formula) >= times


@pytest.mark.parametrize(
    "what",
    [
        "10 s", "1 s, then the run is killed", "0 and 1", "add sub mul div",  # the budget
        "Linux 6.1, x86_64, 2 CPUs, 8.0 GiB", "3.11.2", "1.2.3",  # machine and versions
        "Wilson’s", "Newcombe’s", "McNemar’s", "10⁻⁶", "widened by half",  # the rules
        "noise of 1 % of the RMS", "not installed, so not tried: no rate", "no formulas, or no known law",
        "--suite strogatz --problems", "--time-limit 10 --seeds 2 --noise 0.01 --rows 300",
    ],
)  # fmt: skip
def test_it_says(words, what):
    assert what in words


def test_the_data_of_every_run_are_in_the_page(page_text, records):
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', page_text, re.DOTALL)
    assert data is not None
    assert len(json.loads(data[1])["runs"]) == len(records)


def test_names_from_outside_are_escaped(page_text, outline):
    assert HOSTILE not in page_text
    assert HOSTILE in "".join(outline.text)


# --------------------------------------------------------------------------------------------------------------- inputs


def test_the_order_of_records_does_not_matter(tmp_path, records):
    assert report(tmp_path, records) == report(tmp_path, records[::-1])


@pytest.mark.parametrize(
    "records",
    [
        [run(status="missing", error="pip install it")],
        [run(status="timeout"), run("pykan", status="error")],
        [run(truth=None)],
        [run(expression=None, r2_test=0.5)],
        [run(recovered=True, seconds=0.0, r2_test=1.0, complexity=1)],
        [run(seconds=math.inf, r2_test=-math.inf, error_wide=math.nan), run("b", seconds=1.0, r2_test=-1e308)],
        [run(recovered=True, seconds=1e-9), run(problem="b", recovered=True, seconds=1e6)],
        [run(f"method-{k}", recovered=k % 2 == 0, seconds=k + 1.0, complexity=k, r2_test=k / 20) for k in range(20)],
        [run(seed=seed, recovered=seed > 3) for seed in range(9)],
        [dataclasses.replace(run("_$x^$"), suite="$\\frac{$")],
        [dataclasses.replace(run(), operators=(), versions={}, noise=0.1, dummies=5, threads=2)],
    ],
    ids=[
        "missing",
        "failed",
        "no law",
        "no formula",
        "instant",
        "infinite",
        "extremes",
        "many",
        "seeds",
        "TeX",
        "bare",
    ],
)
def test_any_records_make_a_report(tmp_path, records):
    page = report(tmp_path, records)
    outline = Outline(page)
    assert max(Counter(outline.values("id")).values()) == 1
    assert outline.values("data-runs")
    for leak in ("nan", "None", "Infinity", "undefined"):
        assert not re.search(rf"\b{leak}\b", " ".join(outline.text))


def test_every_letter_of_a_record_arrives_as_text(tmp_path):
    strange = run(
        LETTERS, LETTERS, status="error", error=LETTERS, truth=LETTERS, machine=LETTERS, versions={LETTERS: "1"}
    )
    page = report(tmp_path, [dataclasses.replace(strange, suite=LETTERS)], title=LETTERS, command=LETTERS)
    text = "".join(Outline(page).text)
    assert text.count("</script><u>&\"'`${1} {{ 7*7 }}") >= 8
    assert "49" not in text
    assert not [tag for tag, _ in Outline(page).elements if tag == "u"]


def test_title_and_command_can_be_given(tmp_path):
    page = report(tmp_path, [run()], title="My laws", command="make laws")
    assert "<title>My laws</title>" in page
    assert "make laws" in page
    assert "kansym compare" not in page


def test_without_a_machine_in_the_records_the_page_says_so(tmp_path):
    assert "The records do not say what they ran on" in report(tmp_path, [run()])


def test_without_a_command_one_is_put_together(tmp_path):
    page = report(tmp_path, [dataclasses.replace(run(), threads=2, dummies=3)])
    assert "--suite nguyen --problems nguyen-1 --methods operon" in page
    assert "--dummies 3 --threads 2" in page


def test_runs_at_a_time_and_memory_are_told(tmp_path):
    page = report(tmp_path, [dataclasses.replace(run(), jobs=2, memory_limit=900.0)])
    assert "<dd>2 runs</dd>" in page
    assert "<dd>900 MiB</dd>" in page


def test_no_records_are_refused(tmp_path):
    with pytest.raises(ParameterError, match="at least one run"):
        report(tmp_path, [])


def test_a_run_that_occurs_twice_is_refused_and_nothing_written(tmp_path):
    with pytest.raises(ParameterError, match="each run once"):
        report(tmp_path, [run(), run()])
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("package", ["jinja2", "matplotlib"])
def test_without_its_packages_nothing_is_written(tmp_path, monkeypatch, package):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(KansymError, match=f"needs {package}, .* pip install {package}"):
        report(tmp_path, [run()])
    assert not list(tmp_path.iterdir())


def test_an_old_report_is_kept_if_the_new_one_cannot_be_made(tmp_path):
    report(tmp_path, [run()])
    with pytest.raises(ParameterError):
        report(tmp_path, [])
    assert "nguyen-1" in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        comparison_report([run()], tmp_path / "nowhere" / "report.html")
