"""The stages of a search that train a network and read formulas off it, and the networks that it leaves."""

from __future__ import annotations

from collections.abc import Sequence

from kansym.discovery.budget import Budget
from kansym.discovery.candidates import Candidates
from kansym.discovery.networks import build_network, snapping_of, splines_of
from kansym.discovery.outcome import SearchSettings
from kansym.errors import ParameterError
from kansym.network import KAN, widen_inputs
from kansym.symbolic.expression import network_expressions
from kansym.symbolic.front import Formula
from kansym.symbolic.in_context import SnappedNetwork, Snapping
from kansym.symbolic.rows import Rows
from kansym.symbolic.topology import network_of

__all__ = ["NetworkStages"]


class NetworkStages:
    """What a search knows of its networks.

    Attributes
    ----------
    network, pruned, symbolic : KAN or None
        The stations of the pipeline; None until a stage, or the search's end, makes them.
    snapping : Snapping or None
        How the pruned network's edges may become functions.
    """

    settings: SearchSettings
    candidates: Candidates
    budget: Budget
    seed: int
    network: KAN | None = None
    pruned: KAN | None = None
    symbolic: KAN | None = None
    snapping: Snapping | None = None

    @property
    def rows(self) -> Rows:
        """The rows of the search with only the relevant columns."""
        raise NotImplementedError

    def _network(self) -> None:
        rows, stop = self.rows, self.budget.exhausted
        stations = build_network(rows, self.settings.network, self.seed, stop)
        self.budget.spend()
        self.network, self.pruned = stations.network, stations.pruned
        if stop() or self.candidates.exact:
            return
        self.snapping = snapping_of(self.pruned, rows, self.settings.library, self.seed, stop)
        direct = self.snapping.directly()
        self.budget.spend()
        if direct is not None:
            self._take([direct])

    def _in_context(self) -> None:
        if self.snapping is not None and not self.budget.exhausted():
            self._take(self.snapping.in_context())

    def _take(self, results: Sequence[SnappedNetwork]) -> None:
        self.symbolic = results[0].network
        self.budget.spend(len(results))
        for result in results:
            if not result.splines:
                self.candidates.propose(network_expressions(result.network, self.rows.variables)[0], "network")
        self.candidates.polish()

    def make_networks_of(self, formula: Formula) -> None:
        """Make the symbolic network that of the formula; where none was trained, its topology gets a spline network.

        Both are made of the columns that occur and widened to all, so that a thousand others cost nothing.
        """
        rows = self.rows
        used = [i for i, symbol in enumerate(rows.variables) if symbol in formula.expression.free_symbols] or [0]
        try:
            symbolic = network_of(formula.expression, [rows.variables[i] for i in used], self.settings.library)
        except ParameterError:
            return
        self.symbolic = widen_inputs(symbolic, used, rows.n_variables)
        if self.network is None:
            learnt = self._to_learn(symbolic, rows.select(used))
            splines = splines_of(symbolic, learnt, self.seed, self.budget.exhausted)
            self.network = self.pruned = widen_inputs(splines, used, rows.n_variables)

    def _to_learn(self, symbolic: KAN, rows: Rows) -> Rows:
        """What the splines of a symbolic network are trained on."""
        return rows
