"""What was done at a workbench, as records and as a Python script that does it again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import kansym
from kansym.errors import ParameterError
from kansym.library import Library, default_library
from kansym.network import KAN
from kansym.symbolic.rows import Rows

__all__ = ["WEIGHTS", "Step", "write_script"]

WEIGHTS = "sample_weight"
"""The column of the rows' weights in tables that a workbench hands out."""


@dataclass(frozen=True)
class Step:
    """One action at a workbench.

    Attributes
    ----------
    method : str
        Of :class:`kansym.workbench.Workbench`.
    arguments : tuple
        Edges as (layer, output, input), names and numbers.
    options : dict
        The same by keyword.
    note : str
        What came of it.

    Examples
    --------
    >>> print(Step("snap", ((0, 0, 1), "x^2")))
    snap((0, 0, 1), 'x^2')
    """

    method: str
    arguments: tuple[Any, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    note: str = ""

    def __str__(self) -> str:
        """Write the call as in Python."""
        arguments = [*map(repr, self.arguments), *(f"{name}={value!r}" for name, value in self.options.items())]
        return f"{self.method}({', '.join(arguments)})"


_SCRIPT = '''\
"""What was done at a workbench of kansym {version}, step by step."""

import numpy as np
import pandas as pd

from kansym import Library
from kansym.network import KAN
from kansym.workbench import Workbench

rows = pd.read_csv({data!r})

# The network at the start.
description = {description!r}
arrays = {{
{arrays}
}}
network = KAN.from_state(description, arrays)

bench = Workbench.from_network(
    network,
    rows[{names!r}],
    rows[{target!r}],
    sample_weight={weights},
    library=Library({library!r}),
)
{steps}
print(bench.formula())
'''


def write_script(
    network: KAN, rows: Rows, target: str, library: Library, steps: Sequence[Step], data: str
) -> str:
    """Write a Python script that starts from a network, takes the steps and prints the formula.

    Every text that the user chose, such as a column's name, stands in it as a literal.

    Raises
    ------
    ParameterError
        If a function of the library is the user's own: it is code, which a script cannot repeat.
    """
    known = default_library()
    own = [function.name for function in library if function.name not in known or known[function.name] is not function]
    if own:
        raise ParameterError(
            f"library must hold built-in functions only for a script, got the user's own {', '.join(map(repr, own))}"
        )
    description, arrays = network.to_state()
    weighted = bool((rows.weights != 1.0).any())
    return _SCRIPT.format(
        version=kansym.__version__,
        data=data,
        description=description,
        arrays="\n".join(f"    {name!r}: np.array({array.tolist()!r})," for name, array in arrays.items()),
        names=[symbol.name for symbol in rows.variables],
        target=target,
        weights=f"rows[{WEIGHTS!r}]" if weighted else None,
        library=list(library.names),
        steps="\n".join(f"bench = bench.{step}" for step in steps),
    )
