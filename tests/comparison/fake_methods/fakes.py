# type: ignore
"""Methods that misbehave in one way each, and two that behave; the child process finds them through PYTHONPATH."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import sympy

from kansym.comparison.methods.base import Answer, Method, MissingMethod


class Sum(Method):
    """Knows the law of the tests: the sum of the columns."""

    name = "sum"

    def fit(self, task):
        return Answer(sympy.Add(*task.variables), (task.variables[0], sympy.Add(*task.variables)))


class First(Method):
    name = "first"

    def fit(self, task):
        return Answer(task.variables[0], (task.variables[0], sympy.Add(*task.variables)))


class Predicts(Method):
    name = "predicts"

    def fit(self, task):
        return Answer(None, predict=lambda X: X.sum(axis=1))


class PredictsNan(Method):
    name = "nan"

    def fit(self, task):
        return Answer(None, predict=lambda X: np.full(len(X), np.nan))


class Segfaults(Method):
    name = "segfault"

    def fit(self, task):
        os.kill(os.getpid(), signal.SIGSEGV)


class Raises(Method):
    name = "raises"

    def fit(self, task):
        raise RuntimeError("a long\nstory of two lines")


class Leaves(Method):
    name = "leaves"

    def fit(self, task):
        print("giving up")
        os._exit(3)


class Hangs(Method):
    name = "hangs"

    def fit(self, task):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(600)


class HoldsTheLock(Method):
    name = "holds"

    def fit(self, task):
        return 3 ** (10**9)  # one call that lets no other thread of Python run


class Prints(Method):
    name = "prints"

    def fit(self, task):
        print('{"status": "ok", "expression": "x0*17"}')
        print("noise " * 1000, file=sys.stderr)
        return Answer(sympy.Add(*task.variables))


class Floods(Method):
    name = "floods"

    def fit(self, task):
        while True:
            sys.stdout.write("x" * 1_000_000)


class Writes(Method):
    name = "writes"

    def fit(self, task):
        with open("litter.txt", "w") as file:
            file.write("here")
        return Answer(sympy.Add(*task.variables))


class EatsMemory(Method):
    name = "eats"

    def fit(self, task):
        eaten = []
        while True:
            eaten.append(np.ones(2_000_000))
            time.sleep(0.01)


class HasChildren(Method):
    name = "children"

    def fit(self, task):
        for own_session in (False, True):
            command = [sys.executable, "-c", "import time; time.sleep(600)"]
            subprocess.Popen(command, start_new_session=own_session)
        return Answer(sympy.Add(*task.variables))


class Rubbish(Method):
    name = "rubbish"

    def fit(self, task):
        return "x0 + x1"


class WrongSymbol(Method):
    name = "wrong symbol"

    def fit(self, task):
        return Answer(sympy.Symbol("q") + task.variables[0])


class NoNumber(Method):
    name = "no number"

    def fit(self, task):
        return Answer(sympy.nan)


class NotThere(Method):
    name = "not there"

    def load(self):
        raise MissingMethod("needs a compiler; install one")


class CannotLoad(Method):
    name = "cannot load"

    def load(self):
        raise OSError("no space left")


class Slow(Method):
    """Right, but only after half a second, so that a comparison can be interrupted."""

    name = "slow"

    def fit(self, task):
        time.sleep(0.5)
        return Answer(sympy.Add(*task.variables))


for _method in list(vars().values()):
    if isinstance(_method, type) and issubclass(_method, Method) and _method not in (Method, Sum) and (
        "fit" not in vars(_method)
    ):
        _method.fit = Sum.fit
        _method.__abstractmethods__ = frozenset()
