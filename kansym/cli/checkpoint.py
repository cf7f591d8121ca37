"""The model in a folder while its search goes on: saved as it gets better, and taken up again by ``--resume``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from kansym.cli.common import writing
from kansym.errors import DataError, FileFormatError
from kansym.hints import quote

if TYPE_CHECKING:
    import pandas as pd

    from kansym import KANClassifier, KANRegressor

__all__ = ["Checkpoint"]

MODEL = "model.kansym"


class Checkpoint:
    """The file ``model.kansym`` of a folder.

    Parameters
    ----------
    folder : Path
        It need not be there before :meth:`save`.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / MODEL
        self._has_failed = False

    def begin(self, resume: bool) -> None:
        """Remove what killed processes left; raise where a model would be lost that is not to be gone on with."""
        from kansym.archive import remove_drafts

        if self.path.exists() and not resume:
            raise FileFormatError(
                f"{self.path}: --out must be a folder without a model, got one with a model; go on with it by --resume,"
                " choose another folder, or remove it"
            )
        remove_drafts(self.path.parent)

    def earlier(
        self, X: pd.DataFrame, y: pd.DataFrame, kind: type[KANRegressor | KANClassifier]
    ) -> KANRegressor | KANClassifier | None:
        """Return the model to go on with, None if there is none yet; raise if it is one of other data."""
        from kansym import KANClassifier

        if not self.path.exists():
            return None
        model = kind.load(self.path)
        is_classifier = isinstance(model, KANClassifier)
        wanted = [
            ("features", [variable.name for variable in model.variables_], list(X.columns)),
            ("targets", [model.target_name_] if is_classifier else list(model.output_names_), list(y.columns)),
        ]
        if is_classifier:
            labels = y.iloc[:, 0].unique().tolist()
            wanted.append(("classes", [str(label) for label in model.classes_.tolist()], [*map(str, sorted(labels))]))
        for what, before, now in wanted:
            if before != now:
                earlier, later = (", ".join(map(quote, names[:8])) for names in (before, now))
                raise DataError(
                    f"{self.path}: {what} must be those of the earlier search to go on with it, {earlier}, got {later}"
                )
        if not _alike(model, X, y):
            raise DataError(
                f"{self.path}: the rows must be those of the earlier search to go on with it, got others; choose"
                " another folder, or remove it"
            )
        return model

    def save(self, model: KANRegressor | KANClassifier) -> None:
        """Write the model, whole or not at all."""
        with writing(self.path.parent):
            model.save(self.path)

    def keep(self, model: KANRegressor | KANClassifier) -> None:
        """Write the model while its search goes on; a disk that is full does not end it, and is told once."""
        try:
            self.save(model)
            self._has_failed = False
        except FileFormatError as error:
            if not self._has_failed:
                print(f"kansym: warning: {error}; the search goes on", file=sys.stderr)
            self._has_failed = True


def _alike(model: KANRegressor | KANClassifier, X: pd.DataFrame, y: pd.DataFrame) -> bool:
    """Whether the rows of a model have this number, these ranges, and targets or classes that vary as much."""
    import numpy as np

    from kansym import KANClassifier
    from kansym.symbolic.labels import null_loss

    if isinstance(model, KANClassifier):
        codes = np.unique(y.iloc[:, 0].to_numpy(), return_inverse=True)[1]
        variances = np.full(len(model.fronts_), null_loss(codes, np.ones(len(codes))))
    else:
        variances = y.to_numpy().var(axis=0)
    fronts = model.fronts_
    return (
        all(front.n_rows == len(X) for front in fronts)
        and np.array_equal(np.column_stack([model._low, model._high]), np.column_stack([X.min(), X.max()]))
        and np.allclose([front.variance for front in fronts], variances, rtol=1e-9, atol=0.0)
    )
