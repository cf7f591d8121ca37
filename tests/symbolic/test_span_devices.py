"""The span search on numpy's arrays and on torch's tensors, beside a plain second implementation without blocks."""

import itertools
import tracemalloc

import numpy as np
import pytest
import sympy
import torch

from kansym import KANRegressor
from kansym.symbolic import feature_sets, images
from kansym.symbolic.arrays import beside, leading
from kansym.symbolic.enumeration import enumerate_features
from kansym.symbolic.feature_sets import EXACT_ANGLE, ranking_bits
from kansym.symbolic.span import TEMPLATES, search_span, transformed_target

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
cuda = pytest.param("cuda", marks=[pytest.mark.gpu, needs_cuda])

COLUMNS = np.random.default_rng(0).uniform(0.5, 2.5, (120, 3))
A, B, C = COLUMNS.T
NOISE = np.random.default_rng(1).normal(size=len(A))
TARGETS = {
    "single": 2.3 * A * B + 0.7,
    "pair": 1.2 * np.exp(-A) + 0.6 * B**2 + 0.9,
    "three": 1.5 * A**2 - 0.7 * B / C + 0.3 * np.sin(C) + 2.0,
    "factors": 0.5 * B**0.75 * (1 + A**2) ** 0.35 * np.exp(0.25 * A / C),
    "noisy": np.sin(A * B) / (C + B**2) + 2.0 + 0.1 * NOISE,
    "noise": 2.0 + np.abs(NOISE),
    "products": A * B + C * B + A * C + 0.2 * NOISE,
}


@pytest.fixture(scope="module")
def dictionary():
    return enumerate_features(COLUMNS, sympy.symbols("a b c", real=True), size=3000)


def plain_search(dictionary, target, template, deep=False):
    """(features, unexplained) of every hit in order: whole arrays, images made one by one where they are needed."""
    transformed, weights = transformed_target(template, target, None)
    good = np.isfinite(transformed) & (weights > 0)
    transformed, weights = transformed[good], weights[good] / weights[good].max()
    free = [np.ones(good.sum())] * template.intercept + [np.log(c[good]) for c in COLUMNS.T] * template.logarithmic
    basis = np.linalg.qr(np.array(free).reshape(-1, good.sum()).T * weights[:, None])[0]
    goal = transformed * weights
    goal = goal - basis @ (basis.T @ goal)
    goal = goal / np.linalg.norm(goal)
    directions, features, costs = plain_images(dictionary, good, weights, basis, template.logarithmic)
    cosines = directions @ goal
    sets = {(i,): 1.0 - cosine**2 for i, cosine in enumerate(cosines)}
    hits = [((), 1.0, 0.0)] if basis.shape[1] else []
    hits += plain_ranking(sets, features, costs, len(goal))
    if min(sets.values()) > EXACT_ANGLE:
        if deep:
            sets = plain_triples(directions, goal)
            sets = sets or plain_simple_triples(directions, cosines) | plain_pursuit(directions, goal, costs)
        else:
            sets = plain_pairs(directions, goal, cosines)
        hits += plain_ranking(sets, features, costs, len(goal))
    return [hit[:2] for hit in sorted(hits, key=lambda hit: hit[2])]


def plain_ranking(sets, features, costs, n_rows, most=40):
    ranked = [
        (tuple(features[i] for i in places), left, ranking_bits(np.array(left), costs[list(places)].sum(), n_rows))
        for places, left in sets.items()
    ]
    return sorted(ranked, key=lambda hit: hit[2])[:most]


def plain_images(dictionary, good, weights, basis, logarithmic):
    values, positions = dictionary.values[:, good], [(i, False) for i in range(len(dictionary))]
    if logarithmic:
        nonzero = np.flatnonzero(np.all(values != 0, axis=1))
        plain = [*np.flatnonzero(~dictionary.transcendental), *dictionary.powers]
        positions = [(int(i), True) for i in nonzero] + [(int(i), False) for i in plain]
        values = np.vstack([np.log(np.abs(values[nonzero])), values[plain]])
    weighted = values * weights
    left = weighted - (weighted @ basis) @ basis.T
    sizes = np.linalg.norm(left, axis=1)
    kept = np.flatnonzero(sizes > 1e-7 * np.linalg.norm(weighted, axis=1))
    kept = kept[np.argsort(dictionary.cost[[positions[i][0] for i in kept]], kind="stable")]
    directions = left[kept] / sizes[kept, None]
    marks = directions @ np.random.default_rng(2).normal(size=(len(weights), 2))
    marks *= np.where(marks[:, :1] < 0, -1.0, 1.0)
    fresh = np.sort(np.unique(np.round(marks, 8), axis=0, return_index=True)[1])
    features = [positions[i] for i in kept[fresh]]
    return directions[fresh], features, dictionary.cost[[i for i, _ in features]].astype(float)


def plain_unexplained(directions, sets, goal):
    found = {}
    for places in sets:
        axes = np.linalg.qr(directions[list(places)].T)[0]
        rest = goal - axes @ (axes.T @ goal)
        rest = rest - axes @ (axes.T @ rest)
        found[places] = float(rest @ rest)
    return found


def plain_parallel(directions, goal):
    cosines = directions @ goal
    size = np.sqrt(np.maximum(1.0 - cosines**2, 0.0))
    usable = np.flatnonzero((size > 1e-4) & (np.abs(cosines) > 1e-6))
    rest = (directions[usable] - cosines[usable, None] * goal) / size[usable, None]
    marks = rest @ np.random.default_rng(54321).normal(size=(len(goal), 3))
    marks *= np.sign(marks[:, :1])
    order = np.argsort(np.round(marks[:, 0], 8), kind="stable")
    found = []
    for step in (1, 2, 3):
        near = np.all(np.abs(marks[order[step:]] - marks[order[:-step]]) < 1e-7, axis=1)
        found += [(usable[order[k]], usable[order[k + step]]) for k in np.flatnonzero(near)[:200]]
    return [(int(min(pair)), int(max(pair))) for pair in found]


def plain_pairs(directions, goal, cosines):
    found = plain_unexplained(directions, plain_parallel(directions, goal), goal)
    strongest = np.argsort(-np.abs(cosines), kind="stable")[:48]
    for first, second in ((range(400), directions[:400]), (np.union1d(strongest, range(100)), directions)):
        for i in first:
            overlap = second @ directions[i]
            with np.errstate(all="ignore"):
                gained = (cosines[: len(second)] - overlap * cosines[i]) ** 2 / (1.0 - overlap**2)
            gained[overlap**2 > 1.0 - 1e-8] = 0.0
            left = np.maximum(1.0 - gained - cosines[i] ** 2, 0.0)
            for j in np.argsort(np.round(left, 14), kind="stable")[:3]:
                found.setdefault((int(min(i, j)), int(max(i, j))), float(left[j]))
    return found


def plain_triples(directions, goal):
    for first in range(60):
        axis = directions[first]
        others = directions - np.outer(directions @ axis, axis)
        sizes = np.linalg.norm(others, axis=1)
        usable = np.flatnonzero(sizes > 1e-3)
        aim = goal - (goal @ axis) * axis
        pairs = plain_parallel(others[usable] / sizes[usable, None], aim / np.linalg.norm(aim))
        sets = [tuple(sorted((first, int(usable[i]), int(usable[j])))) for i, j in pairs]
        bound = EXACT_ANGLE * (aim @ aim)
        found = {places: left for places, left in plain_unexplained(directions, sets, goal).items() if left < bound}
        if found:
            return found
    return {}


def plain_simple_triples(directions, cosines):
    found, count = {}, min(150, len(directions))
    gram = directions[:count] @ directions[:count].T
    for i, j in itertools.combinations(range(count), 2):
        places = np.array([(i, j, k) for k in range(j + 1, count)], dtype=int).reshape(-1, 3)
        blocks, own = gram[places[:, :, None], places[:, None, :]], cosines[places]
        apart = (1.0 - gram[i, j] ** 2 > 1e-7) & (np.linalg.det(blocks) > 1e-7 * (1.0 - gram[i, j] ** 2))
        if apart.any():
            left = 1.0 - np.einsum("ni,ni->n", own[apart], np.linalg.solve(blocks[apart], own[apart, :, None])[:, :, 0])
            best = int(np.argmin(left.round(14)))
            found[tuple(places[apart][best].tolist())] = max(float(left[best]), 0.0)
    return found


def plain_pursuit(directions, goal, costs):
    found, beam = {}, [()]
    for _ in range(4):
        extended = {}
        for chosen in beam:
            axes = np.linalg.qr(directions[list(chosen)].T)[0]
            residual = goal - axes @ (axes.T @ goal)
            left = 1.0 - np.sum((directions @ axes) ** 2, axis=1)
            with np.errstate(all="ignore"):
                gain = np.where(left > 1e-7, (directions @ residual) ** 2 / left, 0.0)
            rest = np.maximum(residual @ residual - gain, 0.0)
            for i in np.argsort(ranking_bits(rest, costs, len(goal)), kind="stable")[:12]:
                if i not in chosen:
                    extended[tuple(sorted((*chosen, int(i))))] = float(rest[i])
        bits = {p: ranking_bits(np.array(left), costs[list(p)].sum(), len(goal)) for p, left in extended.items()}
        beam = sorted(extended, key=lambda places: (bits[places], places))[:24]
        found |= {places: extended[places] for places in beam}
        if min(extended[places] for places in beam) < EXACT_ANGLE:
            break
    return found


def search(dictionary, name, template, device, **options):
    place = None if device == "numpy" else torch.device(device)
    return search_span(dictionary, COLUMNS, TARGETS[name], TEMPLATES[template], device=place, **options)


PLAIN = {}  # what the plain search found; it takes a second in depth
CASES = [
    *((name, template, False) for name in TARGETS for template in ("y", "log|y|", "1/y without constant")),
    *((name, template, True) for name in ("three", "noisy", "noise") for template in ("y", "log|y|")),
    ("products", "y without constant", True),
]


@pytest.mark.parametrize("device", ["numpy", "cpu", cuda])
@pytest.mark.parametrize(("name", "template", "deep"), CASES)
def test_hits_are_those_of_the_plain_search_in_its_order(dictionary, name, template, deep, device):
    hits = search(dictionary, name, template, device, deep=deep)
    case = name, template, deep
    if case not in PLAIN:
        PLAIN[case] = plain_search(dictionary, TARGETS[name], TEMPLATES[template], deep)
    expected = PLAIN[case]
    assert [hit.features for hit in hits] == [features for features, _ in expected]
    assert [hit.unexplained for hit in hits] == pytest.approx([left for _, left in expected], rel=1e-6, abs=1e-13)


@pytest.mark.parametrize("device", ["numpy", "cpu", cuda])
@pytest.mark.parametrize("deep", [False, True])
def test_the_size_of_blocks_does_not_matter(dictionary, monkeypatch, device, deep):
    whole = search(dictionary, "noisy", "log|y|", device, deep=deep)
    monkeypatch.setattr(images, "_NUMBERS_AT_ONCE", 1000)
    monkeypatch.setattr(feature_sets, "_NUMBERS_AT_ONCE", 7000)
    parts = search(dictionary, "noisy", "log|y|", device, deep=deep)
    assert [hit.features for hit in parts] == [hit.features for hit in whole]


@pytest.mark.parametrize("device", ["numpy", "cpu", cuda])
def test_the_last_bits_decide_no_order(device):
    like = np.empty(0) if device == "numpy" else torch.empty(0, device=device)
    left = np.array([0.0, 3e-16, 4e-15, 0.1, 0.1 * (1 + 1e-14), 0.1 * (1 - 1e-14)])
    bits = ranking_bits(beside(left, like), beside(np.ones(6), like), 200)
    assert leading(bits, 5).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(("template", "images_each"), [("y", 1), ("log|y|", 2)])
def test_memory_is_that_of_the_directions_and_the_blocks(monkeypatch, template, images_each, deep):
    many = enumerate_features(COLUMNS, sympy.symbols("a b c", real=True), size=12_000)
    monkeypatch.setattr(images, "_NUMBERS_AT_ONCE", 1 << 16)
    monkeypatch.setattr(feature_sets, "_NUMBERS_AT_ONCE", 1 << 16)
    tracemalloc.start()
    search(many, "noisy", template, "numpy", deep=deep)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    of_features = 8 * len(many) * images_each * (len(A) + 25)
    of_triples = 8 * 130 * 10_000 * deep
    assert peak < of_features + of_triples + 8 * 5 * (1 << 16) + 2e6


def test_the_products_run_on_the_device_that_is_given(dictionary, monkeypatch):
    seen = []

    def watched(directions, *arguments):
        seen.append(type(directions))
        return {}

    monkeypatch.setattr("kansym.symbolic.span.pairs", watched)
    for device in ("numpy", "cpu"):
        search(dictionary, "noisy", "y", device)
    assert seen == [np.ndarray, torch.Tensor]


@pytest.mark.gpu
@needs_cuda
def test_a_fit_on_a_cuda_device_finds_the_same_law():
    X = np.random.default_rng(0).uniform(0.5, 2.5, (300, 3))
    y = 1.5 * X[:, 0] ** 2 - 0.7 * X[:, 1] / X[:, 2] + 0.3 * np.sin(X[:, 2]) + 2.0
    options = {"random_state": 0, "max_steps": 100, "time_limit": None}
    here, there = (KANRegressor(device=device, **options).fit(X, y) for device in ("cpu", "cuda"))
    assert str(here.sympy()) == str(there.sympy())
