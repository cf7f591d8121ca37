"""The readers against all that a fuzzer has found, and against what hypothesis makes of it."""

import io
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .targets import TARGETS, attack, model_seeds

CORPUS = Path(__file__).parent / "corpus"
FILES = sorted(path for name in TARGETS for path in (CORPUS / name).iterdir())


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_corpus_is_read_or_refused_in_one_sentence(path, tmp_path):
    attack(path.parent.name, path.read_bytes(), tmp_path)


def test_a_sound_model_is_read(tmp_path):
    assert attack("model", (CORPUS / "model" / "sound").read_bytes(), tmp_path) == ""
    kinds = model_seeds()
    assert {raw[0] for raw in kinds.values()} == {ord("P"), 1, 2}
    assert [attack("model", raw, tmp_path) for raw in kinds.values()] == [""] * len(kinds)


def test_a_broken_array_is_refused(tmp_path):
    place, raw = next((name, raw) for name, raw in model_seeds().items() if name.endswith("input_scale.npy"))
    assert "input_scale" in attack("model", raw[:2] + npy(np.zeros(9)), tmp_path), place
    assert "must be an array" in attack("model", raw[:2] + b"no array", tmp_path), place


def npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


SEEDS = {name: [path.read_bytes() for path in FILES if path.parent.name == name] for name in TARGETS}


@st.composite
def mutated(draw, seeds):
    """A seed, cut, doubled, spliced with another one, or with a few bytes changed."""
    raw = bytearray(draw(st.sampled_from(seeds)))
    for _ in range(draw(st.integers(0, 4))):
        start, end = sorted((draw(st.integers(0, len(raw))), draw(st.integers(0, len(raw)))))
        piece = draw(st.sampled_from([b"", bytes(raw[start:end]) * 2, draw(st.sampled_from(seeds)), b"\0", b'"', b"-"]))
        raw[start : end if draw(st.booleans()) else start] = piece[:4096]
    return bytes(raw[:20_000])


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=60 if settings().derandomize else settings().max_examples)
@given(data=st.data())
def test_any_change_of_the_corpus_is_read_or_refused(name, data, tmp_path_factory):
    if name == "model":
        whole, document, *arrays = model_seeds().values()
        seeds = [*SEEDS[name], whole, document, *arrays[::10]]  # more of them would leave little for the others
    else:
        seeds = SEEDS[name]
    attack(name, data.draw(mutated(seeds)), tmp_path_factory.mktemp("fuzz"))
