"""From records to tables: rates with intervals, paired differences, curves over time, and all that went wrong.

The rules, the same for every method:

* A run is recovered when it ended in time and the judge called its selected formula the law. Timeouts and errors stay
  in the denominator: they are runs that did not recover.
* A method that is not installed was not tried. It has no rate, which is something else than a rate of zero.
* Nor has a method without formulas a rate, and nor have problems without a known law.
* In medians of how good a formula is (R², error on the widened ranges, edit distance), a run without the value counts
  as worse than any other. Otherwise a method would gain by failing where it is weak. Medians of what a formula costs
  (complexity, seconds, memory) are over the runs that have it.

Runs of one problem with several seeds count as separate trials. They resemble each other, so that with several seeds
all intervals here are somewhat too narrow.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations, groupby, pairwise
from operator import attrgetter
from statistics import median
from typing import TYPE_CHECKING, Any

from kansym.comparison.intervals import mcnemar_p_value, paired_difference_interval, wilson_interval
from kansym.comparison.records import STATUSES, Record
from kansym.errors import ParameterError

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ACCURATE_R2",
    "SETTING",
    "failures",
    "is_recovered",
    "paired_differences",
    "rated_records",
    "solved_within",
    "summarise",
    "unrecovered",
]

SETTING = ("suite", "noise", "rows", "dummies")
"""What must be equal for two runs to stand in one table."""

ACCURATE_R2 = 0.999
"""A run counts as accurate above it."""

_RUN = ("suite", "problem", "method", "seed", "noise", "rows", "dummies")
_SUMMARY = (
    *(*SETTING, "method", "runs", *STATUSES, "rated", "recovered", "rate", "rate_low", "rate_high"),
    *("symbolic", "symbolic_rate", "on_front_only", "r2_median", "accurate_rate", "error_wide_median"),
    *("complexity_median", "edit_distance_median", "seconds_median", "seconds_total", "peak_memory_median"),
)
_DIFFERENCES = (
    *(*SETTING, "first", "second", "pairs", "both", "only_first", "only_second", "neither"),
    *("difference", "difference_low", "difference_high", "p_value"),
)
_STEPS = (*SETTING, "method", "seconds", "recovered", "rate")
_FAILURES = (*_RUN, "status", "seconds", "time_limit", "error")
_UNRECOVERED = (*_RUN, "on_front", "expression", "truth", "r2_test", "error_wide", "complexity", "seconds")


def is_recovered(record: Record) -> bool:
    """Whether a run counts as recovered: it ended in time, and the judge calls its formula the law."""
    return record.status == "ok" and record.recovered


def rated_records(records: Iterable[Record]) -> list[Record]:
    """Return the records that enter a rate: the law is known, the method was there, and it is one that makes formulas.

    A method makes none if at least one of its runs ended well, and no such run left a formula.
    """
    records = list(records)
    fine = {record.method for record in records if record.status == "ok"}
    with_formulas = {record.method for record in records if record.status == "ok" and record.expression is not None}
    without_formulas = fine - with_formulas
    return [
        record
        for record in records
        if record.truth is not None and record.status != "missing" and record.method not in without_formulas
    ]


def summarise(records: Iterable[Record]) -> pd.DataFrame:
    """One row for each suite, noise, number of rows and of dummies, and method.

    Parameters
    ----------
    records : iterable of Record
        In any order, each run once.

    Returns
    -------
    DataFrame
        Columns suite, noise, rows, dummies, method; numbers of runs: runs, ok, timeout, error, missing; rated (those
        that enter the rates, see :func:`rated_records`), recovered, rate, rate_low, rate_high (Wilson's 95 % interval);
        symbolic, symbolic_rate (sympy showed it); on_front_only (the law was offered, but something else selected);
        r2_median (−inf if half of the runs have none), accurate_rate (share with R² above 0.999 among all runs but the
        missing), error_wide_median (inf if half of the rated runs have none), complexity_median,
        edit_distance_median, seconds_median, seconds_total, peak_memory_median (MiB). NaN stands where there is
        nothing to count.

    Raises
    ------
    ParameterError
        If a run occurs twice.

    Examples
    --------
    >>> found = {"status": "ok", "truth": "x", "expression": "x", "recovered": True}
    >>> run = Record("nguyen", "nguyen-1", "kansym", 0, 0.0, 300, 0, 1, 4.0, 1, ("add", "mul"), **found)
    >>> summarise([run])[["method", "rated", "recovered", "rate"]].to_dict("records")
    [{'method': 'kansym', 'rated': 1, 'recovered': 1, 'rate': 1.0}]
    """
    records = _unique(records)
    rated = {record.key for record in rated_records(records)}
    rows = []
    for setting, group in _grouped(records, (*SETTING, "method")):
        counted = [record for record in group if record.key in rated]
        rows.append({**setting, **_counts(group), **_rates(counted), **_qualities(group, counted), **_costs(group)})
    return _table(rows, _SUMMARY)


def paired_differences(records: Iterable[Record]) -> pd.DataFrame:
    """Compare every two methods on the problems and seeds that both tried.

    Parameters
    ----------
    records : iterable of Record
        In any order, each run once; those without a rate are left out, see :func:`rated_records`.

    Returns
    -------
    DataFrame
        Columns suite, noise, rows, dummies, first, second (names in alphabetical order); pairs (runs that both have),
        both, only_first, only_second, neither (who recovered them); difference of the rates, first minus second, with
        its 95 % interval (Newcombe's method 10) in difference_low and difference_high; p_value of McNemar's exact
        test, not corrected for the number of pairs of methods.

    Raises
    ------
    ParameterError
        If a run occurs twice.
    """
    rows = []
    for setting, group in _grouped(rated_records(_unique(records)), SETTING):
        outcomes: dict[str, dict[tuple[str, int], bool]] = {}
        for record in group:
            outcomes.setdefault(record.method, {})[record.problem, record.seed] = is_recovered(record)
        for first, second in combinations(sorted(outcomes), 2):
            difference = _difference(outcomes[first], outcomes[second])
            if difference["pairs"]:
                rows.append({**setting, "first": first, "second": second, **difference})
    return _table(rows, _DIFFERENCES)


def solved_within(records: Iterable[Record]) -> pd.DataFrame:
    """How many runs of each method had recovered their law within t seconds.

    Parameters
    ----------
    records : iterable of Record
        In any order, each run once; those without a rate are left out, see :func:`rated_records`.

    Returns
    -------
    DataFrame
        Columns suite, noise, rows, dummies, method, seconds, recovered, rate: the corners of a curve that rises in
        steps. It starts with zero at zero seconds; recovered runs whose time is not known count at their limit.

    Raises
    ------
    ParameterError
        If a run occurs twice.
    """
    rows = []
    for setting, group in _grouped(rated_records(_unique(records)), (*SETTING, "method")):
        times = Counter(
            record.time_limit if record.seconds is None else record.seconds for record in group if is_recovered(record)
        )
        recovered = 0
        rows.append({**setting, "seconds": 0.0, "recovered": 0, "rate": 0.0})
        for seconds in sorted(times):
            recovered += times[seconds]
            rows.append({**setting, "seconds": seconds, "recovered": recovered, "rate": recovered / len(group)})
    return _table(rows, _STEPS)


def failures(records: Iterable[Record]) -> pd.DataFrame:
    """List every run that did not end well, with what it said: timeouts, errors and missing methods."""
    return _listed((record for record in _unique(records) if record.status != "ok"), _FAILURES)


def unrecovered(records: Iterable[Record]) -> pd.DataFrame:
    """List every run that ended well with something else than the known law, beside that law."""
    wrong = (record for record in rated_records(_unique(records)) if record.status == "ok" and not record.recovered)
    return _listed(wrong, _UNRECOVERED)


# --------------------------------------------------------------------------------------------------------------- counts


def _counts(group: Sequence[Record]) -> dict[str, int]:
    statuses = Counter(record.status for record in group)
    return {"runs": len(group), **{status: statuses[status] for status in STATUSES}}


def _rates(counted: Sequence[Record]) -> dict[str, Any]:
    recovered = sum(map(is_recovered, counted))
    symbolic = sum(record.status == "ok" and record.symbolic is True for record in counted)
    low, high = wilson_interval(recovered, len(counted))
    return {
        "rated": len(counted),
        "recovered": recovered,
        "rate": _share(recovered, len(counted)),
        "rate_low": low,
        "rate_high": high,
        "symbolic": symbolic,
        "symbolic_rate": _share(symbolic, len(counted)),
        "on_front_only": sum(record.status == "ok" and record.on_front and not record.recovered for record in counted),
    }


def _qualities(group: Sequence[Record], counted: Sequence[Record]) -> dict[str, float]:
    tried = [record for record in group if record.status != "missing"]
    lawful = [record for record in tried if record.truth is not None]
    r2 = [_quality(record, record.r2_test, -math.inf) for record in tried]
    return {
        "r2_median": _median(r2),
        "accurate_rate": _share(sum(value > ACCURATE_R2 for value in r2), len(r2)),
        "error_wide_median": _median(_quality(record, record.error_wide, math.inf) for record in lawful),
        "edit_distance_median": _median(_quality(record, record.edit_distance, 1.0) for record in counted),
    }


def _costs(group: Sequence[Record]) -> dict[str, float]:
    seconds = [record.seconds for record in group if record.seconds is not None]
    return {
        "complexity_median": _median(record.complexity for record in group if record.complexity is not None),
        "seconds_median": _median(seconds),
        "seconds_total": math.fsum(seconds) if seconds else math.nan,
        "peak_memory_median": _median(record.peak_memory for record in group if record.peak_memory is not None),
    }


def _difference(first: dict[tuple[str, int], bool], second: dict[tuple[str, int], bool]) -> dict[str, Any]:
    outcomes = Counter((first[run], second[run]) for run in first.keys() & second.keys())
    cells = both, only_first, only_second, neither = [
        outcomes[pair] for pair in ((True, True), (True, False), (False, True), (False, False))
    ]
    low, high = paired_difference_interval(*cells)
    return {
        "pairs": sum(cells),
        "both": both,
        "only_first": only_first,
        "only_second": only_second,
        "neither": neither,
        "difference": _share(only_first - only_second, sum(cells)),
        "difference_low": low,
        "difference_high": high,
        "p_value": mcnemar_p_value(only_first, only_second),
    }


# -------------------------------------------------------------------------------------------------------------- helpers


def _unique(records: Iterable[Record]) -> list[Record]:
    """Sort the records by their run; raise if a run occurs twice."""
    ordered = sorted(records, key=attrgetter("key"))
    for one, other in pairwise(ordered):
        if one.key == other.key:
            run = ", ".join(f"{name} {value!r:.60}" for name, value in zip(_RUN, one.key, strict=True))
            raise ParameterError(f"records must hold each run once, got two of {run}; keep the last one of each")
    return ordered


def _grouped(records: Iterable[Record], names: tuple[str, ...]) -> Iterator[tuple[dict[str, Any], list[Record]]]:
    key = attrgetter(*names)
    for values, group in groupby(sorted(records, key=key), key):
        yield dict(zip(names, values, strict=True)), list(group)


def _quality(record: Record, value: float | None, worst: float) -> float:
    return worst if record.status != "ok" or value is None or math.isnan(value) else value


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _median(values: Iterable[float]) -> float:
    values = list(values)
    return float(median(values)) if values else math.nan


def _listed(records: Iterable[Record], columns: tuple[str, ...]) -> pd.DataFrame:
    return _table([{name: getattr(record, name) for name in columns} for record in records], columns)


def _table(rows: list[dict[str, Any]], columns: tuple[str, ...]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns))
