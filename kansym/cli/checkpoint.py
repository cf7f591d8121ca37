"""The model in a folder while its search goes on: saved as it gets better, and taken up again by ``--resume``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

    def earlier(self, X: pd.DataFrame, y: pd.DataFrame) -> KANRegressor | None:
        """Return the model to go on with, None if there is none yet; raise if it is one of other data."""
        import numpy as np

        from kansym import KANRegressor

        if not self.path.exists():
            return None
        model = KANRegressor.load(self.path)
        for what, before, now in (
            ("features", [variable.name for variable in model.variables_], list(X.columns)),
            ("targets", list(model.output_names_), list(y.columns)),
        ):
            if before != now:
                earlier, later = (", ".join(map(quote, names[:8])) for names in (before, now))
                raise DataError(
                    f"{self.path}: {what} must be those of the earlier search to go on with it, {earlier}, got {later}"
                )
        rows = np.column_stack([X.min(), X.max()]), len(X), y.to_numpy().var(axis=0)
        if not _alike(model, *rows):
            raise DataError(
                f"{self.path}: the rows must be those of the earlier search to go on with it, got others; leave"
                " --resume out, or choose another folder"
            )
        return model

    def save(self, model: KANRegressor | KANClassifier) -> None:
        """Write the model, whole or not at all."""
        with writing(self.path.parent):
            model.save(self.path)

    def keep(self, model: KANRegressor) -> None:
        """Write the model while its search goes on; a disk that is full does not end it, and is told once."""
        try:
            self.save(model)
            self._has_failed = False
        except FileFormatError as error:
            if not self._has_failed:
                print(f"kansym: warning: {error}; the search goes on", file=sys.stderr)
            self._has_failed = True


def _alike(model: KANRegressor, ranges: Any, n_rows: int, variances: Any) -> bool:
    """Whether the rows of a model have this number, these ranges and variances."""
    import numpy as np

    fronts = model.fronts_
    return (
        all(front.n_rows == n_rows for front in fronts)
        and np.array_equal(np.column_stack([model._low, model._high]), ranges)
        and np.allclose([front.variance for front in fronts], variances, rtol=1e-9, atol=0.0)
    )
