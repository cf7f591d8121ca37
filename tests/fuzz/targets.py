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

__all__ = ["TARGETS", "attack", "sound_model"]

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
    """Load a model: the bytes are the whole file, or, after a first byte of 1, the document beside sound arrays."""
    path = folder / "a.kansym"
    path.write_bytes(_with_document(raw[1:]) if raw[:1] == b"\x01" else raw)
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


@functools.cache
def sound_model() -> tuple[bytes, bytes]:
    """Return a small model as a whole file, and its document alone."""
    X = np.random.default_rng(0).uniform(1, 2, (30, 2))
    model = KANRegressor(max_steps=12, hidden_widths=(1,), grid_size=2, random_state=0).fit(X, X[:, 0] / X[:, 1])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.kansym")
        model.save(path)
        with zipfile.ZipFile(path) as archive:
            return path.read_bytes(), archive.read("model.json")


@functools.cache
def _sound_arrays() -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(sound_model()[0])) as archive:
        return {name: archive.read(name) for name in archive.namelist() if name != "model.json"}


def _with_document(document: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in {"model.json": document, **_sound_arrays()}.items():
            archive.writestr(name, content)
    return buffer.getvalue()
