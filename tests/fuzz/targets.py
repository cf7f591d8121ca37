"""What is fed with bytes from strangers: each reads them or raises one clear sentence, and nothing else."""

from __future__ import annotations

import functools
import io
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from kansym import KANRegressor
from kansym.errors import FitWarning, KansymError
from kansym.persistence import load
from kansym.symbolic.parsing import expression_text, parse_expression
from kansym.symbolic.rows import Rows
from kansym.tables import read_table, select_columns

__all__ = ["TARGETS", "attack", "model_seeds"]

_DOCUMENT = "model.json"
_LONGEST_MESSAGE = 2_000


def read_csv(raw: bytes, folder: Path) -> None:
    """Read a table, and choose the columns of its last one as the target."""
    path = folder / "table.csv"
    path.write_bytes(raw)
    frame = read_table(path)
    assert len(frame) > 0
    assert len(set(frame.columns)) == frame.shape[1] > 0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FitWarning)  # of integers that floats round
        selection = select_columns(frame, frame.columns[-1])
    assert np.isfinite(selection.features.to_numpy()).all()
    assert np.isfinite(selection.target.to_numpy()).all()


def read_model(raw: bytes, folder: Path) -> None:
    """Load a model: the bytes are the whole file, or, after a first byte of 1 or 2, one part of a sound one.

    After 1 they are the document; after 2 a byte says which array, and the others are its file.
    """
    path = folder / "a.kansym"
    path.write_bytes(_with_part(raw) if raw[:1] in (b"\x01", b"\x02") else raw)
    model = load(path)
    assert model.predict(np.ones((2, model.n_features_in_))).shape[0] == 2


def read_formula(raw: bytes, folder: Path) -> None:
    """Read a formula from text, and what is written of it."""
    variables = Rows.from_arrays(np.ones((1, 2)), np.ones(1)).variables
    expression = parse_expression(raw.decode("utf-8", "replace"), variables)
    assert parse_expression(expression_text(expression), variables) == expression


TARGETS: dict[str, Callable[[bytes, Path], None]] = {"csv": read_csv, "model": read_model, "formula": read_formula}


def attack(name: str, raw: bytes, folder: Path) -> str:
    """Feed one target; return what it says: nothing, or the sentence with which it refused."""
    try:
        TARGETS[name](raw, folder)
    except KansymError as error:
        message = str(error)
        assert "\n" not in message, message
        assert len(message) < _LONGEST_MESSAGE, message
        return message
    return ""


def model_seeds() -> dict[str, bytes]:
    """Return a small sound model in all ways in which :func:`read_model` takes one, by name."""
    document, *names = _parts()
    arrays = {name: bytes([2, place]) + _parts()[name] for place, name in enumerate(names)}
    return {"whole": _sound_model(), document: b"\x01" + _parts()[document], **arrays}


@functools.cache
def _sound_model() -> bytes:
    X = np.random.default_rng(0).uniform(1, 2, (30, 2))
    model = KANRegressor(max_steps=12, hidden_widths=(1,), grid_size=2, random_state=0).fit(X, X[:, 0] / X[:, 1])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.kansym")
        model.save(path)
        return path.read_bytes()


@functools.cache
def _parts() -> dict[str, bytes]:
    """Return the files in the sound model, the document first."""
    with zipfile.ZipFile(io.BytesIO(_sound_model())) as archive:
        names = sorted(archive.namelist(), key=lambda name: (name != _DOCUMENT, name))
        return {name: archive.read(name) for name in names}


def _with_part(raw: bytes) -> bytes:
    """Return the sound model with one of its files replaced."""
    document, *names = _parts()
    name, content = (document, raw[1:]) if raw[0] == 1 else (names[raw[1] % len(names) if raw[1:] else 0], raw[2:])
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for part, sound in _parts().items():
            archive.writestr(part, content if part == name else sound)
    return buffer.getvalue()
