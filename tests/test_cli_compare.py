"""``kansym compare``, ``suites`` and ``methods`` as a user meets them."""

import argparse
import contextlib
import os
import re
import select
import shlex
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from kansym.cli import main
from kansym.cli.compare import _command, add_compare
from kansym.comparison.methods import method_names
from kansym.comparison.records import read_records
from kansym.comparison.suites import suite_names

FAKES = Path(__file__).parent / "comparison" / "fakes"
QUICK = ["--rows", "30", "--time-limit", "5", "--threads", "1"]
ONE = ["compare", "--suite", "nguyen", "--problems", "Nguyen-1", *QUICK]


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    """Let this process and its children find the fake methods."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(FAKES), *filter(None, sys.path)]))
    monkeypatch.syspath_prepend(str(FAKES))


@pytest.fixture
def falls(tmp_path):
    path = tmp_path / "falls.csv"
    t = np.linspace(0.1, 4, 40)
    path.write_text("t,h,note\n" + "".join(f"{a},{4.9 * a * a},row\n" for a in t.tolist()), encoding="utf-8")
    return str(path)


# -------------------------------------------------------------------------------------------------------------- what is


def test_suites_and_methods_are_listed(capsys):
    assert main(["suites"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(suite_names())
    assert main(["methods"]) == 0
    listed = capsys.readouterr().out
    assert [name for name in method_names() if re.search(rf"^{name} +(installed|missing) ", listed, re.MULTILINE)] == [
        *method_names()
    ]
    assert "\noperators   add,sub,mul,div," in listed


def test_a_method_that_is_not_installed_is_listed_with_the_remedy(capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "gplearn", None)
    assert main(["methods"]) == 0
    lines = capsys.readouterr().out.splitlines()
    (place,) = [number for number, line in enumerate(lines) if line.startswith("gplearn ")]
    assert "missing" in lines[place]
    assert lines[place + 1].strip() == "gplearn not installed; pip install 'kansym[compare]'"


# ------------------------------------------------------------------------------------------------------------ what does


def test_a_comparison_prints_its_rates_and_writes_its_files(capsys, tmp_path):
    out = tmp_path / "out"
    assert main([*ONE, "--methods", "linear,misbehaving:Honest,misbehaving:Raising", "--out", str(out)]) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert shown.err == ""
    assert re.split(r"  +", lines[0]) == [
        *("suite", "method", "runs", "recovered", "rate", "95 % interval", "on front", "median R²", "median s")
    ]
    rows = {cells[1]: cells for cells in (re.split(r"  +", line) for line in lines[1:4])}
    assert rows["misbehaving:Honest"][:8] == [
        *("nguyen", "misbehaving:Honest", "1", "1 of 1", "100 %", "21 to 100 %", "0 more", "1.000000")
    ]
    assert rows["misbehaving:Raising"][3:] == ["0 of 1", "0 %", "0 to 79 %", "0 more", "–", "–"]
    assert rows["linear"][3] == "–"  # it makes no formulas
    column = lines[0].index("recovered")
    assert all(line[column - 2 : column] == "  " for line in lines[1:4])
    assert lines[-1] == f"written     {out / 'records.jsonl'}, summary.csv, report.html"
    assert sorted(os.listdir(out)) == ["records.jsonl", "report.html", "summary.csv"]
    command = (
        "kansym compare --suite nguyen --problems Nguyen-1 --methods linear,misbehaving:Honest,misbehaving:Raising"
    )
    assert command in (out / "report.html").read_text(encoding="utf-8")


def test_resume_does_what_is_left(capsys, tmp_path):
    words = [*ONE, "--out", str(tmp_path), "--methods"]
    assert main([*words, "linear"]) == 0
    assert main([*words, "linear,misbehaving:Honest"]) == 2
    err = capsys.readouterr().err
    assert re.fullmatch(r"kansym: .*records\.jsonl: holds records already; go on with them by resume, .*\n", err)
    assert main([*words, "linear,misbehaving:Honest", "--resume"]) == 0
    assert [record.method for record in read_records(tmp_path / "records.jsonl")] == ["linear", "misbehaving:Honest"]


@pytest.mark.parametrize("law", [["--law", "b1*t**2"], []])
def test_a_table_of_ones_own(capsys, falls, law, monkeypatch, tmp_path):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    words = ["compare", "--data", falls, "--target", "h", *law, "--methods", "misbehaving:Falling", "--time-limit", "5"]
    assert main(words) == 0
    cells = re.split(r"  +", capsys.readouterr().out.splitlines()[1])
    assert cells[:3] == ["table", "misbehaving:Falling", "1"]
    assert cells[3] == ("1 of 1" if law else "–")
    assert cells[7] == "1.000000"
    assert os.listdir() == []


def test_an_interrupt_is_told_and_keeps_the_records(capsys, monkeypatch, tmp_path):
    from kansym.comparison import runner

    execute, done = runner.execute, []

    def interrupted(run, settings):
        if done:
            raise KeyboardInterrupt
        done.append(run)
        return execute(run, settings)

    monkeypatch.setattr(runner, "execute", interrupted)
    assert main([*ONE, "--methods", "linear,misbehaving:Honest", "--out", str(tmp_path)]) == 130
    told = f"kansym: what was done is in {tmp_path}; --resume goes on with it\nkansym: interrupted\n"
    assert capsys.readouterr().err == told
    assert [record.method for record in read_records(tmp_path / "records.jsonl")] == ["linear"]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (
            ["--suite", "nguyen", "--suite", "jin,koza", "--methods", "kansym"],
            "--suite nguyen,jin,koza --methods kansym",
        ),
        (["--suite", "nguyen", "--time-limit", "0.1234567891"], "--time-limit 0.1234567891"),
        (["--suite", "nguyen", "--noise", "0.01", "--jobs", "2", "--seeds", "3"], "--seeds 3 --noise 0.01 --jobs 2"),
        (["--data", "my file.csv", "--target", "y", "--law=-b1*x"], "--data 'my file.csv' --target y '--law=-b1*x'"),
        (["--suite", "nguyen", "--out", "some/where/found"], "--out found"),
        (["--suite", "nguyen", "--out", "."], f"--out {shlex.quote(Path.cwd().name)}"),
    ],
)
def test_the_command_in_the_report_makes_the_same_comparison(words, text):
    given = parsed([*words, "--resume"])
    command = _command(given)
    again = parsed(shlex.split(command)[2:])
    assert text in command
    kept = {name: value for name, value in vars(given).items() if name not in ("resume", "out", "suite")}
    assert {name: getattr(again, name) for name in kept} == kept
    assert [",".join(given.suite or [])] == (again.suite or [""])


def parsed(words):
    parser = argparse.ArgumentParser()
    add_compare(parser.add_subparsers())
    return parser.parse_args(["compare", *words])


# ------------------------------------------------------------------------------------------------------------ wrong use

WRONG = {
    "nothing": ([], "compare needs --suite or --data; kansym suites lists the suites"),
    "an unknown suite": (["--suite", "nguyn"], r"unknown suite 'nguyn'; did you mean 'nguyen'\?"),
    "an unknown problem": (["--suite", "nguyen", "--problems", "Nguyen-99"], "unknown problem 'Nguyen-99'"),
    "an unknown method": (["--suite", "nguyen", "--methods", "pisr"], r"method must be a known name.*'pysr'\?"),
    "a module that is none": (["--suite", "nguyen", "--methods", "a:B"], "must name a module that can be imported"),
    "an unknown operator": (["--suite", "nguyen", "--operators", "add,sinus"], "unknown operator 'sinus'"),
    "no operator": (["--suite", "nguyen", "--operators", ","], "operators must name at least one"),
    "rows": (
        ["--suite", "nguyen", "--rows", "none"],
        "argument --rows: must be an integer >= 1, got 'none'; or write 'prescribed' for those of each source",
    ),
    "two ways of seeds": (
        ["--suite", "nguyen", "--seeds", "1", "--seed", "3"],
        "argument --seed: not allowed with argument --seeds",
    ),
    "seeds": (["--suite", "nguyen", "--seed", "1,x"], "argument --seed: must be an integer >= 0, got 'x'"),
    "noise": (["--suite", "nguyen", "--noise", "-1"], "argument --noise: must be a number >= 0, got '-1'"),
    "limit": (["--suite", "nguyen", "--time-limit", "0"], "--time-limit: must be a number of seconds > 0, got '0'"),
    "endless": (["--suite", "nguyen", "--time-limit", "inf"], "must be a number of seconds > 0, got inf"),
    "memory": (["--suite", "nguyen", "--memory-limit", "0"], "--memory-limit: must be a number of MiB > 0, got '0'"),
    "resume without a folder": (["--suite", "nguyen", "--resume"], "resume needs out, the folder to go on with"),
    "a target alone": (["--suite", "nguyen", "--target", "y"], "--target belongs to --data, got it without a table"),
    "a law alone": (["--suite", "nguyen", "--law", "x"], "--law belongs to --data, got it without a table"),
    "features alone": (["--suite", "nguyen", "--features", "x"], "--features belongs to --data, got it without"),
    "no target": (["--data", "{falls}"], "--target must name the column of --data to predict, got none"),
    "a table that is none": (["--data", "none.csv", "--target", "y"], "none.csv: there is no such file"),
    "an unknown target": (["--data", "{falls}", "--target", "g"], "no column 'g' for the target"),
    "a law that is code": (
        ["--data", "{falls}", "--target", "h", "--law", "__import__('os')"],
        "must call known functions, got '__import__'",
    ),
    "a file as folder": (["--suite", "nguyen", "--out", "{falls}"], "must be a folder, got a file"),
    "an unknown option": (["--suite", "nguyen", "--fast"], "unrecognized arguments: --fast"),
    "an abbreviated option": (["--suite", "nguyen", "--meth", "linear"], "unrecognized arguments: --meth linear"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_use_is_one_clear_line(case, capsys, falls, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir())
    words, message = WRONG[case]
    assert main(["compare", *(word.replace("{falls}", falls) for word in words)]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    assert re.fullmatch(f"kansym: .*{message}.*\n", shown.err), shown.err
    assert sorted(os.listdir()) == before


# ------------------------------------------------------------------------------------------------------- real processes


@pytest.mark.parametrize("command", ["compare", "suites", "methods", "fit", "predict"])
def test_help_says_what_a_command_does_in_80_columns(command, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    with contextlib.suppress(SystemExit):
        main([command, "--help"])
    shown = capsys.readouterr().out
    usage, about, *_ = shown.split("\n\n")
    assert usage.startswith(f"usage: kansym {command}")
    assert len(about.split()) > 5
    assert max(map(len, shown.splitlines())) <= 80


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from kansym.cli import main; main(['compare', '--help'])\n"
        "heavy = {'torch', 'sympy', 'pandas', 'numpy', 'joblib', 'psutil', 'matplotlib', 'rich'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--time-limit SECONDS" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


def test_without_the_extra_one_line_says_what_to_install():
    code = (
        "import sys\n"
        "for name in ('psutil', 'zss', 'jinja2', 'matplotlib'): sys.modules[name] = None\n"
        "from kansym.cli import main\n"
        "print([main(['suites']), main(['methods']), main(['compare', '--suite', 'nguyen', '--methods', 'linear'])])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    needed = "psutil, zss, jinja2, matplotlib, not installed; pip install 'kansym[compare]'"
    assert done.stderr == f"kansym: a comparison needs {needed}\n"
    assert done.stdout.splitlines()[-1] == "[0, 0, 2]"


@pytest.mark.skipif(os.name == "nt", reason="needs a pseudo-terminal")
def test_a_terminal_sees_the_tally_while_it_runs(tmp_path, start):
    import pty

    ours, theirs = pty.openpty()
    command = [sys.executable, "-W", "error", "-m", "kansym", "compare", "--suite", "nguyen", *QUICK]
    command += ["--problems", "Nguyen-1,Nguyen-2", "--methods", "misbehaving:Slow,misbehaving:Crashing"]
    env = {**os.environ, "TERM": "xterm", "COLUMNS": "120", "PYTHONIOENCODING": "utf-8"}
    process = start(command, stdout=subprocess.PIPE, stderr=theirs, cwd=tmp_path, env=env)
    os.close(theirs)
    live = read_all(ours, seconds=300)
    out = process.communicate(timeout=300)[0].decode()
    os.close(ours)
    assert process.returncode == 0
    assert "misbehaving:Slow 1/1, misbehaving:Crashing 0/1" in live
    assert "4/4" in live
    assert "\x1b" not in out
    assert out.startswith("suite ")
    assert os.listdir(tmp_path) == []


def read_all(terminal, seconds):
    """Read from a pseudo-terminal until its other end is closed."""
    seen, end = b"", time.monotonic() + seconds
    while time.monotonic() < end:
        if not select.select([terminal], [], [], 1.0)[0]:
            continue
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux reports the closed end so
            break
        if not part:
            break
        seen += part
    return seen.decode()
