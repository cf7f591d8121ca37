"""The span search: planted features are found, outer constants come along by themselves."""

from dataclasses import replace

import numpy as np
import pytest
import sympy

from kansym.symbolic.constants import refit
from kansym.symbolic.enumeration import enumerate_features
from kansym.symbolic.rows import Rows
from kansym.symbolic.span import TEMPLATES, formulas_of, search_span

VARIABLES = sympy.symbols("x0 x1", real=True)
X, Y = VARIABLES
COLUMNS = np.random.default_rng(0).uniform(0.5, 2.5, (120, 2))
U, V = COLUMNS.T


@pytest.fixture(scope="module")
def dictionary():
    return enumerate_features(COLUMNS, VARIABLES, size=2500)


def hits_of(dictionary, target, template):
    return search_span(dictionary, COLUMNS, target, TEMPLATES[template])


def best_share(dictionary, target, template, count=1):
    """Unexplained share after a joint refit of the formulas of the first hits."""
    rows = Rows.from_arrays(COLUMNS, target)
    fits = [
        refit(formula, rows)
        for hit in hits_of(dictionary, target, template)[:count]
        for formula in formulas_of(hit, dictionary, COLUMNS, target)
    ]
    return min((fit.loss for fit in fits), default=np.inf) / rows.variance


PLANTED = [
    ("y", 2.345 * U * V + 0.678, "single"),
    ("y", -0.0123 * np.sin(U * V) - 4.5, "single"),
    ("y", 1.234 * np.exp(-U) + 0.567 * V**2 + 0.89, "pair"),
    ("y", 3.21 * np.sqrt(U) - 1.7 * U / V + 2.0, "pair"),
    ("y", 0.7 * np.cos(U) + 1.3 * np.log(V) - 0.4, "pair"),
    ("y without constant", 2.345 * U / V, "single"),
    ("y without constant", 2.345 * (1 + U**2), "single"),
    ("y without constant", 1.5 * U**2 + 0.35 * np.sin(V), "pair"),
    ("1/y", 1 / (0.5 + 1.25 * U * V), "single"),
    ("1/y without constant", 1 / (1.5 * U + 0.35 * V**2), "pair"),
    ("y^2", np.sqrt(1.5 + 0.35 * U**2), "single"),
    ("y^2", -np.sqrt(1.5 * U**2 + 0.35 * V**2 + 0.2), "pair"),
    ("log|y|", 2.345 * U**1.234 * V**-0.567, "monomial"),
    ("log|y|", -0.5 * U**2 / np.sqrt(V), "monomial"),
    ("log|y|", 2.345 * U**1.234 * V**-0.567 * np.exp(-0.4321 * U * V), "single"),
    ("log|y|", 2.345 * U**1.234 * (U + V) ** -1.5, "single"),
    ("log|y|", 0.5 * V**0.75 * (1 + U**2) ** 0.35 * np.exp(0.25 * U / V), "pair"),
]


@pytest.mark.parametrize(("template", "target", "kind"), PLANTED)
def test_planted_features_are_the_first_hit_of_clean_data(dictionary, template, target, kind):
    hits = hits_of(dictionary, target, template)
    # Several writings of the same formula share the first place.
    leading = [hit for hit in hits if hit.unexplained < 1e-12][:3]
    assert hits[0] in leading
    assert len(hits[0].features) <= {"monomial": 0, "single": 1, "pair": 2}[kind]
    assert best_share(dictionary, target, template) < 1e-18


@pytest.mark.parametrize(("template", "target", "kind"), PLANTED)
def test_formulas_are_written_in_the_variables(dictionary, template, target, kind):
    formulas = formulas_of(hits_of(dictionary, target, template)[0], dictionary, COLUMNS, target)
    assert 1 <= len(formulas) <= 2
    for formula in formulas:
        assert formula.free_symbols <= set(VARIABLES)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("template", "target", "kind"), [PLANTED[i] for i in (0, 2, 5, 8, 10, 14)])
def test_planted_features_are_among_the_first_hits_of_noisy_data(dictionary, template, target, kind, seed):
    noise = 0.01 * target.std() * np.random.default_rng(seed).normal(size=len(target))
    assert best_share(dictionary, target + noise, template, count=5) < 3e-4


@pytest.mark.parametrize("template", TEMPLATES)
def test_hits_are_ranked_and_say_the_truth(dictionary, template):
    target = 1.5 + np.abs(np.random.default_rng(1).normal(size=len(U)))
    hits = hits_of(dictionary, target, template)
    bits = [hit.bits for hit in hits]
    assert bits == sorted(bits)
    for hit in hits:
        assert 0 <= hit.unexplained <= 1 + 1e-9
        assert len(hit.features) <= 2
        assert hit.template is TEMPLATES[template]


@pytest.mark.parametrize("scale", [1e-9, 1e9])
@pytest.mark.parametrize("template", ["y", "y without constant", "log|y|", "1/y"])
def test_the_unit_of_the_target_does_not_matter(dictionary, template, scale):
    target = 2.345 * U * V + (0.678 if template == "y" else 0.0)
    target = 1 / (target + 1) if template == "1/y" else target
    assert best_share(dictionary, scale * target, template) < 1e-18


@pytest.mark.parametrize("template", TEMPLATES)
def test_a_transform_that_is_not_finite_gives_nothing_or_the_rest(dictionary, template):
    mostly_zero = np.where(np.arange(len(U)) % 3 == 0, U, 0.0)
    # Without a constant nothing is left of zeros to be explained.
    targets = [mostly_zero] if template == "y without constant" else [mostly_zero, np.zeros(len(U))]
    for target in targets:
        hits = hits_of(dictionary, target, template)
        assert all(np.isfinite(hit.unexplained) for hit in hits)
        if template in ("log|y|", "1/y", "1/y without constant"):
            assert hits == []


def test_single_zeros_of_the_target_do_not_stop_the_logarithm(dictionary):
    target = 2.345 * U**1.234 * V**-0.567
    target[7] = 0.0
    assert hits_of(dictionary, target, "log|y|")[0].features == ()


def test_rows_too_few_for_any_span():
    columns = COLUMNS[:4]
    few = enumerate_features(columns, VARIABLES, size=50)
    assert search_span(few, columns, columns[:, 0], TEMPLATES["y"]) == []


def test_an_empty_dictionary_leaves_the_free_set():
    empty = enumerate_features(np.ones((20, 2)), VARIABLES, size=50)
    hits = search_span(empty, np.ones((20, 2)), np.arange(20.0), TEMPLATES["y"])
    assert [hit.features for hit in hits] == [()]


def test_negative_bases_of_real_exponents_are_turned():
    columns = COLUMNS * [-1.0, 1.0]
    signed = enumerate_features(columns, VARIABLES, size=300)
    target = 2.345 * U**1.234 * V**-0.567
    hit = search_span(signed, columns, target, TEMPLATES["log|y|"])[0]
    rows = Rows.from_arrays(columns, target)
    losses = [refit(formula, rows).loss for formula in formulas_of(hit, signed, columns, target)]
    assert min(losses) < 1e-18 * rows.variance


@pytest.mark.parametrize("exponent", [0.5, 1.0, 1.5, -2.0])
def test_exponents_near_halves_are_offered_as_such(dictionary, exponent):
    target = 2.345 * U**exponent * V
    formulas = formulas_of(hits_of(dictionary, target, "log|y|")[0], dictionary, COLUMNS, target)
    assert sympy.Float(1) * formulas[0] / (X ** sympy.Rational(exponent) * Y) == pytest.approx(2.345, rel=1e-9)


def test_sets_of_three_and_four_are_found_in_a_deep_search():
    generator = np.random.default_rng(3)
    columns = generator.uniform(0.5, 2.0, (200, 3))
    a, b, c = columns.T
    symbols = sympy.symbols("a b c", real=True)
    dictionary = enumerate_features(columns, symbols, size=1500)
    target = 1.5 * a**2 - 0.7 * b / c + 0.3 * c**2 + 2.0
    shallow = search_span(dictionary, columns, target, TEMPLATES["y"])
    assert shallow[0].unexplained > 1e-12
    deep = search_span(dictionary, columns, target, TEMPLATES["y"], deep=True)
    assert deep[0].unexplained < 1e-12
    (formula,) = formulas_of(deep[0], dictionary, columns, target)
    value = sympy.lambdify(symbols, formula)(a, b, c)
    assert np.allclose(value, target, rtol=1e-8)


@pytest.mark.parametrize(
    ("name", "law"),
    [
        ("1/y^2", lambda a, b: 1 / np.sqrt(a + b)),
        ("exp(y)", lambda a, b: np.log(a * b + 1)),
        ("logit(y)", lambda a, b: 1 / (1 + np.exp((a - 1.1) / b / 0.3))),
        ("sin(y)", lambda a, b: np.arcsin(a * b / 4)),
        ("cos(y)", lambda a, b: np.arccos(a / b / 4)),
    ],
)
def test_transforms_of_the_target_are_undone(name, law):
    columns = np.random.default_rng(4).uniform(0.5, 2.0, (150, 2))
    symbols = sympy.symbols("a b", real=True)
    dictionary = enumerate_features(columns, symbols, size=800)
    target = law(*columns.T)
    hit = search_span(dictionary, columns, target, TEMPLATES[name])[0]
    assert hit.unexplained < 1e-12
    (formula,) = formulas_of(hit, dictionary, columns, target)
    assert np.allclose(sympy.lambdify(symbols, formula)(*columns.T), target, rtol=1e-8)


def test_a_transform_is_not_used_where_its_inverse_would_lose_the_sign():
    columns = np.random.default_rng(5).uniform(1.0, 3.0, (80, 1))
    dictionary = enumerate_features(columns, sympy.symbols("a,", real=True), size=100)
    assert search_span(dictionary, columns, 2.0 * columns[:, 0], TEMPLATES["sin(y)"]) == []


def test_a_variable_exponent_is_found():
    columns = np.random.default_rng(6).uniform(0.5, 2.0, (150, 2))
    symbols = sympy.symbols("a b", real=True)
    dictionary = enumerate_features(columns, symbols, size=800)
    target = 3.0 * columns[:, 0] ** (2.5 * columns[:, 1])
    hit = search_span(dictionary, columns, target, TEMPLATES["log|y|"])[0]
    assert hit.unexplained < 1e-12
    assert np.allclose(
        sympy.lambdify(symbols, formulas_of(hit, dictionary, columns, target)[0])(*columns.T), target, rtol=1e-8
    )


def test_rows_on_which_a_feature_is_not_finite_do_not_count():
    columns = np.random.default_rng(8).uniform(0.5, 2.0, (60, 2))
    dictionary = enumerate_features(columns, VARIABLES, size=200)
    target = 2.0 * columns[:, 0] * columns[:, 1] + 1.0
    hit = search_span(dictionary, columns, target, TEMPLATES["y"], most=1)[0]
    values = dictionary.values.copy()
    values[:, 0] = np.inf
    (damaged,) = formulas_of(hit, replace(dictionary, values=values), columns, target)
    (whole,) = formulas_of(hit, dictionary, columns, target)
    assert sympy.simplify(damaged - whole).subs(dict.fromkeys(VARIABLES, 1.0)) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("shift", [0.5, -0.5])
def test_odds_are_those_of_shares_alone(shift):
    share = 1 / (1 + np.exp(U - V))
    assert np.all(np.isfinite(TEMPLATES["logit(y)"].transform(share)))
    assert np.all(np.isnan(TEMPLATES["logit(y)"].transform(share + shift)))
