from __future__ import annotations

import subprocess
import sys

import pytest

from kansym.comparison.methods import find_method, method_names
from kansym.comparison.methods.base import Answer, Method, Task
from kansym.errors import ParameterError

RIVALS = ("pysr", "juliacall", "pyoperon", "gplearn", "psrn", "kan", "sklearn", "torch")


@pytest.mark.parametrize("name", method_names())
def test_every_method_tells_its_name_and_what_it_is(name):
    method = find_method(name)
    assert method.name == name
    assert 20 < len(method.about) <= 120
    assert "\n" not in method.about
    assert method.modules
    assert method.packages


def test_finding_methods_imports_no_rival():
    code = (
        "import sys\nfrom kansym.comparison.methods import find_method, method_names\n"
        "for name in method_names():\n    find_method(name).missing()\n"
        f"assert not set({RIVALS!r}) & set(sys.modules), set({RIVALS!r}) & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_method_of_the_users_own(tmp_path, monkeypatch):
    (tmp_path / "their_rivals.py").write_text(
        "from kansym.comparison.methods.base import Answer, Method\n"
        "class Zero(Method):\n"
        "    name = 'zero'\n"
        "    def fit(self, task):\n"
        "        return Answer(0 * task.variables[0])\n"
        "class Unfinished(Method):\n"
        "    name = 'unfinished'\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    assert find_method("their_rivals:Zero").name == "zero"
    with pytest.raises(ParameterError, match=r"must name a subclass of .*Method with a fit method, got Unfinished"):
        find_method("their_rivals:Unfinished")


@pytest.mark.parametrize(
    ("source", "error"),
    [("def broken(:", "SyntaxError"), ("unknown_name", "NameError"), ("1 / 0", "ZeroDivisionError")],
)
def test_a_module_that_fails_is_said_in_a_sentence(tmp_path, monkeypatch, source, error):
    (tmp_path / f"their_{error.lower()}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ParameterError, match=f"must name a module that can be imported, got {error}"):
        find_method(f"their_{error.lower()}:Method")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("pyser", r"method must be a known name, .* got 'pyser'; did you mean 'pysr'"),
        ("", r"got ''; there are 'kansym', 'pysr'"),
        ("no.such.module:Class", r"'no\.such\.module:Class' must name a module that can be imported, got ModuleNotF"),
        (":Class", r"method must be a known name, or 'package\.module:Class' for your own, got ':Class'"),
        ("a b:Class", r"method must be a known name, or 'package\.module:Class' for your own, got 'a b:Class'"),
        ("kansym.errors:KansymError", r"must name a subclass of .*, got KansymError"),
        ("kansym.errors:nothing", r"must name a subclass of .*, got NoneType"),
        ("kansym.comparison.methods.base:Method", r"must name a subclass of .*, got Method"),
    ],
)
def test_unknown_methods(name, message):
    with pytest.raises(ParameterError, match=message):
        find_method(name)


class Rival(Method):
    name = "rival"
    modules = ("json", "no_such_rival", "nor_this_one")

    def fit(self, task: Task) -> Answer:
        return Answer(None)


def test_what_is_missing_is_told_with_the_remedy():
    assert Rival().missing() == "no_such_rival, nor_this_one not installed; pip install 'kansym[compare]'"
