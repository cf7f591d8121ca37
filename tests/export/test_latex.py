"""LaTeX: tables that balance, names that cannot command, digits that the data support."""

import shutil
import subprocess

import numpy as np
import pytest
import sympy

from kansym.export.latex import formula_latex, latex_table
from kansym.export.source import formula_source, source_names
from kansym.symbolic.constants import refit
from kansym.symbolic.front import Formula, HallOfFame
from kansym.symbolic.printing import latex_name
from kansym.symbolic.rows import Rows

NAMES = ["a_AU", r"\input{/etc/passwd}", "50% #1 & {x}_y^2 ~", "$", "λ", "flow\nrate"]


@pytest.fixture(scope="module")
def front():
    generator = np.random.default_rng(0)
    columns = generator.uniform(1, 2, (50, len(NAMES)))
    target = 365.25 * columns[:, 0] * np.sqrt(columns[:, 1]) + generator.normal(0, 0.5, 50)
    rows = Rows.from_arrays(columns, target, names=NAMES)
    a, b, *others = rows.variables
    hall = HallOfFame(rows.variance, 50)
    law = 300.0 * a * sympy.sqrt(b)
    for form in (sympy.Float(500.0), 300.0 * a, law, law + 0.5 * sympy.Add(*others)):
        hall = hall.add(Formula.from_fit(refit(form, rows), rows.variance))
    return hall.front()


def test_the_table_has_one_line_a_formula(front):
    table = latex_table(front, "T_d", selected=len(front) - 1, precision=3)
    lines = table.splitlines()
    assert len(lines) == len(front) + 6
    body = lines[4:-2]
    assert all(line.count(" & ") == 4 and line.endswith(r"\\") for line in body)
    assert [line.startswith(r"$\rightarrow$") for line in body] == [False] * (len(front) - 1) + [True]
    assert all("$T_{d} = " in line for line in body)
    assert table.count("{") == table.count("}")


@pytest.mark.parametrize(
    ("name", "latex"),
    [
        ("x0", "x_{0}"),
        ("λ", r"\lambda"),
        ("Ω_m", r"\Omega_{m}"),
        ("freq_Hz", r"\mathrm{freq}_{\mathrm{Hz}}"),
        ("k_λ", r"k_{\lambda}"),
        ("T_12", r"\mathrm{T\_12}"),
        ("lambda", r"\lambda"),
        (r"\input{x}", r"\mathrm{\backslash{}input\{x\}}"),
        ("a%b", r"\mathrm{a\%b}"),
        ("x^2", r"\mathrm{x\hat{\ }2}"),
        ("_x", r"\mathrm{\_x}"),
        ("a \n b\0", r"\mathrm{a\ b}"),
    ],
)
def test_names(name, latex):
    assert latex_name(name) == latex


def test_no_name_gives_a_command(front):
    table = latex_table(front)
    assert r"\input" not in table
    assert r"\backslash{}input" in formula_latex(front[len(front) - 1])


def test_constants_are_written_to_their_errors(front):
    best = front[len(front) - 1]
    value, error = best.constants[0], best.standard_errors[0]
    text = formula_latex(best, "uncertainty")
    number, _, unit = text.split(" ")[0].rstrip(")").partition("(")
    digits = len(number.partition(".")[2])
    assert abs(float(number) - value) <= 0.5 * 10.0**-digits
    assert int(unit) * 10.0**-digits == pytest.approx(error, rel=0.05)


@pytest.mark.parametrize("precision", ["uncertainty", 2])
def test_source_says_what_its_digits_cost(front, precision):
    variables = [sympy.Symbol(name, real=True) for name in NAMES]
    source = formula_source({"f": front[len(front) - 1]}, variables, precision=precision)
    assert "they raise the mean squared error by" in source
    assert ("standard errors" in source) == (precision == "uncertainty")


def test_names_of_functions():
    assert source_names(["y"]) == ["formula"]
    assert source_names(["p", "V"]) == ["formula_p", "formula_V"]
    assert source_names(["p", "p"]) == ["formula_p_0", "formula_p_1"]


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX")
def test_the_table_compiles(front, tmp_path):
    document = "\\documentclass{article}\\usepackage{booktabs}\\begin{document}%s\\end{document}"
    (tmp_path / "t.tex").write_text(document % latex_table(front, precision="uncertainty"), encoding="utf-8")
    subprocess.run(["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "t.tex"], cwd=tmp_path, check=True)


@pytest.mark.parametrize("name", ["Bmag", "kabs", "xprime", "log10_gbar", "T_1", "wavelength_vac_nm"])
def test_a_name_is_no_instruction(name):
    """sympy's own printer takes ``Bmag`` for the size of B, and ``T_1`` for the same as ``T1``."""
    assert latex_name(name) == rf"\mathrm{{{name}}}".replace("_", r"\_")


def test_different_columns_have_different_names():
    names = ["T1", "T_1", "a_AU", "aAU", "gbar", "g", "x", "xdot", "B", "Bmag", "beta", "beta_1", "beta1"]
    assert len({latex_name(name) for name in names}) == len(names)
