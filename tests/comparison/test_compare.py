"""A comparison whole: parameters, folder, resuming after kill -9, several jobs, a cluster that loses a worker."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import warnings

import joblib
import pandas as pd
import pytest

import kansym
from kansym.comparison.compare import compare
from kansym.comparison.records import read_records
from kansym.errors import FileFormatError, ParameterError

SUITE = "nguyen"


def empty(folder):
    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"suites": "nguyn"}, r"unknown suite 'nguyn'; did you mean 'nguyen'\?"),
        ({"suites": []}, "suites must name at least one problem, got none"),
        ({"suites": ["nguyen", "nguyen"]}, "suites must name each problem once"),
        ({"methods": []}, "methods must name at least one method, got none"),
        ({"methods": "operom"}, "method must be a known name.*operon"),
        ({"methods": "nowhere:Class"}, "must name a module that can be imported"),
        ({"methods": "json:JSONDecoder"}, "must name a subclass of"),
        ({"problems": ["Nguyen-99"]}, "unknown problem 'Nguyen-99'"),
        ({"operators": ["add", "plus"]}, "unknown operator 'plus'"),
        ({"operators": []}, "operators must name at least one operator, got none"),
        ({"time_limit": 0}, "time_limit must be a number of seconds > 0, got 0"),
        ({"noise": -0.1}, "noise must be a number >= 0"),
        ({"rows": 0}, "rows must be an integer >= 1, got 0"),
        ({"seeds": 1.5}, "seeds must be an integer >= 1, got 1.5"),
        ({"dummies": -1}, "dummies must be an integer >= 0, got -1"),
        ({"threads": 0}, "threads must be an integer >= 1, or None, got 0"),
        ({"memory_limit": -5}, "memory_limit must be a number of MiB > 0, or None, got -5"),
    ],
)
def test_wrong_parameters_are_one_clear_sentence(given, message):
    with pytest.raises(ParameterError, match=message):
        compare(**{"suites": SUITE, "methods": ["linear"], **given})


def test_compare_is_public():
    assert kansym.compare is compare


def test_the_folder_gets_records_summary_and_report(law, fakes, tmp_path):
    seen = []
    found = compare(
        law,
        ["fakes:Sum", "fakes:Raises", "fakes:NotThere"],
        rows=30,
        seeds=2,
        time_limit=1,
        out=tmp_path / "out",
        on_record=lambda record, total: seen.append((record.method, total)),
    )
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        "records.jsonl",
        "report.html",
        "summary.csv",
    ]
    assert [record.method for record in found.runs] == ["fakes:Sum", "fakes:Raises", "fakes:NotThere"] * 2
    assert len(seen) == 6
    assert {total for _, total in seen} == {6}
    assert read_records(tmp_path / "out" / "records.jsonl") == list(found.runs)
    summary = pd.read_csv(tmp_path / "out" / "summary.csv").set_index("method")
    assert summary.loc["fakes:Sum", ["runs", "recovered"]].tolist() == [2, 2]
    assert summary.loc["fakes:Raises", ["runs", "error", "recovered"]].tolist() == [2, 2, 0]
    assert summary.loc["fakes:NotThere", "missing"] == 2
    assert "a long story" in (tmp_path / "out" / "report.html").read_text(encoding="utf-8")


def test_records_are_not_overwritten_and_other_settings_are_refused(law, fakes, tmp_path):
    first = compare(law, "fakes:Sum", rows=30, time_limit=1, out=tmp_path)
    with pytest.raises(FileFormatError, match="holds records already; go on with them by resume"):
        compare(law, "fakes:Sum", rows=30, time_limit=1, out=tmp_path)
    with pytest.raises(FileFormatError, match=r"time_limit must be that of the earlier records .* 1\.0, got 2\.0"):
        compare(law, "fakes:Sum", rows=30, time_limit=2, out=tmp_path, resume=True)
    again = compare(law, "fakes:Sum", rows=30, time_limit=1, out=tmp_path, resume=True)
    assert again.runs == first.runs


def test_resuming_does_what_is_missing_only(law, fakes, tmp_path):
    compare(law, ["fakes:Sum", "fakes:NotThere"], rows=30, time_limit=1, out=tmp_path)
    done = []
    found = compare(
        law,
        ["fakes:Sum", "fakes:NotThere", "fakes:First"],
        rows=30,
        time_limit=1,
        out=tmp_path,
        resume=True,
        on_record=lambda record, total: done.append(record.method),
    )
    assert done == ["fakes:NotThere", "fakes:First"]
    assert len(found.runs) == len(read_records(tmp_path / "records.jsonl")) == 3


@pytest.mark.slow
def test_two_jobs_find_the_same(law, fakes):
    methods = ["fakes:Sum", "fakes:Raises", "fakes:First"]
    one, two = (compare(law, methods, rows=30, seeds=2, time_limit=1, threads=1, n_jobs=jobs) for jobs in (1, 2))
    facts = [[(run.key, run.status, run.expression, run.recovered) for run in found.runs] for found in (one, two)]
    assert facts[0] == facts[1]


@pytest.mark.slow
def test_a_killed_comparison_goes_on_where_it_was(fakes, tmp_path):
    """Kill -9 in the middle: no child lives on, no record is lost, and the rest is done once."""
    out = tmp_path / "out"
    command = [sys.executable, "-m", "kansym", "compare", "--suite", SUITE, "--methods", "fakes:Slow"]
    command += ["--rows", "30", "--time-limit", "5", "--threads", "1", "--out", str(out)]
    records = out / "records.jsonl"
    running = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    end = time.monotonic() + 120
    while time.monotonic() < end and (not records.exists() or len(records.read_bytes().splitlines()) < 2):
        time.sleep(0.02)
    running.send_signal(signal.SIGKILL)
    running.wait()
    before = read_records(records)
    assert 2 <= len(before) < 12
    end = time.monotonic() + 60
    while time.monotonic() < end and fakes():
        time.sleep(0.1)
    assert not fakes()
    empty(tmp_path / "temporary")  # a killed process cannot clean up
    assert subprocess.run([*command, "--resume"], capture_output=True, check=False).returncode == 0
    lines = [json.loads(line) for line in records.read_text(encoding="utf-8").splitlines()]
    assert len(lines) == len({(line["problem"], line["method"]) for line in lines}) == 12
    assert [record.key for record in read_records(records)[: len(before)]] == [record.key for record in before]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of a library that is told of a death
def test_a_cluster_that_loses_a_worker_loses_no_run(law, fakes, tmp_path):
    """Two Dask workers, one killed in the middle: its runs are done by the other, none twice."""
    distributed = pytest.importorskip("distributed")
    killed = []

    def kill_one(record, total):
        if not killed:
            (worker, *_) = [info["pid"] for info in client.run(_identity).values()]
            os.kill(worker, signal.SIGKILL)
            killed.append(worker)

    with (
        warnings.catch_warnings(),
        distributed.LocalCluster(n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config(backend="dask"),
    ):
        found = compare(
            law,
            ["fakes:Slow", "fakes:Raises"],
            rows=30,
            seeds=4,
            time_limit=5,
            threads=1,
            n_jobs=2,
            memory_limit=2000,
            out=tmp_path / "out",
            on_record=kill_one,
        )
    assert killed
    lines = (tmp_path / "out" / "records.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(lines) == len(found.runs) == 8
    statuses = {run.method: {r.status for r in found.runs if r.method == run.method} for run in found.runs}
    assert statuses == {"fakes:Slow": {"ok"}, "fakes:Raises": {"error"}}
    # What the killed worker left in its temporary folder, nobody could clean up.
    end = time.monotonic() + 60
    while time.monotonic() < end and fakes():
        time.sleep(0.1)
    empty(tmp_path / "temporary")


def _identity():
    return {"pid": os.getpid()}


def test_an_interrupt_keeps_what_is_done(law, fakes, tmp_path):
    def interrupt(record, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare(law, ["fakes:Sum", "fakes:First"], rows=30, time_limit=1, out=tmp_path, on_record=interrupt)
    assert len(read_records(tmp_path / "records.jsonl")) == 1
    assert threading.active_count() < 20
