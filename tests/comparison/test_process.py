import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from kansym.comparison.process import Limits, grace_of, run_process

LIMITS = Limits(seconds=60.0, loading=60.0, memory=1000.0, threads=2)
MODULE = """
import os, subprocess, sys
from pathlib import Path

def main(folder):
    Path(folder, "path").write_text(repr(sys.path))
    Path(folder, "group").write_text(str(os.getpgrp()))
    exec(Path(folder, "code").read_text())
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run a piece of code in a child process."""
    (tmp_path / "piece.py").write_text(MODULE, encoding="utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(code, limits=LIMITS, is_loaded=lambda: True):
        (tmp_path / "code").write_text(code, encoding="utf-8")
        return run_process("piece", tmp_path, tmp_path, limits, is_loaded)

    return run


def test_an_end_of_its_own(run):
    outcome = run("print('so long')")
    assert (outcome.ended, outcome.code, outcome.tail) == ("itself", 0, "so long\n")
    assert 0 < outcome.seconds < 60
    assert 0 < outcome.peak_memory < 1000


def test_an_exit_code_and_a_signal(run):
    assert run("sys.exit(3)").code == 3
    assert run("os.kill(os.getpid(), 15)").code == -signal.SIGTERM


def test_only_the_end_of_what_is_printed_is_kept(run):
    tail = run("for i in range(100_000): print(f'line {i}')").tail
    assert len(tail) == 2000
    assert tail.endswith("line 99998\nline 99999\n")


def test_modules_are_found_where_the_caller_finds_them(run, tmp_path):
    run("")
    expected = [entry or os.getcwd() for entry in sys.path]
    assert (tmp_path / "path").read_text(encoding="utf-8") == repr(expected)


def test_nothing_is_left_of_its_group(run, tmp_path, wait_for):
    run("subprocess.Popen(['sleep', '600'], env={'PATH': os.environ['PATH']})")
    group = int((tmp_path / "group").read_text(encoding="utf-8"))
    wait_for(lambda: not members(group))


def members(group):
    """Processes of a group that have not ended."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.NoSuchProcess, ProcessLookupError):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def test_the_child_has_no_child_but_its_own(run):
    outcome = run("import psutil; print(psutil.Process().children())")
    assert outcome.tail == "[]\n"


@pytest.mark.parametrize(("loaded", "ended"), [(True, "time"), (False, "loading")])
def test_two_limits_of_time(run, loaded, ended):
    limits = Limits(1.0 if loaded else 60.0, 60.0 if loaded else 1.0, 1000.0, 1)
    outcome = run("import time; time.sleep(600)", limits, lambda: loaded)
    assert (outcome.ended, outcome.code) == (ended, -signal.SIGKILL)
    assert 1.0 <= outcome.seconds < 60.0  # it would sleep for 600


def test_grace_is_a_tenth_and_five_seconds():
    assert grace_of(0.5) == pytest.approx(5.05)
    assert grace_of(3600.0) == pytest.approx(365.0)


def test_what_leaves_the_group_is_found_by_its_mark(run, tmp_path, wait_for):
    run(
        "code = 'import os, time; os.setsid(); [os.fork() for _ in range(3)]; time.sleep(600)'\n"
        "subprocess.Popen([sys.executable, '-c', code], env={**os.environ, 'OURS': os.getcwd()})\n"
        "import time; time.sleep(0.5)"
    )
    wait_for(lambda: not [process for process in psutil.process_iter() if carries(process, "OURS", str(tmp_path))])


def carries(process, name, value):
    try:
        return value in process.environ().get(name, "") and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def test_temporary_files_go_to_the_working_directory(run, tmp_path):
    assert run("import tempfile; print(tempfile.gettempdir())").tail.strip() == str(tmp_path)


@pytest.mark.parametrize("jobs", [1, 2])
def test_everything_ends_with_a_parent_that_is_killed(notes, tmp_path, wait_for, is_gone, jobs):
    """Even a child that hangs in foreign code and lets no thread of Python run, and what it has started."""
    code = f"from kansym import compare; compare('nguyen', ['misbehaving:Locking'], time_limit=600, n_jobs={jobs})"
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    env = {**os.environ, "PYTHONPATH": search_path(), "TMPDIR": str(temporary)}
    parent = subprocess.Popen([sys.executable, "-c", code], env=env)
    try:
        pids = [wait_for(lambda name=name: read(notes / name)) for name in ("child", "helper", "grandchild")]
        wait_for(lambda: len(list(temporary.glob("kansym-*"))) == jobs)
    finally:
        parent.kill()
        parent.wait()
    assert all(map(is_gone, pids))
    wait_for(lambda: not list(temporary.glob("kansym-*")))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_run_that_is_done_leaves_no_guard(run, tmp_path, wait_for):
    run("")
    wait_for(lambda: not [process for process in psutil.process_iter() if guards(process, str(tmp_path))])


def guards(process, folder):
    try:
        return "kansym.comparison.guard" in (line := " ".join(process.cmdline())) and folder in line
    except psutil.Error:
        return False


def search_path():
    return os.pathsep.join(entry for entry in sys.path if entry)


def read(path: Path):
    return path.read_text(encoding="utf-8") if path.exists() else ""
