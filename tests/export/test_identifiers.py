"""Names of columns in code: legal, distinct, and unable to leave a comment."""

import ctypes
import keyword
import shutil
import subprocess

import pytest
import sympy
from hypothesis import given
from hypothesis import strategies as st

from kansym.export.c import c_source
from kansym.export.identifiers import RESERVED, comment_text, identifiers
from kansym.export.python import python_source

HOSTILE = [
    *("*/ int x; /*", "a\nb", "a\\\nb", "double", "lambda", "np", "sin", "y0", "linux", "NAN", "??/", "η", "温度"),
    *("x 1", "x-1", "x_1", "", "\u202e", "t0", "formula", "__FILE__", "1", '"""', "None", "größe", "x²"),
]

texts = st.lists(st.text(max_size=6), max_size=8, unique=True)


@given(texts)
def test_identifiers_are_legal_and_distinct(names):
    found = identifiers(names)
    assert len(set(found)) == len(names)
    for name in found:
        assert name.isidentifier()
        assert name.isascii()
        assert name not in RESERVED
        assert not keyword.iskeyword(name)


@given(texts)
def test_plain_names_stay(names):
    for name, found in zip(names, identifiers(names), strict=True):
        if name.isascii() and name.isalpha() and name.islower() and name not in RESERVED:
            assert found == name


@given(st.text())
def test_comments_are_not_left(text):
    written = comment_text(text)
    assert written.isascii()
    assert written.isprintable()
    assert "*/" not in written
    assert "/*" not in written


def test_hostile_names_make_sound_source(tmp_path):
    variables = [sympy.Symbol(name, real=True) for name in HOSTILE]
    formula = sympy.Add(*[sympy.Integer(2) ** i * sympy.tanh(symbol) for i, symbol in enumerate(variables)])
    values = [0.1 * (i + 1) for i in range(len(variables))]
    space = {}
    exec(compile(python_source({"formula": formula}, variables), "formula.py", "exec"), space)
    expected = float(formula.subs(dict(zip(variables, values, strict=True))))
    assert space["formula"](*values) == pytest.approx(expected, rel=1e-14)
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    (tmp_path / "f.c").write_text(c_source({"formula": formula}, variables), encoding="ascii")
    for standard in ("c99", "gnu17"):
        command = f"cc -std={standard} -Wall -Wextra -Werror -shared -fPIC -o f.so f.c -lm"
        subprocess.run(command.split(), cwd=tmp_path, check=True)
    function = ctypes.CDLL(str(tmp_path / "f.so")).formula
    function.restype, function.argtypes = ctypes.c_double, [ctypes.c_double] * len(variables)
    assert function(*values) == pytest.approx(expected, rel=1e-14)
