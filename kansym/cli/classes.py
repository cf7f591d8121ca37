"""``kansym fit --classify``: a column of classes in place of one of numbers."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from kansym.errors import DataError, ParameterError
from kansym.hints import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

__all__ = ["check_classify", "names_of_logits", "select_classes"]

_MOST_CLASSES = 50


def check_classify(arguments: argparse.Namespace) -> None:
    """Raise for options that a search for logits does not know."""
    if len(arguments.target) > 1:
        raise ParameterError(f"--classify needs one --target, got {len(arguments.target)}")


def select_classes(
    frame: pd.DataFrame, target: str, features: Sequence[str] | None
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[str, ...]]:
    """Return features, the column of classes, and the names of the columns of text that are left out.

    Classes are texts, whole numbers or booleans; numbers among texts become texts.
    """
    import pandas as pd

    from kansym.tables import select_columns

    if target not in frame.columns:
        select_columns(frame, target, features)  # raises, and says which columns there are
    labels = frame[target]
    if labels.isna().any():
        row = int(labels.isna().to_numpy().argmax()) + 1
        raise DataError(f"column {quote(target)} must hold a class in every row, got a missing cell in row {row}")
    if not pd.api.types.is_numeric_dtype(labels.dtype):  # booleans are numeric
        labels = labels.astype(str)
    elif not (labels == labels.round()).all():
        raise DataError(
            f"column {quote(target)} must hold classes, texts or whole numbers, got the number"
            f" {labels[labels != labels.round()].iloc[0]}; leave out --classify to search a formula for it"
        )
    if (count := labels.nunique()) > _MOST_CLASSES:
        raise DataError(f"column {quote(target)} must hold at most {_MOST_CLASSES} classes, got {count:,}")
    numbers = select_columns(frame.assign(**{target: 0.0}), target, features)
    return numbers.features, pd.DataFrame({target: labels}), numbers.left_out


def names_of_logits(labels: Sequence[str]) -> list[str]:
    """What stands on the left of each formula.

    Examples
    --------
    >>> names_of_logits(["setosa", "virginica"])
    ['logit of setosa', 'logit of virginica']
    """
    return [f"logit of {label}" for label in labels]
