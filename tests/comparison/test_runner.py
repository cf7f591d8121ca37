# pyright: reportOptionalMemberAccess=false, reportOptionalOperand=false
"""Whatever a method does, it costs one record and nothing else."""

from pathlib import Path

import pytest

from kansym.comparison.methods.base import DEFAULT_OPERATORS
from kansym.comparison.runner import Run, Settings, execute, run_all

SETTINGS = Settings(time_limit=1.0, threads=1, operators=DEFAULT_OPERATORS, memory_limit=2000.0)


def run_of(law, method, seed=0):
    return Run(law, f"fakes:{method}", seed, 0.0, 50, 0)


BAD = {
    "Segfaults": ("error", "ended by SIGSEGV"),
    "Raises": ("error", "RuntimeError: a long story of two lines"),
    "Leaves": ("error", "ended without an answer, exit code 3: giving up"),
    "Hangs": ("timeout", "killed 1.1 s after its limit of 1 s"),
    "HoldsTheLock": ("timeout", "killed 1.1 s after its limit of 1 s"),
    "Floods": ("error", "printed more than 20 MB"),
    "PredictsNan": ("error", "no usable answer: ValueError: predict must return finite numbers, got NaN or infinity"),
    "Rubbish": ("error", "no usable answer: TypeError: fit must return an Answer, got str"),
    "WrongSymbol": ("error", "no usable answer: ValueError: a formula must be in x0, x1, …, got the symbol 'q'"),
    "NoNumber": ("error", "no usable answer"),
    "NotThere": ("missing", "needs a compiler; install one"),
    "CannotLoad": ("error", "loading failed: OSError: no space left"),
}


@pytest.mark.parametrize("method", BAD)
def test_a_bad_method_is_one_record(law, fakes, method):
    record = execute(run_of(law, method), SETTINGS)
    status, message = BAD[method]
    assert record.status == status
    assert record.error.startswith(message)
    assert "\n" not in record.error
    assert not record.recovered
    assert record.expression is None
    assert (record.suite, record.problem, record.method) == ("mine", "sum", f"fakes:{method}")


def test_a_method_that_eats_memory_is_ended(law, fakes):
    settings = Settings(20.0, 1, DEFAULT_OPERATORS, 400.0)
    record = execute(run_of(law, "EatsMemory"), settings)
    assert (record.status, record.error) == ("error", "used more than its 400 MiB of memory")
    assert 400 < record.peak_memory < 2000


@pytest.mark.parametrize("method", ["Sum", "Prints", "Writes", "HasChildren"])
def test_a_good_method_is_judged(law, fakes, method, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    record = execute(run_of(law, method), SETTINGS)
    assert (record.status, record.error) == ("ok", None)
    assert (record.expression, record.truth) == ("a + b", "a + b")
    assert (record.recovered, record.recovered_by, record.symbolic, record.edit_distance) == (True, "exact", True, 0.0)
    assert record.versions["python"]
    assert sorted(tmp_path.rglob("*")) == before


def test_a_law_on_the_front_that_is_not_selected_is_told(law, fakes):
    record = execute(run_of(law, "First"), SETTINGS)
    assert (record.status, record.recovered, record.on_front, record.front_size) == ("ok", False, True, 2)


def test_predictions_without_a_formula_are_judged_by_accuracy(law, fakes):
    record = execute(run_of(law, "Predicts"), SETTINGS)
    assert (record.status, record.expression, record.recovered) == ("ok", None, False)
    assert record.r2_test == pytest.approx(1.0)
    assert record.error_wide == pytest.approx(0.0, abs=1e-12)


def test_a_bad_method_does_not_disturb_the_others(law, fakes):
    runs = [run_of(law, method, seed) for seed in range(2) for method in ("Segfaults", "Sum", "Raises")]
    records = {record.key: record for record in run_all(runs, SETTINGS, 2)}
    assert [records[run.key].status for run in runs] == ["error", "ok", "error"] * 2


def test_threads_are_pinned_alike_and_the_judges_values_stay_with_the_judge(law, fakes, tmp_path, monkeypatch):
    spy = tmp_path / "spies.py"
    spy.write_text(
        "import json, os, sys, numpy as np\n"
        "from kansym.comparison.methods.base import Answer, Method\n"
        "class Spy(Method):\n"
        "    name = 'spy'\n"
        "    def fit(self, task):\n"
        f"        out = {str(tmp_path / 'seen.json')!r}\n"
        "        rows = dict(np.load(os.path.join(sys.argv[1], 'rows.npz')))\n"
        "        names = ['OMP_NUM_THREADS', 'MKL_NUM_THREADS', 'JULIA_NUM_THREADS']\n"
        "        json.dump([sorted(rows), [os.environ[n] for n in names], task.threads], open(out, 'w'))\n"
        "        return Answer(task.variables[0])\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    execute(Run(law, "spies:Spy", 0, 0.0, 20, 0), Settings(2.0, 3, DEFAULT_OPERATORS, 2000.0))
    import json

    rows, variables, threads = json.loads(Path(tmp_path / "seen.json").read_text())
    assert rows == ["X", "X_test", "X_wide", "y"]
    assert variables == ["3", "3", "3"]
    assert threads == 3
