"""``kansym compare``, ``suites`` and ``methods`` as a user meets them."""

import subprocess
import sys
from pathlib import Path

import pytest

from kansym.cli import main
from kansym.cli.compare import _command, add_compare
from kansym.comparison.suites import suite_names

FAKES = Path(__file__).parent / "comparison" / "fake_methods"


@pytest.fixture(autouse=True)
def fakes(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(FAKES))
    monkeypatch.syspath_prepend(str(FAKES))


def test_suites_and_methods_are_listed(capsys):
    assert main(["suites"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == list(suite_names())
    assert main(["methods"]) == 0
    listed = capsys.readouterr().out
    assert listed.startswith("kansym ")
    assert "pysr" in listed
    assert "operators   add,sub,mul,div" in listed


def test_a_comparison_prints_its_rates_and_writes_its_files(capsys, tmp_path):
    words = ["compare", "--suite", "nguyen", "--problems", "Nguyen-1,Nguyen-9", "--methods", "linear,fakes:Raises"]
    assert main([*words, "--rows", "40", "--time-limit", "2", "--out", str(tmp_path / "out")]) == 0
    out = capsys.readouterr()
    lines = out.out.splitlines()
    assert lines[0].split()[:4] == ["suite", "method", "runs", "recovered"]
    assert lines[1].split()[:6] == ["nguyen", "fakes:Raises", "2", "0", "of", "2"]
    assert lines[2].split()[:4] == ["nguyen", "linear", "2", "–"]
    assert "records.jsonl" in lines[-1]
    assert out.err == ""
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["records.jsonl", "report.html", "summary.csv"]
    command = "kansym compare --suite nguyen --problems Nguyen-1,Nguyen-9 --methods linear,fakes:Raises --time-limit 2"
    assert command in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_a_table_of_ones_own(capsys, tmp_path):
    table = tmp_path / "falls.csv"
    table.write_text("t,h\n" + "".join(f"{t / 10},{4.9 * (t / 10) ** 2}\n" for t in range(1, 41)))
    words = ["compare", "--data", str(table), "--target", "h", "--law", "b1*t**2", "--methods", "kansym"]
    assert main([*words, "--time-limit", "10"]) == 0
    assert "1 of 1" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ([], "compare needs --suite or --data; kansym suites lists the suites"),
        (["--suite", "nguyn"], "unknown suite 'nguyn'; did you mean 'nguyen'?"),
        (["--suite", "nguyen", "--methods", "pisr"], "method must be a known name"),
        (["--suite", "nguyen", "--rows", "none"], "argument --rows: must be an integer >= 1, got 'none'"),
        (["--suite", "nguyen", "--noise", "-1"], "argument --noise: must be a number >= 0, got '-1'"),
        (["--suite", "nguyen", "--time-limit", "0"], "argument --time-limit: must be a number of seconds > 0, got '0'"),
        (["--suite", "nguyen", "--target", "y"], "--target belongs to --data, got it without a table"),
        (["--data", "falls.csv"], "--target must name the column of --data to predict, got none"),
        (["--data", "none.csv", "--target", "y"], "none.csv"),
    ],
)
def test_wrong_use_is_one_clear_line(capsys, words, message):
    assert main(["compare", *words]) == 2
    out = capsys.readouterr()
    assert out.out == ""
    assert len(out.err.splitlines()) == 1
    assert message in out.err


def test_the_command_in_the_report_makes_the_same_comparison(tmp_path):
    import argparse
    import shlex

    def parsed(words):
        parser = argparse.ArgumentParser()
        add_compare(parser.add_subparsers())
        return parser.parse_args(words)

    words = ["compare", "--suite", "nguyen,jin", "--methods", "kansym", "--noise", "0.01", "--jobs", "2"]
    given = parsed([*words, "--seeds", "3", "--out", "found", "--resume"])
    again = parsed(shlex.split(_command(given))[1:])
    given.resume = False
    assert vars(again) == vars(given)


def test_an_interrupt_is_told_and_keeps_the_records(capsys, monkeypatch, tmp_path):
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("kansym.comparison.compare.run_all", interrupted)
    assert main(["compare", "--suite", "nguyen", "--methods", "linear", "--out", str(tmp_path)]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from kansym.cli import main; main(['compare', '--help'])\n"
        "assert not {'torch', 'sympy', 'pandas', 'joblib', 'matplotlib'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert "--suite" in done.stdout
