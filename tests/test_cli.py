import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import kansym
from kansym import KANRegressor
from kansym.cli import main
from kansym.datasets import data_path

PLANETS = str(data_path("real/planets.csv"))
QUICK = ["--max-steps", "20"]
ESCAPE = "\x1b"


@pytest.fixture
def write(tmp_path):
    def write(content, name="table.csv"):
        path = tmp_path / name
        path.write_text(content, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def lines(write):
    x = np.linspace(1, 3, 40)
    return write("x,y,z,name\n" + "".join(f"{a},{2.5 * a},{a * a},row\n" for a in x.tolist()))


def run(capsys, *arguments):
    code = main(list(arguments))
    return code, *capsys.readouterr()


# ------------------------------------------------------------------------------------------------------------------ fit


def test_kepler_is_found_and_printed(capsys):
    code, out, err = run(capsys, "fit", PLANETS, "--target", "T_days", "--features", "a_AU", *QUICK)
    assert (code, err) == (0, "")
    shown = out.splitlines()
    assert shown[0] == "planets.csv: 10 rows, T_days from a_AU"
    assert shown[2].split() == ["complexity", "loss", "R²", "formula"]
    marked = [line for line in shown if line.startswith("→")]
    assert len(marked) == 1
    assert marked[0].endswith("1 − 9.3e-09  365.036·a_AU^(3/2)")
    assert "" in shown[3:]
    assert "T_days = 365.036·a_AU^(3/2)" in shown
    assert any(line.startswith("confidence  ") for line in shown)
    assert re.search(r"^ended +the budget was used up; \d+ steps in \d+\.\d s$", out, re.MULTILINE)


def test_the_table_is_aligned_and_complete(capsys, tmp_path):
    _, out, _ = run(capsys, "fit", PLANETS, "--target", "T_days", *QUICK, "--out", str(tmp_path))
    rows = out.split("\n\n")[1].splitlines()
    table = pd.read_csv(tmp_path / "equations.csv")
    assert len(rows) == len(table) + 1
    column = rows[0].index("formula")
    assert [row[column:] for row in rows[1:]] == table["equation"].tolist()
    assert all(row[column - 2 : column] == "  " for row in rows)


def test_nothing_is_wrapped_coloured_or_cut_off_a_terminal(capsys, write, monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    names = [f"a_rather_long_name_of_a_column_{i}" for i in range(6)]
    X = np.random.default_rng(0).normal(size=(60, 6))
    y = X @ np.arange(1.0, 7.0) + 0.5
    table = pd.DataFrame(X, columns=names).assign(y=y).to_csv(index=False)
    code, out, _ = run(capsys, "fit", write(table), "--target", "y", *QUICK)
    assert code == 0
    assert ESCAPE not in out
    formula = next(line for line in out.splitlines() if line.startswith("y = "))
    assert len(formula) > 200
    assert all(name in formula for name in names)


def test_columns_left_out_and_not_used_are_named(capsys, lines):
    _, out, _ = run(capsys, "fit", lines, "--target", "y", *QUICK)
    assert out.startswith("table.csv: 40 rows, y from x, z; left out, as they hold text: name\n")
    assert "y = 5·x/2" in out
    assert re.search(r"^not used +z$", out, re.MULTILINE)
    assert "confidence  exact" in out


def test_a_perfect_fit_alone_reads_one(capsys, write):
    _, out, _ = run(capsys, "fit", write("x,y\n" + "".join(f"{i},{2 * i}\n" for i in range(1, 30))), "--target", "y")
    selected = next(line for line in out.splitlines() if line.startswith("→"))
    assert re.search(r"  (1|1 − \d\.\de-\d\d) +2·x$", selected)


def test_out_gets_the_model_and_the_equations_and_nothing_else(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments = ["fit", PLANETS, "--target", "T_days", "--features", "a_AU", *QUICK]
    run(capsys, *arguments)
    assert os.listdir(tmp_path) == []
    _, out, _ = run(capsys, *arguments, "--out", "new/folder")
    assert sorted(os.listdir("new/folder")) == ["equations.csv", "model.kansym", "report.html"]
    assert f"written     {Path('new/folder/model.kansym')}, {Path('new/folder/equations.csv')}" in out
    table = pd.read_csv("new/folder/equations.csv")
    columns = ["index", "complexity", "loss", "gain", "r2", "equation", "sympy_format"]
    columns += ["constants", "standard_errors", "confidence", "selected"]
    assert table.columns.tolist() == columns
    assert table.loc[table["selected"], "equation"].tolist() == ["365.036·a_AU^(3/2)"]
    model = KANRegressor.load("new/folder/model.kansym")
    assert str(model.sympy()) == table.loc[table["selected"], "sympy_format"].item()


def test_options_reach_the_estimator(capsys, lines, tmp_path):
    options = {"--max-complexity": "7", "--library": "x,x^2", "--selection": "simplest", "--seed": "3", "--jobs": "2"}
    flat = [word for option in options.items() for word in option]
    code, _, _ = run(capsys, "fit", lines, "--target", "y", *QUICK, "--time-limit", "9", *flat, "--out", str(tmp_path))
    assert code == 0
    parameters = KANRegressor.load(tmp_path / "model.kansym").get_params()
    expected = {
        "max_complexity": 7,
        "library": ["x", "x^2"],
        "model_selection": "simplest",
        "random_state": 3,
        "n_jobs": 2,
        "time_limit": 9.0,
        "max_steps": 20,
    }
    assert expected.items() <= parameters.items()


def test_steps_alone_mean_no_seconds(capsys, lines, tmp_path):
    run(capsys, "fit", lines, "--target", "y", *QUICK, "--out", str(tmp_path))
    assert KANRegressor.load(tmp_path / "model.kansym").time_limit is None


def test_several_targets(capsys, lines, tmp_path):
    code, out, _ = run(capsys, "fit", lines, "--target", "y", "--target", "z", *QUICK, "--out", str(tmp_path))
    assert code == 0
    assert out.startswith("table.csv: 40 rows, y, z from x; left out")
    assert "\ny = 5·x/2\n" in out
    assert "\nz = x^2\n" in out
    assert set(pd.read_csv(tmp_path / "equations.csv")["target"]) == {"y", "z"}
    code, out, _ = run(capsys, "predict", str(tmp_path / "model.kansym"), lines)
    assert out.splitlines()[:2] == ["y,z", "2.5,1.0"]


HOSTILE = '"a, b",lambda,"größe\n(m)","S"\n' + "".join(f"{i},{i * i},{7 % i},{3 * i * i}\n" for i in range(1, 40))


@pytest.mark.parametrize(
    "features",
    [["--features", "a, b", "--features", "lambda"], ["--features", "lambda", "--features", "a, b"]],
)
def test_hostile_names(capsys, write, tmp_path, features):
    path = write(HOSTILE)
    code, out, _ = run(capsys, "fit", path, "--target", "S", *features, *QUICK, "--out", str(tmp_path / "out"))
    assert code == 0
    assert "S = 3·lambda\n" in out or "S = 3·a, b^2\n" in out
    code, out, _ = run(capsys, "predict", str(tmp_path / "out" / "model.kansym"), path)
    assert (code, out.splitlines()[:3]) == (0, ["S", "3.0", "12.0"])


def test_lists_of_features_are_split_and_line_breaks_in_names_escaped(capsys, write):
    code, out, _ = run(capsys, "fit", write(HOSTILE), "--target", "größe\n(m)", "--features", "lambda, S", *QUICK)
    assert code == 0
    assert out.splitlines()[0] == r"table.csv: 39 rows, größe\n(m) from lambda, S"
    assert any(line.startswith(r"größe\n(m) = ") for line in out.splitlines())


# -------------------------------------------------------------------------------------------------------------- predict


@pytest.fixture
def saved(capsys, lines, tmp_path):
    assert main(["fit", lines, "--target", "y", "--features", "x", *QUICK, "--out", str(tmp_path / "out")]) == 0
    capsys.readouterr()
    return str(tmp_path / "out" / "model.kansym")


def test_predictions_keep_the_order_of_the_rows(capsys, saved, write):
    table = write("other,x\na,4\nb,2\nc,10\n", "new.csv")
    assert run(capsys, "predict", saved, table) == (0, "y\n10.0\n5.0\n25.0\n", "")


def test_predictions_go_to_a_file(capsys, saved, write, tmp_path):
    out = tmp_path / "predictions.csv"
    assert run(capsys, "predict", saved, write("x\n4\n", "new.csv"), "--out", str(out)) == (0, "", "")
    assert out.read_text(encoding="utf-8") == "y\n10.0\n"


def test_predictions_have_all_their_digits(capsys, saved, write):
    x = np.random.default_rng(0).uniform(1, 3, 50)
    table = write("x\n" + "\n".join(map(repr, x.tolist())), "new.csv")
    _, out, _ = run(capsys, "predict", saved, table)
    expected = KANRegressor.load(saved).predict(pd.DataFrame({"x": x}))
    assert [float(line) for line in out.splitlines()[1:]] == expected.tolist()


@pytest.mark.filterwarnings("default::kansym.errors.FitWarning")
def test_a_row_without_a_value_gets_nan_and_one_warning(capsys, write, tmp_path):
    x = np.linspace(1, 9, 40)
    path = write("x,y\n" + "".join(f"{a},{np.log(a)}\n" for a in x.tolist()))
    main(["fit", path, "--target", "y", *QUICK, "--out", str(tmp_path)])
    capsys.readouterr()
    code, out, err = run(capsys, "predict", str(tmp_path / "model.kansym"), write("x\n1\n-1\n1\n", "new.csv"))
    assert (code, out.splitlines()) == (0, ["y", "0.0", "nan", "0.0"])
    assert re.fullmatch(r"kansym: warning: the formula is not defined on 1 row.*\n", err)


def test_models_fitted_without_names_want_their_generic_names(capsys, write, tmp_path):
    X = np.random.default_rng(0).uniform(1, 2, (40, 2))
    KANRegressor(max_steps=10, random_state=0).fit(X, X[:, 0] * X[:, 1]).save(tmp_path / "a.kansym")
    assert run(capsys, "predict", str(tmp_path / "a.kansym"), write("x1,x0\n2,3\n")) == (0, "y\n6.0\n", "")


# --------------------------------------------------------------------------------------------------------------- report


def test_the_report_of_a_fit_shows_its_rows_and_its_command(lines, tmp_path, saved):
    page = (Path(saved).parent / "report.html").read_text(encoding="utf-8")
    assert "<math" in page
    assert 'class="dots' in page
    assert "kansym fit table.csv --target y --features x --max-steps 20 --out out" in page
    assert str(tmp_path) not in page


def test_a_saved_model_is_reported_with_and_without_rows(capsys, lines, saved, tmp_path):
    out = tmp_path / "found.html"
    assert run(capsys, "report", saved, "--out", str(out)) == (0, f"written     {out}\n", "")
    assert 'class="dots' not in out.read_text(encoding="utf-8")
    assert run(capsys, "report", saved, "--data", lines, "--out", str(out))[0] == 0
    assert 'class="dots' in out.read_text(encoding="utf-8")


def test_a_target_may_have_another_name_in_the_rows_of_a_report(capsys, write, saved, tmp_path):
    table = write("x,measured\n1,2.5\n2,5\n", "new.csv")
    code, _, err = run(capsys, "report", saved, "--data", table, "--out", str(tmp_path / "a.html"))
    assert code == 2
    assert "the table has no column 'y' for the target" in err
    given = ["--data", table, "--target", "measured", "--out", str(tmp_path / "a.html")]
    assert run(capsys, "report", saved, *given)[0] == 0


# ------------------------------------------------------------------------------------------------------------ wrong use

FIT = ["fit", PLANETS, "--target", "T_days"]
WRONG = {
    "no command": ([], "the following arguments are required: command; see kansym --help"),
    "an unknown command": (["guess"], "invalid choice: 'guess'"),
    "an unknown option": ([*FIT, "--fast"], "unrecognized arguments: --fast"),
    "an abbreviated option": ([*FIT, "--max", "3"], "unrecognized arguments: --max 3"),
    "no target": (["fit", PLANETS], "required: --target; see kansym fit --help"),
    "an unknown target": (["fit", PLANETS, "--target", "T_day"], "no column 'T_day' for the target; .* 'T_days'"),
    "a target of text": (
        ["fit", PLANETS, "--target", "body"],
        "column 'body' must hold numbers, got the text 'Mercury'",
    ),
    "a target twice": ([*FIT, "--target", "T_days"], "--target must name each column once, got 'T_days', 'T_days'"),
    "an unknown feature": ([*FIT, "--features", "a_AU,b"], "no column 'b' for the features"),
    "a feature of text": ([*FIT, "--features", "body"], "column 'body' must hold numbers"),
    "a feature twice": ([*FIT, "--features", "a_AU,a_AU"], "once, got 'a_AU' twice"),
    "no features": ([*FIT, "--features", ""], "no column '' for the features"),
    "the target as feature": ([*FIT, "--features", "a_AU,T_days"], "must not name a target, got 'T_days' as both"),
    "a limit of zero": ([*FIT, "--time-limit", "0"], "--time-limit: must be a number of seconds > 0, got '0'"),
    "a limit that is none": ([*FIT, "--time-limit", "nan"], "must be a number of seconds > 0, got 'nan'"),
    "no steps": ([*FIT, "--max-steps", "0"], "--max-steps: must be an integer >= 1, got '0'"),
    "a negative seed": ([*FIT, "--seed", "-1"], "--seed: must be an integer >= 0, got '-1'"),
    "a seed that is too large": ([*FIT, "--seed", str(2**32)], "--seed: must be an integer"),
    "no jobs": ([*FIT, "--jobs", "0"], "--jobs: must be an integer >= 1, got '0'"),
    "a broken number": ([*FIT, "--max-complexity", "4.5"], "must be an integer >= 1, got '4.5'"),
    "an unknown rule": ([*FIT, "--selection", "nicest"], "--selection: invalid choice: 'nicest'"),
    "an unknown function": ([*FIT, "--library", "x,sinus"], "known function names, got 'sinus'"),
    "a report that goes nowhere": (["report", "none.kansym"], "arguments are required: --out"),
    "a report on nothing": (["report", "none.kansym", "--out", "{tmp}/a.html"], "none.kansym"),
    "a target without rows": (["report", "a", "--target", "y", "--out", "a.html"], "--target belongs to --data"),
    "no data": (["fit", "none.csv", "--target", "y"], "none.csv: there is no such file"),
    "a folder as data": (["fit", "{tmp}", "--target", "y"], "must be a file, got a directory"),
    "a file as folder": ([*FIT, "--out", "{file}"], "must be a folder, got a file"),
    "a folder below a file": ([*FIT, "--out", "{file}/a"], "cannot be written: Not a directory"),
    "an empty file": (["fit", "{empty}", "--target", "y"], "got an empty file"),
    "missing cells": (["fit", "{gaps}", "--target", "y"], "column 'x' .* got a missing cell in row 2"),
    "predict: no model": (["predict", "none.kansym", PLANETS], "none.kansym: there is no such file"),
    "predict: a table as model": (["predict", PLANETS, PLANETS], "must be a model that kansym saved"),
    "predict: no data": (["predict", "{model}", "none.csv"], "none.csv: there is no such file"),
    "predict: a missing column": (["predict", "{model}", PLANETS], "no column 'x' for the features"),
    "predict: into a folder": (["predict", "{model}", "{file}", "--out", "{tmp}"], "cannot be written: "),
    "predict: nowhere": (["predict", "{model}", "{file}", "--out", "{tmp}/a/b"], "b: cannot be written: No such file"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_clear_line(case, capsys, write, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    arguments, message = WRONG[case]
    places = {
        "tmp": str(tmp_path),
        "file": write("x,y\n1,2\n"),
        "empty": write("", "empty.csv"),
        "gaps": write("x,y\n1,2\n,4\n", "gaps.csv"),
        "model": str(tmp_path / "a.kansym"),
    }
    if "{model}" in arguments:
        X = pd.DataFrame({"x": [1.0, 2.0, 3.0]})
        KANRegressor(max_steps=2, random_state=0).fit(X, X["x"]).save(places["model"])
    before = sorted(os.listdir(tmp_path))
    code, _, err = run(capsys, *(word.format(**places) if "{" in word else word for word in arguments))
    assert code == 2
    assert re.fullmatch(f"kansym: .*{message}.*\n", err), err
    assert sorted(os.listdir(tmp_path)) == before


# ------------------------------------------------------------------------------------------------------- real processes


def environment():
    return {
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        "PYTHONIOENCODING": "utf-8",
        "OMP_NUM_THREADS": "1",
    }


def test_help_names_the_commands_and_shows_an_example(capsys):
    code, out, err = run(capsys, "--help")
    assert (code, err) == (0, "")
    assert "kansym fit planets.csv --target T_days" in out
    for command in ("fit", "predict"):
        assert command in out
        assert run(capsys, command, "--help")[0] == 0
    assert run(capsys, "--version") == (0, f"kansym {kansym.__version__}\n", "")


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from kansym.cli import main; main(['fit', '--help'])\n"
        "heavy = {'torch', 'sympy', 'pandas', 'numpy', 'scipy', 'sklearn', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, encoding="utf-8", env=environment(), check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_whole_way_without_a_warning(tmp_path):
    command = [sys.executable, "-W", "error", "-m", "kansym"]
    fit = [*command, "fit", PLANETS, "--target", "T_days", "--features", "a_AU", *QUICK, "--out", "found"]
    done = subprocess.run(fit, capture_output=True, encoding="utf-8", env=environment(), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert "T_days = 365.036·a_AU^(3/2)" in done.stdout
    predict = [*command, "predict", "found/model.kansym", PLANETS]
    done = subprocess.run(predict, capture_output=True, encoding="utf-8", env=environment(), cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == 11


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_ctrl_c_ends_the_search_and_keeps_what_was_found(write, tmp_path, start):
    import pty

    rng = np.random.default_rng(0)
    X = rng.uniform(1, 2, (300, 6))
    y = np.sin(5 * X[:, 0] * X[:, 1]) + X[:, 2] ** X[:, 3] + rng.normal(size=300) * 0.3 + X[:, 4] * X[:, 5]
    path = write(pd.DataFrame(X, columns=list("abcdef")).assign(y=y).to_csv(index=False))
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "kansym", "fit", path, "--target", "y", "--time-limit", "100", "--out", "found"]
    env = {**environment(), "TERM": "xterm"}
    process = start(command, stdout=subprocess.PIPE, stderr=theirs, cwd=tmp_path, env=env)
    os.close(theirs)
    live = wait_for(ours, b"best so far")
    process.send_signal(signal.SIGINT)
    live += drain(ours)
    out = process.communicate(timeout=300)[0].decode()
    code = process.returncode
    os.close(ours)
    assert code == 130
    assert "best so far: y = " in live.decode()
    assert ESCAPE not in out
    assert re.search(r"^y = .+$", out, re.MULTILINE)
    assert re.search(r"^ended +interrupted; ", out, re.MULTILINE)
    assert sorted(os.listdir(tmp_path / "found")) == ["equations.csv", "model.kansym", "report.html"]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="Windows sends no signal to a group")
def test_ctrl_c_while_other_processes_start_reaches_ours_alone(write, tmp_path, start):
    """A terminal sends it to all of them, and they take seconds to import what they need."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame(rng.uniform(1, 2, (100, 3)), columns=list("abc")).assign(y=rng.normal(size=100), z=1.0)
    path = write(table.assign(z=np.sin(9 * table["a"] * table["b"]) + table["y"]).to_csv(index=False))
    command = [sys.executable, "-m", "kansym", "fit", path, "--target", "y", "--target", "z", "--jobs", "2"]
    command += ["--time-limit", "300", "--out", str(tmp_path / "found")]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "encoding": "utf-8"}
    process = start(command, **pipes, env=environment(), start_new_session=True)
    while not workers_of(process):
        assert process.poll() is None
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert (process.returncode, err) == (130, "")
    assert len(re.findall(r"^ended +interrupted; ", out, re.MULTILINE)) == 2
    assert sorted(os.listdir(tmp_path / "found")) == ["equations.csv", "model.kansym", "report.html"]


def workers_of(process):
    """Processes that joblib has started for another one."""
    psutil = pytest.importorskip("psutil")
    found = []
    for child in psutil.Process(process.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):  # it has ended
            found += [child] if "popen_loky_posix" in " ".join(child.cmdline()) else []
    return found


def wait_for(terminal, text, seconds=300):
    """Read from a pseudo-terminal until a text has come."""
    seen, end = b"", time.monotonic() + seconds
    while text not in seen and time.monotonic() < end:
        if select.select([terminal], [], [], 1.0)[0]:
            seen += os.read(terminal, 65536)
    assert text in seen, seen
    return seen


def drain(terminal):
    """Read what else comes until the other end is closed."""
    seen = b""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux reports the closed end so
            return seen
        if not part:
            return seen
        seen += part


def test_an_interrupt_before_the_search_ends_at_once(capsys, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(KANRegressor, "fit", interrupted)
    code, _, err = run(capsys, *FIT)
    assert (code, err) == (130, "kansym: interrupted\n")


def test_an_interrupted_search_is_shown(capsys, tmp_path, monkeypatch):
    def interrupt(self):
        yield "relevant columns"
        self._linear()
        raise KeyboardInterrupt

    monkeypatch.setattr("kansym.discovery.search.Search.stages", interrupt)
    code, out, err = run(capsys, *FIT, "--out", str(tmp_path))
    assert (code, err) == (130, "")
    assert "\nended       interrupted; " in out
    assert sorted(os.listdir(tmp_path)) == ["equations.csv", "model.kansym", "report.html"]
