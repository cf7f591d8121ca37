"""The exceptions and warnings of kansym: wrong use raises, doubtful results warn."""

__all__ = ["DataError", "ExtrapolationWarning", "FileFormatError", "FitWarning", "KansymError", "ParameterError"]


class KansymError(Exception):
    """Base of every error that kansym raises on purpose."""


class ParameterError(KansymError, ValueError):
    """A parameter has a wrong type or value; the message says what was expected and received."""


class DataError(KansymError, ValueError):
    """The data cannot be used as they are; the message names the column and the row."""


class FileFormatError(KansymError, ValueError):
    """A file is not what its name promises, or was written by a newer version."""


class FitWarning(UserWarning):
    """The fit ended with a result that the user should look at twice."""


class ExtrapolationWarning(UserWarning):
    """A prediction was asked for rows that lie outside the data of the fit."""
