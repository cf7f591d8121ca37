"""What a workbench shows: its edges, candidates, states and rows as data frames, itself as HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import sympy

from kansym.display import html_table
from kansym.errors import ParameterError
from kansym.network import KAN, EdgeIndex, attribute
from kansym.symbolic.forms import Snap
from kansym.symbolic.printing import to_text
from kansym.symbolic.rows import Rows
from kansym.workbench.candidates import Candidate
from kansym.workbench.steps import WEIGHTS

if TYPE_CHECKING:
    import pandas as pd

    from kansym.workbench.state import BenchState

__all__ = ["bench_html", "candidate_table", "comparison_table", "data_table", "edge_table"]

_MOST_EDGES = 30


def edge_table(bench: BenchState, tried: Mapping[EdgeIndex, Sequence[Candidate]]) -> pd.DataFrame:
    """One row for each edge, see :meth:`Workbench.edges`; ``tried`` holds the candidates of its splines."""
    import pandas as pd

    lines = []
    for line in _edge_lines(bench):
        best = next(iter(tried.get(line["edge"], ())), None)
        line["candidate"] = "" if best is None else best.snap.function.name
        line["curve_r2"] = np.nan if best is None else best.snap.r2
        line["model_r2"] = np.nan if best is None else best.r2
        lines.append(line)
    return pd.DataFrame(lines)


def _edge_lines(bench: BenchState) -> list[dict]:
    network = bench.network
    shares = attribute(network, bench.tensors[0]).edges
    return [
        {
            "edge": edge,
            "from": _node_name(bench, edge[0], edge[2]),
            "to": _node_name(bench, edge[0] + 1, edge[1]),
            "kind": network.edge_state(edge).kind,
            "function": _function_text(network, edge),
            "share": float(shares[edge[0]][edge[1:]]),
            "locked": edge in bench.locked,
        }
        for edge in network.edges()
    ]


def _node_name(bench: BenchState, layer: int, node: int) -> str:
    """Variables and the target by name, hidden nodes as ``h1_0``, products with a cross."""
    if layer == 0:
        return bench.rows.variables[node].name
    product = " (×)" if bool(bench.network.layer(layer - 1).product_mask[node]) else ""
    name = bench.target if layer == len(bench.network.layers) else f"h{layer}_{node}"
    return f"{name}{product}"


def _function_text(network: KAN, edge: EdgeIndex) -> str:
    state = network.edge_state(edge)
    if state.function is None:
        return ""
    snap = Snap(state.function, state.a, state.b, state.c, state.d, state.exponent, 0.0)
    return to_text(snap.sympy(sympy.Symbol("u", real=True)))


def candidate_table(tried: Sequence[Candidate]) -> pd.DataFrame:
    """One row for each candidate, see :meth:`Workbench.suggest`."""
    import pandas as pd

    return pd.DataFrame(
        {
            "function": [candidate.snap.function.name for candidate in tried],
            "curve_r2": [candidate.snap.r2 for candidate in tried],
            "model_r2": [candidate.r2 for candidate in tried],
            "unexplained": [1.0 - candidate.r2 if candidate.r2 < 1 else 0.0 for candidate in tried],
            "loss": [candidate.loss for candidate in tried],
            "bits": [candidate.bits for candidate in tried],
        }
    )


def comparison_table(benches: Sequence[BenchState]) -> pd.DataFrame:
    """One row for each workbench, see :meth:`Workbench.compare`."""
    import pandas as pd

    splines = [len(bench.splines) for bench in benches]
    edges = [len(bench.network.edges()) for bench in benches]
    return pd.DataFrame(
        {
            "step": ["start" if bench.step is None else str(bench.step) for bench in benches],
            "note": [bench.origin if bench.step is None else bench.step.note for bench in benches],
            "splines": splines,
            "symbolic": [all_ - curved for all_, curved in zip(edges, splines, strict=True)],
            "parameters": [bench.network.n_parameters for bench in benches],
            "loss": [bench.loss for bench in benches],
            "r2": [bench.r2 for bench in benches],
            "formula": [to_text(bench.formula()) for bench in benches],
        }
    )


def data_table(rows: Rows, target: str) -> pd.DataFrame:
    """Variables, target and, where they differ, weights.

    Raises
    ------
    ParameterError
        If a variable is called as the target or the weights: the table could not tell them apart.
    """
    import pandas as pd

    columns = {symbol.name: column for symbol, column in zip(rows.variables, rows.columns.T, strict=True)}
    added = {target: rows.target, **({WEIGHTS: rows.weights} if np.any(rows.weights != 1.0) else {})}
    if twice := set(columns) & set(added):
        raise ParameterError(f"variables must be named unlike target and weights, got {min(twice)!r} twice")
    return pd.DataFrame({**columns, **added})


def bench_html(bench: BenchState, summary: str, formula: str) -> str:
    """Formula, edges and steps in HTML; nothing is tried for it, so that it is quick."""
    lines = _edge_lines(bench)
    header = ("edge", "from", "to", "kind", "function", "share", "locked")
    cells = [
        [str(line["edge"]), line["from"], line["to"], line["kind"], line["function"], f"{line['share']:.3f}",
         "locked" if line["locked"] else ""]
        for line in lines[:_MOST_EDGES]
    ]
    more = f", {len(lines) - _MOST_EDGES} more edges" if len(lines) > _MOST_EDGES else ""
    taken = [(html.escape(str(step)), html.escape(step.note)) for step in bench.history]
    steps = "".join(f"<li><code>{call}</code> {note}</li>" for call, note in taken)
    return (
        f"<div><p><b>{html.escape(bench.target)}</b> = <code>{html.escape(formula)}</code></p>"
        f"{html_table(header, cells, caption=f'Workbench of {summary}{more}')}"
        f"{f'<ol>{steps}</ol>' if steps else ''}</div>"
    )
