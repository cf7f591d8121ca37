"""Whatever a method does costs one record and nothing else; each test is one method and what became of it."""

import errno
import os
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import sympy

from kansym.comparison import exchange, judging, process, runner
from kansym.comparison.methods.base import DEFAULT_OPERATORS
from kansym.comparison.problems import LawProblem, Problem
from kansym.comparison.runner import Run, Settings, execute
from kansym.comparison.sampling import Variable
from kansym.comparison.suites import load_suite

NGUYEN = load_suite("nguyen")[0]
LIMIT = 1.0
GRACE = 30.0  # for methods that end by themselves, however slow the machine
SHORT_GRACE = 1.0  # for those that do not
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere orphans leave their family")


@pytest.fixture
def attempt(notes, tmp_path, monkeypatch):
    """Run a fake method on the first problem of Nguyen, and see that it leaves no files."""
    monkeypatch.setattr(process, "_GRACE_SHARE", 0.0)
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))

    def attempt(name, problem=NGUYEN, memory=4000.0, seed=0, limit=LIMIT, grace=GRACE):
        monkeypatch.setattr(process, "_GRACE_SECONDS", grace)
        settings = Settings(limit, 1, DEFAULT_OPERATORS, memory)
        record = execute(Run(problem, f"misbehaving:{name}", seed, 0.0, 50, 0), settings)
        assert os.listdir(temporary) == []
        assert record.error is None or "\n" not in record.error
        return record

    return attempt


def failed(record, status="error"):
    nothing = (record.expression, record.complexity, record.r2_test, record.recovered, record.on_front)
    return record.status == status and nothing == (None, None, None, False, False)


def test_an_honest_method(attempt):
    record = attempt("Honest")
    assert record.key == ("nguyen", "Nguyen-1", "misbehaving:Honest", 0, 0.0, 50, 0)
    assert (record.status, record.error) == ("ok", None)
    assert (record.expression, record.truth) == ("x1**3 + x1**2 + x1", "x1**3 + x1**2 + x1")
    assert (record.recovered, record.recovered_by, record.symbolic, record.on_front) == (True, "exact", True, True)
    assert (record.complexity, record.truth_complexity, record.front_size) == (8, 8, 2)
    assert record.edit_distance == 0.0
    assert record.r2_test == 1.0
    assert (record.n_variables, record.n_rows, record.rows) == (1, 50, 50)
    assert record.seconds is not None
    assert record.seconds >= 0
    assert record.peak_memory is not None
    assert record.peak_memory > 5
    assert set(record.versions) == {"python", "kansym", "kansym source"}
    assert record.machine


@pytest.mark.parametrize("name", ["Printing", "Lingering", "Late", "LateAfterLoading", "Calling", "Littering"])
def test_what_costs_nothing(attempt, name):
    record = attempt(name)
    assert (record.status, record.recovered, record.error) == ("ok", True, None)


def test_the_time_is_that_of_the_fit(attempt):
    """It takes 1.2 s, after three seconds of loading."""
    seconds = attempt("LateAfterLoading").seconds
    assert seconds is not None
    assert LIMIT + 0.2 <= seconds < LIMIT + 0.2 + 3.0


def test_files_go_to_a_folder_that_is_removed(attempt, notes, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(os.listdir(tmp_path))
    assert attempt("Writing").recovered
    folder = Path((notes / "folder").read_text(encoding="utf-8"))
    assert folder.name == "work"
    assert Path((notes / "temporary").read_text(encoding="utf-8")).parent == folder
    assert not folder.exists()
    assert sorted(os.listdir(tmp_path)) == before


@pytest.mark.parametrize(
    "name",
    [
        "Parenting",
        pytest.param("Disowning", marks=LINUX),
    ],
)
def test_a_process_that_would_outlive_its_run(attempt, notes, is_gone, name):
    assert attempt(name, limit=5.0).recovered
    assert is_gone((notes / "grandchild").read_text(encoding="utf-8"))


def test_threads_are_pinned_and_nothing_is_to_be_read(attempt, notes, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    attempt("Environment", seed=3)
    environment = (notes / "environment").read_text(encoding="utf-8").splitlines()
    for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR", "NUMBA", "JULIA"):
        assert f"{name}_NUM_THREADS=1" in environment
    assert "PYTHON_JULIACALL_THREADS=1" in environment
    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert (notes / "input").read_text(encoding="utf-8") == "''"
    assert (notes / "seed").read_text(encoding="utf-8") == "3"


def test_the_judges_values_stay_with_the_judge(attempt, notes):
    attempt("Environment")
    assert (notes / "rows").read_text(encoding="utf-8") == "['X', 'X_test', 'X_wide', 'y']"


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("Crashing", "ended by SIGSEGV: about to fall"),
        ("NullReading", "ended by SIGSEGV"),
        ("Aborting", "ended by SIGABRT"),
        ("Leaving", "ended without an answer, exit code 1: have to go"),
        ("Text", "no usable answer: TypeError: fit must return an Answer, got str"),
        ("Nothing", "no usable answer: TypeError: fit must return an Answer with an expression or a predict"),
        ("TextInside", "no usable answer: TypeError: a formula must be a sympy expression, got str"),
        ("Foreign", "no usable answer: ValueError: a formula must be in x0, x1, …, got the symbol 'secret'"),
        ("Unknown", "no usable answer: ParameterError: "),
        ("NotANumber", "no usable answer: ParameterError: "),
        ("PredictingNaN", "no usable answer: ValueError: predict must return finite numbers, got NaN or infinity"),
        ("PredictingFew", "no usable answer: ValueError: predict must return 1000 numbers, got 3"),
        ("PredictingObjects", "no usable answer: TypeError: "),
        ("BadLoading", "loading failed: OSError: the shared library is of another machine"),
    ],
)
def test_a_failure_is_one_line(attempt, name, error):
    record = attempt(name)
    assert failed(record)
    assert str(record.error).startswith(error)


def test_a_long_message_is_cut(attempt):
    record = attempt("Raising")
    assert failed(record)
    assert str(record.error).startswith("ValueError: no luck")
    assert len(str(record.error)) <= 300
    assert record.seconds is not None


def test_a_missing_method_says_how_to_get_it(attempt):
    record = attempt("Missing")
    assert failed(record, "missing")
    assert record.error == "julia not found; install it"


@pytest.mark.parametrize("name", ["Hanging", "Locking"])
def test_a_hang_is_killed_at_the_limit(attempt, name, notes, is_gone):
    record = attempt(name, grace=SHORT_GRACE)
    assert failed(record, "timeout")
    assert record.error == "killed 1 s after its limit of 1 s"
    assert record.seconds is not None
    assert LIMIT + SHORT_GRACE <= record.seconds < LIMIT + SHORT_GRACE + 60.0  # it would sleep for 600
    assert record.versions
    assert is_gone((notes / "child").read_text(encoding="utf-8"))


def sleepers():
    """Processes that :class:`misbehaving.Breeding` has started and that live."""
    alive = psutil.process_iter(["cmdline"])
    return [process.pid for process in alive if process.info["cmdline"] == ["sleep", "611"]]


@LINUX
def test_what_is_started_without_end_is_ended(attempt):
    record = attempt("Breeding", grace=SHORT_GRACE)
    assert failed(record, "timeout")
    assert sleepers() == []


def test_loading_has_a_limit_of_its_own(attempt, monkeypatch):
    monkeypatch.setattr(runner, "LOADING_LIMIT", 4.0)
    record = attempt("LongLoading")
    assert failed(record)
    assert record.error == "loading took more than 4 s"
    assert record.seconds is None


@pytest.mark.parametrize(
    "name",
    [
        "Hungry",
        "HungryFamily",
        pytest.param("DisowningHungry", marks=LINUX),
    ],
)
def test_memory_has_a_limit(attempt, name):
    record = attempt(name, memory=500.0, limit=60.0)
    assert failed(record)
    assert record.error == "used more than its 500 MiB of memory"
    assert record.peak_memory is not None
    assert record.peak_memory > 500


def test_what_a_method_writes_is_gone_when_its_judge_comes(attempt, monkeypatch):
    left = []

    def write_case(folder, answer, sample):
        left.extend(path.name for path in folder.rglob("*"))
        judging.write_case(folder, answer, sample)

    monkeypatch.setattr(runner, "write_case", write_case)
    assert attempt("Spacious").recovered
    assert exchange.ANSWER in left
    assert "large" not in left


@pytest.mark.parametrize("where", ["_write_task", "write_case"])
def test_a_full_disk_costs_one_record(attempt, monkeypatch, where):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(runner, where, full)
    record = attempt("Honest")
    assert failed(record)
    assert record.error == "could not be run: OSError: [Errno 28] No space left on device"
    assert record.truth is not None


def test_a_formula_without_values_is_judged(attempt):
    record = attempt("Undefined")
    assert (record.status, record.error) == ("ok", None)
    assert record.expression is not None
    assert (record.r2_test, record.error_test, record.recovered) == (None, None, False)


def test_rubbish_on_the_front_costs_itself_only(attempt):
    record = attempt("BadFront")
    assert (record.status, record.expression, record.recovered) == ("ok", "x1", False)
    assert (record.on_front, record.front_size) == (True, 2)


def test_predictions_are_judged_by_their_accuracy(attempt):
    record = attempt("Predicting")
    assert (record.status, record.expression, record.recovered, record.front_size) == ("ok", None, False, 0)
    assert record.r2_test == pytest.approx(1.0)
    assert record.error_wide == pytest.approx(0.0, abs=1e-12)


def test_a_formula_that_keeps_the_judge_too_long(attempt, monkeypatch):
    monkeypatch.setattr(runner, "JUDGE_LIMIT", 0.01)
    record = attempt("Honest")
    assert failed(record)
    assert record.error == "the formula could not be judged within 0.01 s"


def test_the_numbers_stay_when_sympy_takes_too_long(attempt, monkeypatch):
    monkeypatch.setattr(runner, "_SYMBOLIC_SECONDS", 0.0)
    record = attempt("Laborious")
    assert (record.status, record.error, record.symbolic) == ("ok", None, None)
    assert record.r2_test == pytest.approx(1.0)


def test_columns_of_any_name(attempt):
    variable = Variable("flow rate\n", 1.0, 2.0)
    x = variable.symbol
    record = attempt("Honest", LawProblem("mine", "hostile", x**3 + x**2 + x, (variable,)))
    assert record.recovered
    assert record.expression == record.truth
    assert "`flow rate\n`" in str(record.truth)


class TheirProblem(Problem):
    """A problem of a user's own with an error in it."""

    suite, name = "theirs", "broken"

    def draw(self, rows=None, noise=0.0, dummies=0, seed=0):
        return {}["rows"]


class Leaving(TheirProblem):
    def draw(self, rows=None, noise=0.0, dummies=0, seed=0):
        sys.exit("bye")


class OddNames(TheirProblem):
    def draw(self, rows=None, noise=0.0, dummies=0, seed=0):
        return replace(NGUYEN.draw(20), names={"x"})  # type: ignore[arg-type]


class NoSample(TheirProblem):
    def draw(self, rows=None, noise=0.0, dummies=0, seed=0) -> Any:
        return np.ones((3, 2))


class NoFingerprint(TheirProblem):
    @property
    def fingerprint(self):
        raise ZeroDivisionError("not today")


@pytest.mark.parametrize(
    ("problem", "error"),
    [
        (TheirProblem(), "no sample: KeyError: 'rows'"),
        (NoSample(), "no sample: TypeError: draw must return a Sample, got ndarray"),
        (NoFingerprint(), "no sample: ZeroDivisionError: not today"),
        (Leaving(), "no sample: SystemExit: bye"),
        (OddNames(), "no sample: TypeError: names of a Sample must be a tuple of texts, got {'x'}"),
    ],
)
def test_an_error_in_a_users_problem_is_a_record(attempt, problem, error):
    record = attempt("Honest", problem)
    assert failed(record)
    assert record.error == error


class SinglePrecision(TheirProblem):
    def draw(self, rows=None, noise=0.0, dummies=0, seed=0):
        return replace(NGUYEN.draw(20), sigma=np.float32(0.0))  # type: ignore[arg-type]

    @property
    def fingerprint(self) -> Any:
        return b"bytes"


def test_numbers_of_a_users_problem_may_be_of_other_types(attempt):
    record = attempt("Honest", SinglePrecision())
    assert (record.status, record.recovered, record.fingerprint) == ("ok", True, "b'bytes'")


def test_a_method_warms_up_with_the_operators_of_its_task(attempt, notes):
    assert attempt("Warming").recovered
    assert (notes / "warm").read_text(encoding="utf-8") == f"{DEFAULT_OPERATORS} 1 20"


def test_a_problem_that_cannot_be_drawn(attempt):
    variable = Variable("x", 1.0, 2.0)
    record = attempt("Honest", LawProblem("mine", "nowhere", sympy.log(-variable.symbol), (variable,)))
    assert failed(record)
    assert str(record.error).startswith("no sample: law must be finite on most of its range")
