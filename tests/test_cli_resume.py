"""kansym fit --out and --resume: whatever ends the program, what was found is there and gets no worse."""

import itertools
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from kansym import KANRegressor
from kansym.cli import main
from kansym.symbolic.front import HallOfFame, ParetoFront, advantage

GENERATOR = np.random.default_rng(0)
COLUMNS = GENERATOR.uniform(1, 2, (80, 3))
TARGET = np.sin(5 * COLUMNS[:, 0] * COLUMNS[:, 1]) + COLUMNS[:, 2] ** 2 + 0.1 * GENERATOR.normal(size=80)
TABLE = pd.DataFrame(COLUMNS, columns=list("abc")).assign(y=TARGET)


@pytest.fixture
def data(tmp_path):
    path = tmp_path / "data.csv"
    TABLE.to_csv(path, index=False)
    return path


def command(data, folder, *options):
    words = [sys.executable, "-m", "kansym", "fit", str(data), "--target", "y", "--out", str(folder), *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    return {"args": words, "env": environment, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}


def no_worse(model, earlier):
    """Whether no formula that was selected before is shorter to say with the data than the one selected now."""
    (front,), (old,) = model.fronts_, earlier.fronts_
    both = ParetoFront((*front, *old), front.variance, front.n_rows)
    return advantage(old[earlier.selected()[0]], front[model.selected()[0]], both) <= 1e-6


# Imports take seconds, so one process imports and each search is a fork of it. Each copy is what a kill has left.
KILLER = """
import os, shutil, signal, sys, time
from pathlib import Path
import numpy as np
from kansym.cli import main

data, place = sys.argv[1], Path(sys.argv[2])
os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
words = ["fit", data, "--features", "a,b,c", "--target"]
main([*words, "y0", "--max-steps", "1"])
for number, moment in enumerate(np.random.default_rng(0).uniform(0.0, 2.0, 20)):
    target = f"y{number // 5}"
    options = ["--out", str(place / target), "--resume", "--seed", str(number), "--time-limit", "300"]
    if (child := os.fork()) == 0:
        main([*words, target, *options])
        os._exit(0)
    time.sleep(moment)
    while not (place / target / "model.kansym").exists():
        assert os.waitpid(child, os.WNOHANG) == (0, 0), "the search ended without a model"
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1]), "the search was over before"
    shutil.copytree(place / target, place / str(number))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_twenty_kills_at_random_moments_lose_nothing(tmp_path, start):
    """Five in each of four searches with noise, so that they come while there is much to find."""
    data, (a, b, c) = tmp_path / "data.csv", COLUMNS.T
    laws = (TARGET, np.cos(4 * b * c) / a, np.exp(a * np.sin(3 * b)) + c, a**b * np.log(c) + np.sin(7 * a))
    noise = 0.05 * np.random.default_rng(1).normal(size=(4, 80))
    targets = {f"y{number}": law + noise[number] for number, law in enumerate(laws)}
    TABLE[["a", "b", "c"]].assign(**targets).to_csv(data, index=False)
    call = {**command(data, tmp_path), "args": [sys.executable, "-c", KILLER, str(data), str(tmp_path)]}
    process = start(**call)
    _, err = process.communicate(timeout=500)
    assert process.returncode == 0, err
    n_fronts = 0
    for target in targets:
        copies = [tmp_path / str(5 * int(target[1:]) + number) for number in range(5)]
        names = {path.name for copy in copies for path in copy.iterdir()}
        assert all(name == "model.kansym" or name.endswith(".part") for name in names)
        (tmp_path / target / f".kansym-{2**31 - 1}-0123456789abcdef.part").write_bytes(b"half")
        words = ["fit", str(data), "--features", "a,b,c", "--target", target, "--out", str(tmp_path / target)]
        assert main([*words, "--max-steps", "2", "--resume"]) == 0
        assert sorted(os.listdir(tmp_path / target)) == ["equations.csv", "model.kansym", "report.html"]
        models = [KANRegressor.load(folder / "model.kansym") for folder in (*copies, tmp_path / target)]
        for number, (earlier, model) in enumerate(itertools.pairwise(models)):
            assert no_worse(model, earlier), (target, number)
            assert not lost(earlier, model), (target, number)
        n_fronts += len({str(model.equations_) for model in models})
    assert n_fronts > len(targets)  # some kills came between improvements


def lost(earlier, model):
    """Formulas of an earlier front that none with as few nodes fits as well, though the front has a place for them.

    It has none for those that save too little beside a simpler one that was found since.
    """
    (front,), (old,) = model.fronts_, earlier.fronts_
    hall = HallOfFame(front.variance, front.n_rows)
    for formula in (*front, *old):
        hall = hall.add(formula)
    both = [formula.expression for formula in hall.front()]
    return [
        formula
        for formula in old
        if formula.expression in both
        and not any(one.complexity <= formula.complexity and one.loss <= formula.loss * (1 + 1e-9) for one in front)
    ]


def wait_for(path, process, seconds=300.0):
    end = time.monotonic() + seconds
    while not path.exists() and process.poll() is None and time.monotonic() < end:
        time.sleep(0.02)
    if not path.exists():
        process.kill()
        pytest.fail(process.stderr.read())


@pytest.mark.skipif(os.name == "nt", reason="Windows does not tell")
def test_searches_side_by_side_are_kept_and_end_with_the_process_that_is_killed(tmp_path, start):
    psutil = pytest.importorskip("psutil")
    data, folder = tmp_path / "data.csv", tmp_path / "out"
    TABLE.assign(z=TABLE["y"][::-1].to_numpy()).to_csv(data, index=False)
    call = command(data, folder, "--target", "z", "--jobs", "2", "--time-limit", "300")
    process = start(**call)
    wait_for(folder / "model.kansym", process)
    searches = psutil.Process(process.pid).children(recursive=True)
    assert len(searches) >= 2
    process.kill()
    assert [front.n_rows for front in KANRegressor.load(folder / "model.kansym").fronts_] == [80, 80]
    end = time.monotonic() + 120.0
    while any(at_work(search) for search in searches):
        assert time.monotonic() < end
    assert main([*call["args"][3:], "--max-steps", "2", "--resume"]) == 0


def at_work(process):
    """Whether a process takes time of a processor."""
    psutil = pytest.importorskip("psutil")
    try:
        used = sum(process.cpu_times()[:2])
        time.sleep(0.5)
        return process.status() != psutil.STATUS_ZOMBIE and sum(process.cpu_times()[:2]) > used + 0.02
    except psutil.NoSuchProcess:
        return False


def test_a_model_is_not_overwritten_unasked(data, tmp_path, capsys):
    words = command(data, tmp_path / "out", "--max-steps", "2")["args"][3:]
    assert main(words) == 0
    before = (tmp_path / "out" / "model.kansym").read_bytes()
    capsys.readouterr()
    assert main(words) == 2
    message = r"model\.kansym: --out must be a folder without a model, got one with a model; go on with it by --resume,"
    assert re.fullmatch(f"kansym: .*{message} choose another folder, or remove it\n", capsys.readouterr().err)
    assert (tmp_path / "out" / "model.kansym").read_bytes() == before


WRITER = """
import itertools, sys
from kansym.archive import read_archive, write_archive
import numpy as np
for number in itertools.count():
    write_archive(sys.argv[1], {"number": number}, {"a": np.full(20_000, float(number))})
    if number == 0:
        print("ready", flush=True)
"""


def test_twenty_kills_while_writing_leave_a_whole_file(tmp_path, start):
    from kansym.archive import read_archive

    path = tmp_path / "a.kansym"
    for moment in np.random.default_rng(1).uniform(0.0, 0.03, 20):
        words = [sys.executable, "-c", WRITER, str(path)]
        process = start(words, stdout=subprocess.PIPE, env=command(path, path)["env"])
        process.stdout.readline()
        time.sleep(moment)
        process.kill()
        process.wait()
        document, arrays = read_archive(path)
        assert np.array_equal(arrays["a"], np.full(20_000, float(document["number"])))


def test_a_full_disk_is_told_once_and_the_old_file_stays(data, tmp_path, start):
    """A limit on the size of files is as good as a disk that is full."""
    folder = tmp_path / "out"
    folder.mkdir()
    assert main(command(data, folder, "--max-steps", "3")["args"][3:]) == 0
    before = (folder / "model.kansym").read_bytes()

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (512, 512))

    call = command(data, folder, "--max-steps", "40", "--resume")
    process = start(**call, preexec_fn=small_files)
    out, err = process.communicate(timeout=500)
    assert process.returncode == 2
    assert "y = " in out  # what was found is shown before the error
    lines = err.splitlines()
    told = r"model\.kansym: cannot be written: File too large"
    assert len(lines) == 2
    assert re.fullmatch(f"kansym: warning: .*{told}; the search goes on", lines[0])
    assert re.fullmatch(f"kansym: .*{told}", lines[1])
    assert (folder / "model.kansym").read_bytes() == before
    assert [path.name for path in folder.iterdir() if path.suffix == ".part"] == []


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs Linux's device that is always full")
@pytest.mark.parametrize("words", ["predict {model} {data}", "suites"])
def test_a_full_disk_behind_standard_output_is_one_line(words, data, tmp_path, start):
    KANRegressor(max_steps=1).fit(TABLE[["a", "b", "c"]], TABLE["y"]).save(tmp_path / "a.kansym")
    given = words.format(data=data, model=tmp_path / "a.kansym").split()
    call = {**command(data, tmp_path), "args": [sys.executable, "-m", "kansym", *given]}
    with open("/dev/full", "w") as full:
        process = start(**{**call, "stdout": full})
        _, err = process.communicate(timeout=500)
    assert process.returncode == 2
    assert err == "kansym: standard output: No space left on device\n"


OTHERS = {
    "other rows": (TABLE.iloc[:-1], "the rows must be those of the earlier search to go on with it, got others; cho"),
    "another value": (TABLE.assign(y=TABLE["y"] + (TABLE.index == 3)), "the rows must be those of the earlier search"),
    "a column more": (TABLE.assign(d=1.0), "features must be those of the earlier search .* 'a', 'b', 'c', got .*'d'"),
    "another order": (TABLE[["b", "a", "c", "y"]], "features must be those of the earlier search"),
}


@pytest.mark.parametrize("case", OTHERS)
def test_other_data_are_refused(case, data, tmp_path, capsys):
    table, message = OTHERS[case]
    folder = tmp_path / "out"
    assert main(command(data, folder, "--max-steps", "2")["args"][3:]) == 0
    before = (folder / "model.kansym").read_bytes()
    table.to_csv(data, index=False)
    capsys.readouterr()
    assert main(command(data, folder, "--max-steps", "2", "--resume")["args"][3:]) == 2
    assert re.fullmatch(f"kansym: .*{message}.*\n", capsys.readouterr().err)
    assert (folder / "model.kansym").read_bytes() == before


def test_other_targets_and_damaged_files_are_refused(data, tmp_path, capsys):
    folder = tmp_path / "out"
    assert main(command(data, folder, "--max-steps", "2")["args"][3:]) == 0
    words = ["fit", str(data), "--target", "c", "--out", str(folder), "--resume"]
    assert main([*words, "--features", "a,b"]) == 2
    assert "features must be those of the earlier search" in capsys.readouterr().err
    assert main([*words, "--features", "a,b,y"]) == 2
    assert "must be those of the earlier search" in capsys.readouterr().err
    (folder / "model.kansym").write_bytes(b"PK")
    assert main(command(data, folder, "--resume")["args"][3:]) == 2
    assert "must be a model that kansym saved" in capsys.readouterr().err


def test_resume_without_a_folder_is_wrong_use_and_without_a_model_a_start(data, tmp_path, capsys):
    assert main(["fit", str(data), "--target", "y", "--resume"]) == 2
    assert capsys.readouterr().err == "kansym: --resume needs --out, the folder to go on with, got none\n"
    assert main(command(data, tmp_path / "new", "--max-steps", "2", "--resume")["args"][3:]) == 0


def test_an_exact_formula_is_all_there_is_to_do(tmp_path, capsys):
    path = tmp_path / "data.csv"
    TABLE.assign(y=2 * TABLE["a"]).to_csv(path, index=False)
    assert main(command(path, tmp_path, "--max-steps", "9")["args"][3:]) == 0
    capsys.readouterr()
    assert main(command(path, tmp_path, "--max-steps", "9", "--resume")["args"][3:]) == 0
    out = capsys.readouterr().out
    assert "y = 2·a" in out
    assert "an exact formula was found; 0 steps" in out


# ------------------------------------------------------------------------------------------------------------ in Python


@pytest.mark.parametrize("scale", [1.0, 1e7, 1e-9])
def test_formulas_that_are_known_compete_from_the_start(scale):
    X, y = COLUMNS * scale, TARGET * scale
    earlier = KANRegressor(max_steps=40, random_state=0).fit(X, y)
    later = KANRegressor(max_steps=1, random_state=1).fit(X, y, start=earlier)
    assert no_worse(later, earlier)
    np.testing.assert_allclose(later.predict(X), earlier.predict(X), rtol=1e-9)


def test_formulas_that_are_known_are_fitted_to_these_rows():
    earlier = KANRegressor(max_steps=20, random_state=0).fit(COLUMNS, TARGET)
    later = KANRegressor(max_steps=5, random_state=0).fit(COLUMNS[:40], TARGET[:40], start=earlier)
    for position, loss in enumerate(later.equations_["loss"]):
        expected = np.mean((later.predict(COLUMNS[:40], index=position) - TARGET[:40]) ** 2)
        assert loss == pytest.approx(expected, rel=1e-9)


def test_a_smaller_library_and_size_hold_for_what_is_known():
    X = COLUMNS[:, :1]
    earlier = KANRegressor(max_steps=30, random_state=0).fit(X, np.exp(X[:, 0]))
    later = KANRegressor(max_steps=1, library=["x", "x^2"], max_complexity=7).fit(X, np.exp(X[:, 0]), start=earlier)
    assert "exp" not in str(later.equations_["equation"].tolist())


def test_a_start_of_other_columns_is_refused():
    earlier = KANRegressor(max_steps=2).fit(TABLE[["a", "b"]], TABLE["y"])
    for table, target, message in (
        (TABLE[["b", "a"]], TABLE["y"], "start must be a model of the same columns, got one of 'a', 'b' for 'b', 'a'"),
        (TABLE[["a", "b"]], TABLE["c"], "start must be a model of the same outputs, got one of 'y' for 'c'"),
    ):
        with pytest.raises(ValueError, match=message):
            KANRegressor(max_steps=2).fit(table, target, start=earlier)
    with pytest.raises(ValueError, match=r"start must be a fitted model, got KANRegressor\(\)"):
        KANRegressor(max_steps=2).fit(TABLE[["a"]], TABLE["y"], start=KANRegressor())


def test_at_any_improvement_the_model_is_whole(tmp_path):
    """Two outputs of extreme size: each can be saved, loaded and used, and the search is not changed by it."""
    X, Y = COLUMNS * 1e8, np.column_stack([TARGET * 1e-20, COLUMNS[:, 0] ** 2])
    sizes = []

    def keep(model):
        model.save(tmp_path / "a.kansym")
        loaded = KANRegressor.load(tmp_path / "a.kansym")
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
        assert np.isfinite(model.predict(X)).all()
        sizes.append(json.dumps([len(table) for table in model.equations_]))

    watched = KANRegressor(max_steps=25, random_state=0).fit(X, Y, on_improvement=keep)
    plain = KANRegressor(max_steps=25, random_state=0).fit(X, Y)
    assert sizes
    for one, other in zip(watched.equations_, plain.equations_, strict=True):
        assert one["sympy_format"].tolist() == other["sympy_format"].tolist()
