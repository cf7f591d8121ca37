"""The commands that would make given records."""

from __future__ import annotations

import itertools
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from kansym.comparison.records import Record
from kansym.comparison.suites import load_suite, suite_names
from kansym.hints import plain_number, quote

__all__ = ["commands"]

_SETTING = ("noise", "rows", "dummies", "time_limit", "threads", "jobs", "memory_limit", "operators")


def commands(records: Sequence[Record]) -> list[str]:
    """Return commands that make such records: one for each setting and each choice of problems and methods.

    Suites that the same methods ran on whole share a command; where problems were picked out, they are named. Each
    command has a folder of its own for what it finds. Problems of the user's own belong to no suite that a command can
    name: a comment says so.

    Parameters
    ----------
    records : sequence of Record

    Examples
    --------
    >>> run = Record("nguyen", "Nguyen-1", "operon", 0, 0.0, 300, 0, 1, 4.0, 1, ("add",), "ok")
    >>> command, = commands([run])
    >>> command[:75]
    'kansym compare --suite nguyen --problems Nguyen-1 --methods operon --time-l'
    """
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(getattr(record, name) for name in _SETTING), []).append(record)
    lines = [line for _, group in sorted(groups.items(), key=lambda item: str(item[0])) for line in _lines(group)]
    if sum(line.startswith("kansym") for line in lines) == 1:
        return [f"{line} --out results" if line.startswith("kansym") else line for line in lines]
    numbers = itertools.count(1)
    return [f"{line} --out results-{next(numbers)}" if line.startswith("kansym") else line for line in lines]


def _lines(records: Sequence[Record]) -> list[str]:
    """Commands for records of one setting."""
    choices: dict[tuple[tuple[str, ...], tuple[str, ...], tuple[int, ...]], list[str]] = {}
    for suite in _distinct(record.suite for record in records):
        runs = [record for record in records if record.suite == suite]
        methods: dict[tuple[tuple[str, ...], tuple[int, ...]], list[str]] = {}
        for method in _distinct(record.method for record in runs):
            own = [record for record in runs if record.method == method]
            what = _picked(suite, own), tuple(_distinct(record.seed for record in own))
            methods.setdefault(what, []).append(method)
        for (picked, seeds), names in methods.items():
            choices.setdefault((tuple(names), picked, seeds), []).append(suite)
    return [
        line
        for (methods, picked, seeds), suites in choices.items()
        for line in _written(suites, methods, picked, seeds, records[0])
    ]


def _picked(suite: str, runs: Sequence[Record]) -> tuple[str, ...]:
    """Names of the problems if they are not all of the suite."""
    if suite not in suite_names():
        return ()
    names = {record.problem for record in runs}
    return () if names >= {problem.name for problem in load_suite(suite)} else tuple(sorted(names))


def _written(
    suites: Sequence[str], methods: Sequence[str], picked: Sequence[str], seeds: Sequence[int], like: Record
) -> list[str]:
    known = [suite for suite in suites if suite in suite_names()]
    own = [suite for suite in suites if suite not in known]
    lines = [f"# {quote(suite)}: problems of your own, by kansym.compare or --data" for suite in own]
    counted = tuple(seeds) == tuple(range(len(seeds)))
    options: list[tuple[str, Any, Any]] = [
        ("--suite", ",".join(known), ""),
        ("--problems", ",".join(picked), ""),
        ("--methods", ",".join(methods), ""),
        ("--time-limit", plain_number(like.time_limit), None),
        ("--seeds", len(seeds) if counted else 1, 1),
        ("--seed", "" if counted else ",".join(map(str, seeds)), ""),
        ("--noise", plain_number(like.noise), "0"),
        ("--rows", like.rows or "prescribed", None),
        ("--dummies", like.dummies, 0),
        ("--jobs", like.jobs, None if like.jobs is None else 1),
        ("--threads", like.threads, None),
        ("--memory-limit", None if like.memory_limit is None else plain_number(like.memory_limit), None),
        ("--operators", ",".join(like.operators), ""),
    ]
    words = ["kansym", "compare"]
    for option, value, usual in options:
        if value is not None and value != usual:
            words += [option, str(value)]
    return [*lines, shlex.join(words)] if known else lines


def _distinct(values: Iterable[Any]) -> list[Any]:
    return sorted(set(values))
