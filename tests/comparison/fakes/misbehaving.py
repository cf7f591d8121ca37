"""Methods that do what a rival should not do; found by the child processes because they search where the tests do.

What they are to tell the tests goes into the folder that ``FAKE_NOTES`` names.
"""

import ctypes
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import sympy

from kansym.comparison.methods.base import Answer, Method, MissingMethod

LONG = 600
X = sympy.Symbol("x0", real=True)
LAW = X**3 + X**2 + X  # of the problem Nguyen-1


def note(name, text):
    folder = os.environ.get("FAKE_NOTES")
    if folder is not None:
        Path(folder, name).write_text(str(text), encoding="utf-8")


def start_apart():
    """Start a process that a signal to the group does not reach."""
    process = subprocess.Popen(["sleep", str(LONG)], start_new_session=True)
    note("grandchild", process.pid)


class Honest(Method):
    name = "honest"

    def fit(self, task):
        self.act(task)
        return Answer(LAW, (X, LAW))

    def act(self, task):
        pass


class Falling(Method):
    """Knows how things fall."""

    name = "falling"

    def fit(self, task):
        return Answer(4.9 * X**2)


class Slow(Honest):
    def act(self, task):
        time.sleep(0.3)


class Late(Honest):
    def act(self, task):
        time.sleep(task.time_limit + 0.2)


class LateAfterLoading(Late):
    """Loads for longer than it would be given for all."""

    def load(self):
        time.sleep(3.0)


class Printing(Honest):
    def act(self, task):
        for stream in (sys.stdout, sys.stderr):
            for _ in range(3000):
                stream.write('{"status": "ok", "expression": "1"}\n' * 300)
        os.write(1, b"\xff\x00 not a text\n")


class Writing(Honest):
    def act(self, task):
        note("temporary", tempfile.mkdtemp())
        Path("answer.json").write_text('{"status": "error"}', encoding="utf-8")
        Path("deep/down").mkdir(parents=True)
        Path("deep/down/model.pkl").write_bytes(b"x" * 1000)
        os.chmod("deep", 0)
        note("folder", os.getcwd())


class Environment(Honest):
    def act(self, task):
        note("environment", "\n".join(f"{name}={value}" for name, value in os.environ.items()))
        note("input", repr(sys.stdin.read()))
        note("seed", task.seed)
        with np.load(Path("..") / "rows.npz") as rows:
            note("rows", sorted(rows.files))


class Parenting(Honest):
    def act(self, task):
        start_apart()


class Disowning(Honest):
    """Leaves a process whose parent has ended, outside its group, without a mark in its environment."""

    def act(self, task):
        start = "from subprocess import *; print(Popen(['sleep', '600'], env={}, stdout=DEVNULL).pid)"
        apart = {"start_new_session": True, "stdout": subprocess.PIPE, "text": True}
        done = subprocess.run([sys.executable, "-c", start], check=True, **apart)
        note("grandchild", done.stdout)


class Breeding(Honest):
    """Hangs while it starts one process after another that detaches itself and carries no mark."""

    def act(self, task):
        note("child", os.getpid())
        while True:
            started = subprocess.Popen(["sleep", "611"], env={}, start_new_session=True)
            note("grandchild", started.pid)


class Calling(Honest):
    """Ends its helpers by a signal to its group, which it ignores itself."""

    def act(self, task):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


class Littering(Honest):
    """Leaves many processes that have ended, and whose parents have, too."""

    def act(self, task):
        for _ in range(100):
            subprocess.run(["sh", "-c", "true &"], check=True)


class NeedsArguments(Honest):
    def __init__(self, size):
        self.size = size


class Warming(Honest):
    def warm_up(self, task):
        note("warm", f"{task.operators} {task.threads} {len(task.y)}")


class DisowningHungry(Honest):
    """Lets a process eat that is no longer a child of its child."""

    def act(self, task):
        eat = "import time; eaten = bytearray(b'x') * (1500 * 2**20); time.sleep(600)"
        start = "import subprocess, sys; subprocess.Popen([sys.executable, '-c', sys.argv[1]], env={})"
        subprocess.run([sys.executable, "-c", start, eat], check=True, start_new_session=True)
        time.sleep(LONG)


class Spacious(Honest):
    """Writes a large file, and answers."""

    def act(self, task):
        Path("large").write_bytes(b"x" * 2**20)


class Lingering(Honest):
    def act(self, task):
        threading.Thread(target=time.sleep, args=(LONG,)).start()


class Crashing(Honest):
    def act(self, task):
        print("about to fall")
        os.kill(os.getpid(), signal.SIGSEGV)


class NullReading(Honest):
    def act(self, task):
        ctypes.string_at(0)


class Aborting(Honest):
    def act(self, task):
        os.abort()


class Leaving(Honest):
    def act(self, task):
        sys.exit("have to go")


class Hanging(Honest):
    def act(self, task):
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        note("child", os.getpid())
        time.sleep(LONG)


class Locking(Honest):
    """Hangs without letting any other thread run, after it has started a process in its group and one outside."""

    def act(self, task):
        start_apart()
        note("helper", subprocess.Popen(["sleep", str(LONG)]).pid)
        note("child", os.getpid())
        ctypes.PyDLL(None).sleep(LONG)


class Hungry(Honest):
    def act(self, task):
        eaten = []
        for _ in range(300):
            eaten.append(np.ones(10 * 2**17))  # 10 MiB
            time.sleep(0.005)


class HungryFamily(Honest):
    """Lets another process eat."""

    def act(self, task):
        code = "import time; eaten = bytearray(b'x') * (1500 * 2**20); time.sleep(600)"
        subprocess.run([sys.executable, "-c", code], check=True)


class Raising(Honest):
    def act(self, task):
        raise ValueError("no\nluck\ud800 today " + "x" * 10_000)


class Text(Method):
    name = "text"

    def fit(self, task) -> Any:
        return "x0**3"


class Nothing(Method):
    name = "nothing"

    def fit(self, task):
        return Answer(None)


class TextInside(Method):
    name = "text-inside"

    def fit(self, task):
        return Answer("__import__('os').system('true')")  # type: ignore[arg-type]


class Foreign(Method):
    name = "foreign"

    def fit(self, task):
        return Answer(X + sympy.Symbol("secret"))


class Unknown(Method):
    name = "unknown"

    def fit(self, task):
        return Answer(sympy.Function("f")(X))  # type: ignore[arg-type]


class NotANumber(Method):
    name = "not-a-number"

    def fit(self, task):
        return Answer(sympy.nan)  # type: ignore[arg-type]


class Undefined(Method):
    name = "undefined"

    def fit(self, task):
        return Answer(sympy.log(-1 - X**2))


class Laborious(Method):
    """The law, written so that sympy has to work for it."""

    name = "laborious"

    def fit(self, task):
        ones = [sympy.sin(k * X) ** 2 + sympy.cos(k * X) ** 2 for k in range(1, 12)]
        return Answer(sympy.Mul(LAW, *ones))


class BadFront(Method):
    """Selects something wrong; its front holds rubbish, and the law."""

    name = "bad-front"

    def fit(self, task):
        return Answer(X, (X, "rubbish", sympy.Function("f")(X), LAW))  # type: ignore[arg-type]


class Predicting(Method):
    name = "predicting"

    def fit(self, task):
        return Answer(None, predict=lambda rows: self.predicted(rows))

    def predicted(self, rows):
        return rows[:, 0] ** 3 + rows[:, 0] ** 2 + rows[:, 0]


class PredictingNaN(Predicting):
    def predicted(self, rows):
        return np.full(len(rows), np.nan)


class PredictingFew(Predicting):
    def predicted(self, rows):
        return np.zeros(3)


class PredictingObjects(Predicting):
    def predicted(self, rows):
        return np.array([object()] * len(rows))


class BadLoading(Honest):
    def load(self):
        raise OSError("the shared library is of another machine")


class LongLoading(Honest):
    def load(self):
        time.sleep(LONG)


class Missing(Honest):
    """Missing until a file ``installed`` lies in the folder of notes."""

    def load(self):
        if not Path(os.environ["FAKE_NOTES"], "installed").exists():
            raise MissingMethod("julia not found; install it")
