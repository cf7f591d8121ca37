import shutil

import numpy as np
import pytest

from kansym.comparison.methods.base import DEFAULT_OPERATORS
from kansym.comparison.records import Record
from kansym.report.comparison import comparison_report

HOSTILE = "<script>alert(1)</script>"
CONTRAST = """selector => {
  const pixel = document.createElement('canvas').getContext('2d', {willReadFrequently: true});
  const over = (colors) => {
    pixel.clearRect(0, 0, 1, 1);
    for (const color of colors) { pixel.fillStyle = color; pixel.fillRect(0, 0, 1, 1); }
    return [...pixel.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const luminance = (color) => color.map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, k) => sum + v * [0.2126, 0.7152, 0.0722][k], 0);
  return [...document.querySelectorAll(selector)].filter(e => e.checkVisibility()).map(element => {
    const behind = [];
    for (let e = element; e; e = e.parentElement) behind.unshift(getComputedStyle(e).backgroundColor);
    const [a, b] = [over(behind), over([...behind, getComputedStyle(element).color])].map(luminance);
    return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
  });
}"""
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
DESKTOP = {"width": 1280, "height": 900}
LONG = " + ".join(f"{k + 1}.25*sin({k}*x0 + x1/{k + 3})" for k in range(13))
ACCURACY = {
    "kansym": 0.8,
    "operon": 0.6,
    "gplearn": 0.3,
    "pykan": 0.2,
    "polynomial": 0.15,
    "mlp": 0.0,
    "pysr": None,
    HOSTILE: 0.4,
}
LAWS = ("x0**3 + x0**2 + x0", "sin(x0**2)*cos(x0) - 1", "log(x0 + 1) + log(x0**2 + 1)", "2*sin(x0)*cos(x1)")


def synthetic_records(seed=0):
    """Records as a comparison makes them: failures, a missing method, a method without formulas, hostile names."""
    rng = np.random.default_rng(seed)
    problems = [("nguyen", f"nguyen-{k}", LAWS[k % 4]) for k in range(1, 13)]
    problems += [("strogatz", f"strogatz-{k}", LAWS[k % 3]) for k in range(1, 8)]
    problems += [("strogatz", HOSTILE, "x0*x1"), ("strogatz", "bacterial growth with a name that is rather long", None)]
    return [
        _record(rng, suite, problem, law, method, seed)
        for suite, problem, law in problems
        for method in ACCURACY
        for seed in ((0, 1) if suite == "strogatz" else (0,))
    ]


def _record(rng, suite, problem, law, method, seed):
    run = {
        "suite": suite,
        "problem": problem,
        "method": method,
        "seed": seed,
        "noise": 0.01 if suite == "strogatz" else 0.0,
        "rows": 300,
        "dummies": 0,
        "n_variables": 2,
        "time_limit": 10.0,
        "threads": 1,
        "operators": DEFAULT_OPERATORS,
        "truth": law,
        "truth_complexity": None if law is None else 11,
        "versions": {"python": "3.11.2", "kansym": "0.1.0", method: "1.2.3"},
        "machine": "Linux 6.1, x86_64, 2 CPUs, 8.0 GiB",
    }
    accuracy = ACCURACY[method]
    if accuracy is None:
        return Record(**run, status="missing", error="juliacall not installed; pip install 'kansym[pysr]'")
    luck = rng.uniform()
    seconds = float(np.exp(rng.normal(0.5, 1.0)) * (1.5 - accuracy))
    if luck > 0.94:
        return Record(**run, status="timeout", seconds=11.2, error="killed 1 s after its limit of 10 s")
    if luck > 0.88:
        return Record(**run, status="error", seconds=seconds, error=f"{HOSTILE} ended by signal 11 (SIGSEGV)")
    run |= {"status": "ok", "seconds": min(seconds, 10.0), "peak_memory": float(rng.uniform(150, 900))}
    if method == "mlp":
        return Record(**run, r2_test=float(1 - 10 ** rng.normal(-2.5, 1)), error_test=0.04, error_wide=0.8)
    if law is not None and luck < accuracy:
        by = {"recovered": True, "recovered_by": "exact", "symbolic": bool(luck < accuracy - 0.1), "on_front": True}
        error = float(10 ** rng.uniform(-15, -7))
        return Record(
            **run, **by, expression=law, complexity=11, front_size=9, r2_test=1 - error**2,
            error_test=error, error_wide=2 * error, edit_distance=0.0,
        )  # fmt: skip
    error = float(10 ** rng.uniform(-4, 0.3))
    return Record(
        **run,
        expression=LONG if luck > 0.8 else "1.0003*x0 + 0.5*exp(x1)",
        complexity=int(rng.integers(3, 90)),
        front_size=int(rng.integers(1, 20)),
        r2_test=None if luck > 0.86 else 1 - error**2,
        error_test=error,
        error_wide=None if luck > 0.84 else 3 * error,
        on_front=bool(law is not None and luck < accuracy + 0.05),
        symbolic=None if luck > 0.8 else False,
        edit_distance=None if law is None else float(rng.uniform(0.1, 1)),
    )


@pytest.fixture(scope="session")
def records():
    return synthetic_records()


@pytest.fixture(scope="session")
def page_path(records, tmp_path_factory):
    pytest.importorskip("jinja2", reason="a report needs jinja2")
    pytest.importorskip("matplotlib", reason="a report needs matplotlib")
    path = tmp_path_factory.mktemp("report") / "report.html"
    comparison_report(records, path, grace=1.0)
    return path


@pytest.fixture(scope="session")
def page_text(page_path):
    return page_path.read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    with playwright.sync_playwright() as driver:
        executable = next(filter(None, map(shutil.which, BROWSERS)), None)
        try:
            browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        except playwright.Error as error:
            pytest.skip(f"no Chromium to start: {str(error).splitlines()[0]}")
        yield browser
        browser.close()


@pytest.fixture
def visit_page(browser):
    """Open pages offline; at the end nothing may have complained, asked the network or opened a dialog."""
    contexts, events, addresses = [], [], set()

    def open_page(path, **options):
        context = browser.new_context(**{"viewport": DESKTOP, **options})
        contexts.append(context)
        context.set_offline(True)
        page = context.new_page()
        page.on("console", lambda message: events.append(("console", message.text)))
        page.on("pageerror", lambda error: events.append(("error", str(error))))
        page.on("dialog", lambda dialog: (events.append(("dialog", dialog.message)), dialog.dismiss()))
        page.on("request", lambda request: events.append(("request", request.url)))
        page.goto(path.as_uri())
        addresses.add(path.as_uri())
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert set(events) == {("request", address) for address in addresses}


@pytest.fixture
def contrasts():
    """Contrast of all visible texts of a page to what is behind them, by the elements that a selector finds."""
    return lambda page, selector: page.evaluate(CONTRAST, selector)
