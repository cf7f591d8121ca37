"""A formula in other languages: one file for each target, pure functions of expressions and their variables.

All of them walk the one evaluation of :mod:`kansym.symbolic.evaluation`: :mod:`~kansym.export.numpy` and
:mod:`~kansym.export.torch` on arrays of theirs, :mod:`~kansym.export.c` and :mod:`~kansym.export.python` on symbols
that record what is done to them (:mod:`~kansym.export.recording`), so a function of the library, one of the user's own
as well, needs no second definition. :mod:`~kansym.export.latex` writes a front as a table.
"""
