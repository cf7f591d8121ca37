"""The report of a comparison: from records to one HTML file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from typing import Any

from kansym.comparison.intervals import CONFIDENCE
from kansym.comparison.machine import describe_machine
from kansym.comparison.records import STATUSES, Record
from kansym.comparison.summary import (
    ACCURATE_R2,
    SETTING,
    failures,
    is_recovered,
    paired_differences,
    solved_within,
    summarise,
    unrecovered,
)
from kansym.errors import ParameterError
from kansym.report.commands import commands
from kansym.report.figures import (
    Spread,
    Style,
    legend_key,
    method_styles,
    pareto_plot,
    solved_plot,
    spread,
    unexplained,
)
from kansym.report.matrix import OUTCOMES, MatrixRow, embedded, matrix
from kansym.report.page import render_page, write_page
from kansym.report.wording import (
    counted,
    listing,
    number,
    percent,
    percent_interval,
    points,
    points_interval,
    r_squared,
)

__all__ = ["comparison_report"]

_WHOLE = 0.95  # of the limit


def comparison_report(
    records: Iterable[Record],
    path: str | PathLike[str],
    *,
    title: str | None = None,
    command: str | None = None,
    grace: float | None = None,
) -> None:
    """Write one HTML file that shows a comparison whole: what was tried, what was found, what failed, who judged how.

    The file needs nothing else, and asks nothing of the network.

    Parameters
    ----------
    records : iterable of Record
        In any order, each run once.
    path : str or path-like
        The HTML file, in an existing folder. It is written whole or not at all.
    title : str, optional
        By default the names of the suites.
    command : str, optional
        What made the records; by default the command that would make such records is put together from them.
    grace : float, optional
        Seconds that a run was given beyond its limit before it was killed.

    Raises
    ------
    ParameterError
        If there are no records, or a run occurs twice.
    KansymError
        If jinja2 or matplotlib is not installed.
    OSError
        If the file cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> run = Record("nguyen", "nguyen-1", "operon", 0, 0.0, 300, 0, 1, 4.0, 1, ("add",), "timeout", 4.5)
    >>> page = pathlib.Path(tempfile.mkdtemp(), "report.html")
    >>> comparison_report([run], page)
    >>> "nguyen-1" in page.read_text(encoding="utf-8")
    True
    """
    records = sorted(records, key=lambda record: record.key)
    if not records:
        raise ParameterError("records must hold at least one run, got none")
    styles = method_styles({record.method for record in records})
    page = render_page(
        "comparison.html.j2",
        "comparison.js",
        title=title or f"Comparison on {listing(_distinct(record.suite for record in records))}",
        counts=_counts(records),
        sections=_sections(records, styles),
        keys={method: legend_key(style) for method, style in styles.items()},
        missing=_missing(records),
        failures=_rows(failures(record for record in records if record.status != "missing")),
        unrecovered=_rows(unrecovered(records)),
        data=embedded(records),
        outcomes=OUTCOMES,
        machines=_distinct(record.machine for record in records if record.machine),
        report_machine=describe_machine(),
        versions=_versions(records),
        grace=grace,
        command=command or "\n".join(commands(records)),
        command_is_given=command is not None,
        accurate=ACCURATE_R2,
        confidence=CONFIDENCE,
        counted=counted,
        number=number,
        percent=percent,
        points=points,
        r_squared=r_squared,
        percent_interval=percent_interval,
        points_interval=points_interval,
        listing=listing,
    )
    write_page(path, page)


# ------------------------------------------------------------------------------------------------------------- sections


@dataclass(frozen=True)
class Plot:
    """A figure with its caption and the numbers that it shows, a list for each method."""

    name: str
    caption: str
    svg: str
    header: tuple[str, ...]
    rows: list[tuple[str, ...]]


@dataclass(frozen=True)
class Section:
    """All that is shown for one setting: the runs on one suite with the same noise, rows and dummies."""

    anchor: str
    title: str
    budget: dict[str, str]
    summary: list[dict[str, Any]]
    differences: list[dict[str, Any]]
    plots: list[Plot]
    methods: list[str]
    matrix: list[MatrixRow]
    several_seeds: bool


def _sections(records: Sequence[Record], styles: Mapping[str, Style]) -> list[Section]:
    tables = [table.groupby(list(SETTING)) for table in (summarise(records), paired_differences(records))]
    steps = solved_within(records).groupby(list(SETTING))
    sections = []
    for place, (setting, summary) in enumerate(tables[0]):
        numbered = [pair for pair in enumerate(records) if tuple(getattr(pair[1], name) for name in SETTING) == setting]
        runs = [record for _, record in numbered]
        anchor = f"setting-{place}"
        best_first = summary.sort_values(["rate", "accurate_rate", "r2_median"], ascending=False, kind="stable")
        methods = best_first["method"].tolist()
        differences = _rows(tables[1].get_group(setting)) if setting in tables[1].groups else []
        corners = _rows(steps.get_group(setting)) if setting in steps.groups else []
        sections.append(
            Section(
                anchor=anchor,
                title=_setting_title(runs),
                budget=_budget(runs),
                summary=_rows(best_first),
                differences=differences,
                plots=[*_pareto_plots(runs, styles, anchor), *_solved_plots(runs, corners, styles, anchor)],
                methods=methods,
                matrix=matrix(numbered, methods),
                several_seeds=len({record.seed for record in runs}) > 1,
            )
        )
    return sections


def _setting_title(runs: Sequence[Record]) -> str:
    first = runs[0]
    noise = f"noise of {number(100 * first.noise)} % of the RMS added" if first.noise else "no noise added"
    dummies = f", {first.dummies} dummy columns" if first.dummies else ""
    counts = _distinct(first.rows if record.n_rows is None else record.n_rows for record in runs)
    rows = f"{counts[0]:,}" if len(counts) == 1 else f"{counts[0]:,} to {counts[-1]:,}"
    return f"{first.suite}: {rows} rows, {noise}{dummies}"


def _budget(runs: Sequence[Record]) -> dict[str, str]:
    return {
        "problems": f"{len({record.problem for record in runs})}",
        "seeds": listing(_distinct(record.seed for record in runs)),
        "time limit": listing(f"{limit:g} s" for limit in _distinct(record.time_limit for record in runs)),
        "threads": listing(_distinct(record.threads for record in runs)),
        **_known("at a time", (record.jobs for record in runs), lambda jobs: counted(jobs, "run")),
        **_known("memory", (record.memory_limit for record in runs), lambda size: f"{number(size)} MiB"),
        "operators": " or ".join(" ".join(names) for names in _distinct(record.operators for record in runs)),
    }


def _known(name: str, values: Iterable[Any], write: Callable[[Any], str]) -> dict[str, str]:
    """Return an entry of the facts; none if the records, of an earlier version, do not say."""
    found = _distinct(value for value in values if value is not None)
    return {name: listing(map(write, found))} if found else {}


def _pareto_plots(runs: Sequence[Record], styles: Mapping[str, Style], anchor: str) -> list[Plot]:
    plots = []
    for cost, label in (("complexity", "complexity"), ("seconds", "seconds")):
        spreads: dict[str, tuple[Spread, Spread]] = {}
        for method in _distinct(record.method for record in runs):
            tried = [record for record in runs if record.method == method and record.status != "missing"]
            across = spread(value for record in tried if (value := getattr(record, cost)) is not None)
            up = unexplained(record.r2_test if record.status == "ok" else None for record in tried)
            if across and up:
                spreads[method] = (across, up)
        if spreads:
            name = f"{anchor}-{cost}"
            plots.append(
                Plot(
                    name=name,
                    caption=f"Accuracy against {label}: medians, bars from the lower to the upper quartile. The best "
                    "corner is at the top left; the dotted line joins the methods that no other beats in both.",
                    svg=pareto_plot(spreads, styles, cost, name),
                    header=("method", f"{label}, median", "quartiles", "1 − R², median", "quartiles"),
                    rows=[(method, *_spread_cells(a), *_spread_cells(b)) for method, (a, b) in spreads.items()],
                )
            )
    return plots


def _spread_cells(found: Spread) -> tuple[str, str]:
    return number(found.median), f"{number(found.lower)} to {number(found.upper)}"


def _solved_plots(
    runs: Sequence[Record], corners: list[dict[str, Any]], styles: Mapping[str, Style], anchor: str
) -> list[Plot]:
    curves: dict[str, list[tuple[float, float]]] = {}
    for corner in corners:
        curves.setdefault(corner["method"], []).append((corner["seconds"], corner["rate"]))
    if not curves:
        return []
    end = max(record.time_limit for record in runs)
    times = [end * share for share in (0.01, 0.03, 0.1, 0.3)]
    name = f"{anchor}-solved"
    return [
        Plot(
            name=name,
            caption=f"Recovered within t seconds: the share of a method's runs; the limit is {end:g} s.{_whole(runs)}",
            svg=solved_plot(curves, styles, end, name),
            # A run that ends within the grace after its limit counts, so the last column is the rate of the table.
            header=("method", *(f"within {number(time)} s" for time in times), "by the end"),
            rows=[
                (method, *(percent(_rate_at(curve, time)) for time in times), percent(curve[-1][1]))
                for method, curve in curves.items()
            ],
        )
    ]


def _whole(runs: Sequence[Record]) -> str:
    """Say which methods took all of their time for whatever they found: their curves do not tell when they found it."""
    methods = [
        method
        for method in _distinct(record.method for record in runs)
        if (own := [record for record in runs if record.method == method and is_recovered(record)])
        and all((record.seconds or 0.0) >= _WHOLE * record.time_limit for record in own)
    ]
    if not methods:
        return ""
    return f" All recovered runs of {listing(methods)} took their whole limit: they may have found the law long before."


def _rate_at(curve: Sequence[tuple[float, float]], time: float) -> float:
    return max(rate for seconds, rate in curve if seconds <= time)


# ---------------------------------------------------------------------------------------------------------------- facts


def _counts(records: Sequence[Record]) -> dict[str, int]:
    return {
        "runs": len(records),
        "methods": len({record.method for record in records}),
        "problems": len({(record.suite, record.problem) for record in records}),
        **{status: sum(record.status == status for record in records) for status in STATUSES},
    }


def _missing(records: Sequence[Record]) -> dict[str, tuple[str, int]]:
    """From each method that was not installed to what it said and its number of runs."""
    absent = [record for record in records if record.status == "missing"]
    return {
        method: (
            listing(_distinct(record.error or "" for record in absent if record.method == method)),
            sum(record.method == method for record in absent),
        )
        for method in _distinct(record.method for record in absent)
    }


def _versions(records: Sequence[Record]) -> list[tuple[str, str, str]]:
    """Packages, their versions, and the methods that ran with them ("all" if it is all)."""
    users: dict[tuple[str, str], set[str]] = {}
    for record in records:
        for package, version in record.versions.items():
            users.setdefault((package, version), set()).add(record.method)
    everyone = {method for methods in users.values() for method in methods}
    return [
        (package, version, "all" if methods == everyone else ", ".join(sorted(methods)))
        for (package, version), methods in sorted(users.items())
    ]


def _distinct(values: Iterable[Any]) -> list[Any]:
    return sorted(set(values))


def _rows(table: Any) -> list[dict[str, Any]]:
    return table.to_dict("records")
