import dataclasses
import json
import os
import signal
import subprocess
import sys
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

import kansym
from kansym.comparison import runner
from kansym.comparison.compare import compare
from kansym.comparison.measured import table_problem
from kansym.comparison.methods.base import DEFAULT_OPERATORS
from kansym.comparison.problems import Problem
from kansym.comparison.records import Record, read_records
from kansym.comparison.suites import load_suite
from kansym.errors import DataError, FileFormatError, ParameterError

PROBLEMS = [problem.name for problem in load_suite("nguyen")]


@pytest.fixture
def executed(monkeypatch):
    """Runs that were executed, without a method: each is a record at once."""
    runs = []

    def execute(run, settings):
        runs.append(run)
        given: Any = (*run.key, 1, settings.time_limit, settings.threads, settings.operators)
        status = "missing" if run.method == "pysr" else "ok"
        return Record(*given, status=status, seconds=float(len(runs)), truth="x")

    monkeypatch.setattr(runner, "execute", execute)
    return runs


def names(runs):
    return [(run.problem.name, run.method, run.seed) for run in runs]


# --------------------------------------------------------------------------------------------------------------- really


def test_rows_that_the_source_prescribes():
    prescribed = compare("nguyen", "linear", problems="Nguyen-1", rows=None, time_limit=5, n_jobs=1, memory_limit=900)
    (run,) = prescribed.runs
    assert (run.rows, run.n_rows, run.jobs, run.memory_limit) == (0, 20, 1, 900.0)
    assert len(run.versions["kansym source"]) == 12


def test_it_is_a_public_name():
    assert kansym.compare is compare


def test_methods_on_problems_with_everything_written(notes, tmp_path):
    seen = []
    found = compare(
        "nguyen",
        ["misbehaving:Honest", "misbehaving:Crashing", "pysr"],
        problems=["Nguyen-2", "Nguyen-1"],
        rows=40,
        time_limit=5,
        out=tmp_path / "new" / "out",
        on_record=lambda record, total: seen.append((record.key, total)),
        command="kansym compare --suite nguyen",
    )
    assert [(run.problem, run.method.split(":")[-1], run.status, run.recovered) for run in found.runs] == [
        ("Nguyen-1", "Honest", "ok", True),
        ("Nguyen-1", "Crashing", "error", False),
        ("Nguyen-1", "pysr", found.runs[2].status, found.runs[2].recovered),
        ("Nguyen-2", "Honest", "ok", False),
        ("Nguyen-2", "Crashing", "error", False),
        ("Nguyen-2", "pysr", found.runs[5].status, found.runs[5].recovered),
    ]
    assert seen == [(run.key, 6) for run in found.runs]
    assert repr(found) == "Comparison of misbehaving:Honest, misbehaving:Crashing, pysr: 6 runs"
    out = tmp_path / "new" / "out"
    assert sorted(os.listdir(out)) == ["records.jsonl", "report.html", "summary.csv"]
    assert tuple(read_records(out / "records.jsonl")) == found.runs
    assert found.records["problem"].tolist() == [run.problem for run in found.runs]
    summary = found.summary().set_index("method")
    assert summary.loc["misbehaving:Honest", ["runs", "recovered"]].tolist() == [2, 1]
    assert summary.loc["misbehaving:Crashing", ["error", "rated", "recovered"]].tolist() == [2, 2, 0]
    pd.testing.assert_frame_equal(pd.read_csv(out / "summary.csv"), found.summary(), check_dtype=False)
    page = (out / "report.html").read_text(encoding="utf-8")
    assert "kansym compare --suite nguyen" in page
    assert "about to fall" in page
    assert "5.5" in page  # the grace


def test_a_table_of_the_user(notes, tmp_path):
    path = tmp_path / "mine.csv"
    path.write_text("x,z,y\n" + "".join(f"{i / 10},{i % 7},{2 * i / 10}\n" for i in range(40)), encoding="utf-8")
    found = compare(table_problem(path, "y", law="b*x"), "linear", time_limit=5)
    (run,) = found.runs
    assert (run.suite, run.problem, run.n_rows, run.status) == ("table", "mine", 30, "ok")
    assert run.r2_test == pytest.approx(1.0)


def test_several_at_a_time_find_the_same(notes, tmp_path):
    methods = ["misbehaving:Honest", "misbehaving:Crashing", "linear"]
    one, two = (
        compare("nguyen", methods, problems="Nguyen-1", rows=20, time_limit=5, n_jobs=jobs, out=tmp_path / str(jobs))
        for jobs in (1, 2)
    )
    facts = [[(run.key, run.status, run.expression, run.recovered) for run in found.runs] for found in (one, two)]
    assert facts[0] == facts[1]
    assert [run.status for run in two.runs] == ["ok", "error", "ok"]
    written = read_lines(tmp_path / "2")
    assert sorted(line["method"] for line in written) == sorted(methods)
    assert {line["threads"] for line in written} == {max(joblib.cpu_count() // 2, 1)}


def test_jobs_may_come_from_joblib(executed):
    with joblib.parallel_config(backend="threading", n_jobs=2):
        found = compare("nguyen", "linear", time_limit=5)
    assert {run.threads for run in found.runs} == {max(joblib.cpu_count() // 2, 1)}
    assert len(executed) == 12


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of a cluster that loses a worker
def test_a_cluster_that_loses_a_worker_loses_no_run(notes, tmp_path):
    distributed = pytest.importorskip("distributed")
    killed = []

    def kill_one(record, total):
        if not killed:
            killed.append(next(iter(client.run(os.getpid).values())))
            os.kill(killed[0], signal.SIGKILL)

    local = {"n_workers": 2, "threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        distributed.LocalCluster(**local, silence_logs=50) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        methods = ["misbehaving:Slow", "misbehaving:Crashing"]
        chosen = PROBLEMS[:4]
        found = compare(
            "nguyen", methods, problems=chosen, rows=20, time_limit=5, out=tmp_path / "out", on_record=kill_one
        )
    assert killed
    expected = [(name, method) for name in chosen for method in methods]
    assert [(run.problem, run.method) for run in found.runs] == expected
    assert [run.status for run in found.runs] == ["ok", "error"] * 4
    written = read_lines(tmp_path / "out")
    assert sorted((line["problem"], line["method"]) for line in written) == sorted(expected)


# ------------------------------------------------------------------------------------------------------------- resuming


def read_lines(folder):
    return [json.loads(line) for line in (folder / "records.jsonl").read_text(encoding="utf-8").splitlines()]


def test_the_order_is_problem_by_problem(executed):
    found = compare("nguyen", ["linear", "mlp"], problems=PROBLEMS[:2], seeds=2, time_limit=5)
    expected = [(name, method, seed) for seed in (0, 1) for name in PROBLEMS[:2] for method in ("linear", "mlp")]
    assert names(executed) == expected
    assert [(run.problem, run.method, run.seed) for run in found.runs] == expected


def test_records_that_are_there_are_not_lost(executed, tmp_path):
    compare("nguyen", "linear", time_limit=5, out=tmp_path)
    before = (tmp_path / "records.jsonl").read_bytes()
    with pytest.raises(FileFormatError, match="holds records already; go on with them by resume, or choose another"):
        compare("nguyen", "mlp", time_limit=5, out=tmp_path)
    assert (tmp_path / "records.jsonl").read_bytes() == before
    assert len(executed) == 12


def test_what_is_done_is_not_done_again(executed, tmp_path):
    compare("nguyen", "linear", time_limit=5, out=tmp_path)
    seen = []
    found = compare(
        ["nguyen", "koza"], ["linear", "mlp"], time_limit=5, out=tmp_path, resume=True,
        on_record=lambda record, total: seen.append(total),
    )  # fmt: skip
    assert [run for run in executed[12:] if run.method == "linear" and run.problem.suite == "nguyen"] == []
    assert seen == [len(executed) - 12] * (len(executed) - 12)
    assert len(found.runs) == len(executed) == len(read_lines(tmp_path))


def test_a_resumed_comparison_keeps_what_it_was_not_asked_for(executed, tmp_path):
    compare("nguyen", ["linear", "mlp"], time_limit=5, out=tmp_path)
    found = compare("nguyen", "linear", problems=["Nguyen-3"], time_limit=5, out=tmp_path, resume=True)
    assert len(executed) == 24
    assert len(found.runs) == 24
    assert found.runs[0].key == ("nguyen", "Nguyen-3", "linear", 0, 0.0, 1000, 0)


def test_missing_methods_are_tried_again(executed, tmp_path):
    for expected in (12, 24):
        found = compare("nguyen", "pysr", time_limit=5, out=tmp_path, resume=expected > 12)
        assert len(executed) == len(read_lines(tmp_path)) == expected
        assert len(found.runs) == 12
    assert found.runs[0].seconds == 13.0


def test_the_file_may_end_anywhere(executed, tmp_path):
    compare("nguyen", "linear", time_limit=5, out=tmp_path)
    path = tmp_path / "records.jsonl"
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    kept = path.read_bytes().count(b"\n")
    found = compare("nguyen", "linear", time_limit=5, out=tmp_path, resume=True)
    assert len(executed) == 12 + 12 - kept
    assert [line["problem"] for line in read_lines(tmp_path)] == PROBLEMS
    assert len(found.runs) == 12


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"time_limit": 6}, "time_limit must be that of the earlier records .*, 5.0, got 6.0"),
        ({"threads": 2}, "threads must be that of the earlier records .*, 1, got 2"),
        ({"operators": ["add"]}, r"operators must be that of the earlier records .*got \('add',\)"),
    ],
)
def test_records_of_other_settings_are_refused(executed, tmp_path, change, message):
    usual = {"time_limit": 5, "threads": 1, "out": tmp_path}
    compare("nguyen", "linear", **usual)
    with pytest.raises(FileFormatError, match=message):
        compare("nguyen", "linear", **{**usual, **change}, resume=True)
    assert len(executed) == 12


def test_the_order_of_operators_does_not_matter(executed, tmp_path):
    compare("nguyen", "linear", time_limit=5, out=tmp_path)
    compare("nguyen", "linear", time_limit=5, out=tmp_path, resume=True, operators=DEFAULT_OPERATORS[::-1])
    assert len(executed) == 12


def test_an_interrupt_leaves_what_is_done(executed, tmp_path):
    def interrupt(record, total):
        if record.problem == "Nguyen-5":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare("nguyen", "linear", time_limit=5, out=tmp_path, on_record=interrupt)
    assert [line["problem"] for line in read_lines(tmp_path)] == PROBLEMS[:5]
    compare("nguyen", "linear", time_limit=5, out=tmp_path, resume=True)
    assert [line["problem"] for line in read_lines(tmp_path)] == PROBLEMS


def test_a_backend_that_gives_its_results_at_once_gets_a_few_at_a_time(executed, monkeypatch):
    backend = joblib.parallel.get_active_backend()[0]
    monkeypatch.setattr(type(backend), "supports_return_generator", property(lambda self: False))
    sizes = []
    compare("nguyen", "linear", time_limit=5, on_record=lambda record, total: sizes.append(len(executed)))
    assert sizes == [4] * 4 + [8] * 4 + [12] * 4


def test_another_table_of_the_same_name_is_not_gone_on_with(tmp_path):
    def write(factor):
        rows = [f"{x},{factor * x}" for x in range(1, 21)]
        (tmp_path / "mine.csv").write_text("\n".join(["x,y", *rows]))
        return table_problem(tmp_path / "mine.csv", "y")

    out = tmp_path / "out"
    compare(write(2), "linear", time_limit=5, out=out)
    assert len(compare(write(2), "linear", time_limit=5, out=out, resume=True).runs) == 1
    for other in (write(3), table_problem(tmp_path / "mine.csv", "x")):
        with pytest.raises(FileFormatError, match="problem 'mine' must have the rows, columns and law"):
            compare(other, "linear", time_limit=5, out=out, resume=True)


# ---------------------------------------------------------------------------------------------------------- interrupted


@pytest.mark.slow
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_kill_minus_nine_and_resume(notes, tmp_path, jobs, wait_for):
    command = [sys.executable, "-m", "kansym", "compare", "--suite", "nguyen", "--methods", "misbehaving:Slow"]
    command += ["--problems", ",".join(PROBLEMS[:5]), "--rows", "20", "--time-limit", "5", "--threads", "1"]
    command += ["--jobs", jobs, "--out", str(tmp_path / "out")]
    path = tmp_path / "out" / "records.jsonl"
    env = {**os.environ, "TMPDIR": str(tmp_path)}
    process = subprocess.Popen(command, env=env, start_new_session=True)
    try:
        wait_for(lambda: path.exists() and path.read_bytes().count(b"\n") >= 2)
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    done = path.read_bytes()
    assert done.count(b"\n") < 5
    with path.open("ab") as file:
        file.write(done[:100])  # as if it had been killed while writing
    again = subprocess.run([*command, "--resume"], env=env, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (0, "")
    assert path.read_bytes().startswith(done)
    assert sorted(line["problem"] for line in read_lines(tmp_path / "out")) == PROBLEMS[:5]
    assert sorted(os.listdir(tmp_path / "out")) == ["records.jsonl", "report.html", "summary.csv"]


# ------------------------------------------------------------------------------------------------------------ wrong use

WRONG = [
    ({"suites": "nguyn"}, "unknown suite 'nguyn'; did you mean 'nguyen'?"),
    ({"suites": []}, "suites must name at least one of the suites, got none"),
    ({"suites": [3]}, "suites must be names or problems, got int"),
    ({"suites": 3}, "suites must be names or problems, got int"),
    ({"suites": ["nguyen", "nguyen"]}, "suites must name each problem once, got one of them twice"),
    ({"problems": ["Nguyen-99"]}, "unknown problem 'Nguyen-99'"),
    ({"problems": []}, "problems must name at least one of the problems, got none"),
    ({"methods": []}, "methods must name at least one of the methods, got none"),
    ({"methods": [None]}, "methods must be names, got NoneType"),
    ({"methods": "oporon"}, "got 'oporon'; did you mean 'operon'?"),
    ({"methods": "nowhere:Method"}, "must name a module that can be imported, got ModuleNotFoundError"),
    ({"methods": "no where:Method"}, "method must be a known name, or 'package.module:Class' for your own"),
    ({"methods": "json:JSONDecoder"}, "must name a subclass of"),
    ({"time_limit": 0}, "time_limit must be a number of seconds > 0, got 0"),
    ({"time_limit": float("inf")}, "time_limit must be a number of seconds > 0, got inf"),
    ({"time_limit": "5"}, "time_limit must be a number of seconds > 0, got '5'"),
    ({"seeds": 0}, "seeds must be an integer >= 1, got 0"),
    ({"seeds": []}, "seeds must name at least one of the seeds, got none"),
    ({"seeds": [0, -1]}, "each of the seeds must be an integer >= 0, got -1"),
    ({"seeds": "3"}, "seeds must be an integer >= 1, got '3'"),
    ({"seeds": True}, "seeds must be an integer >= 1, got True"),
    ({"rows": 2.5}, "rows must be an integer >= 1, got 2.5"),
    ({"dummies": -1}, "dummies must be an integer >= 0, got -1"),
    ({"noise": -0.1}, "noise must be a number >= 0, relative to the root mean square of y, got -0.1"),
    ({"noise": float("nan")}, "noise must be a number >= 0"),
    ({"noise": None}, "noise must be a number >= 0"),
    ({"threads": 0}, "threads must be an integer >= 1, got 0"),
    ({"n_jobs": 0}, "n_jobs must be an integer other than 0, or None, got 0"),
    ({"n_jobs": 1.5}, "n_jobs must be an integer other than 0, or None, got 1.5"),
    ({"memory_limit": 0}, "memory_limit must be a number of MiB > 0, got 0"),
    ({"operators": ["add", "sinus"]}, "unknown operator 'sinus'"),
    ({"operators": "plus"}, "unknown operator 'plus'"),
    ({"operators": []}, "operators must name at least one of the operators, got none"),
    ({"resume": True}, "resume needs out, the folder to go on with, got none"),
]


@pytest.mark.parametrize(("change", "message"), WRONG)
def test_wrong_parameters(executed, change, message):
    with pytest.raises(ParameterError, match=message.replace("?", r"\?")):
        compare(**{"suites": "nguyen", "methods": ["linear"], **change})
    assert executed == []


@pytest.mark.parametrize(
    ("ending", "end"),
    [
        ("sys.exit(0)", "ended without an answer, exit code 0"),
        ("os.kill(os.getpid(), signal.SIGSEGV)", "ended by SIGSEGV"),
    ],
)
def test_a_module_that_ends_whoever_imports_it_does_not_end_us(executed, tmp_path, monkeypatch, ending, end):
    (tmp_path / "fatal.py").write_text(f"import os, signal, sys\n{ending}\n", encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    message = f"'fatal:Method' must name a module that can be imported, got one whose import {end}"
    with pytest.raises(ParameterError, match=message):
        compare("nguyen", ["fatal:Method", "linear"])
    assert executed == []


def test_a_problem_without_a_name_is_refused(executed):
    problem: Any = load_suite("nguyen")[0]
    problem = dataclasses.replace(problem, name=5)
    with pytest.raises(ParameterError, match="suite and name of a problem must be texts, got 'nguyen' and 5"):
        compare(problem, "linear")
    assert executed == []


def test_a_method_that_needs_arguments_is_refused(notes, executed):
    with pytest.raises(ParameterError, match="must be made without arguments, got TypeError: "):
        compare("nguyen", "misbehaving:NeedsArguments")
    assert executed == []


def test_a_report_of_several_calls_names_no_single_command(executed, tmp_path):
    compare("nguyen", "linear", time_limit=5, out=tmp_path, command="the first command")
    assert "the first command" in (tmp_path / "report.html").read_text(encoding="utf-8")
    compare("nguyen", "mlp", time_limit=5, out=tmp_path, resume=True, command="the second command")
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "the second command" not in page
    assert "--methods linear,mlp" in page


class NumberedProblem(Problem):
    """A problem of a user's own whose fingerprint is no text."""

    suite, name, fingerprint = "theirs", "numbered", 5  # type: ignore[assignment]

    def draw(self, rows=None, noise=0.0, dummies=0, seed=0):
        return load_suite("nguyen")[0].draw(20)


def test_any_fingerprint_can_be_gone_on_with(notes, tmp_path):
    for resume in (False, True):
        found = compare(NumberedProblem(), "misbehaving:Honest", time_limit=5, out=tmp_path, resume=resume)
        assert [(run.status, run.fingerprint) for run in found.runs] == [("ok", "5")]


def test_seeds_may_be_chosen(executed):
    found = compare("nguyen", "linear", problems="Nguyen-1", seeds=[7, 3, 7], time_limit=5)
    assert [run.seed for run in executed] == [7, 3]
    assert [run.seed for run in found.runs] == [7, 3]


def test_one_name_is_as_good_as_a_list(executed):
    sizes: Any = {"rows": np.int64(20), "time_limit": np.float32(2)}
    compare("nguyen", "linear", problems="Nguyen-3", operators="add", **sizes)
    assert names(executed) == [("Nguyen-3", "linear", 0)]


def test_the_folder_must_be_one(executed, tmp_path):
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(FileFormatError, match="file: must be a folder, got a file"):
        compare("nguyen", "linear", out=tmp_path / "file")
    with pytest.raises(FileFormatError, match="a: cannot be made: Not a directory"):
        compare("nguyen", "linear", out=tmp_path / "file" / "a")


def test_a_disk_that_does_not_take_it(executed, tmp_path):
    (tmp_path / "records.jsonl").mkdir()
    with pytest.raises(FileFormatError, match=r"records\.jsonl: cannot be "):
        compare("nguyen", "linear", out=tmp_path, resume=True)


def test_a_table_that_is_none(tmp_path):
    path = tmp_path / "short.csv"
    path.write_text("x,y\n1,2\n", encoding="utf-8")
    with pytest.raises(DataError, match="must have at least 4 rows, got 1"):
        table_problem(path, "y")


def test_packages_that_are_missing_are_named_with_the_remedy(executed, monkeypatch):
    monkeypatch.setitem(sys.modules, "psutil", None)
    monkeypatch.setitem(sys.modules, "zss", None)
    message = r"^a comparison needs psutil, zss, not installed; pip install 'kansym\[compare\]'$"
    with pytest.raises(ParameterError, match=message):
        compare("nguyen", "linear")


def test_windows_is_told_so(executed, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    with pytest.raises(ParameterError, match="needs Linux or macOS"):
        compare("nguyen", "linear")
