"""The commands read back by the parser of the command line make the runs that they were written from."""

from __future__ import annotations

import argparse
import shlex
from dataclasses import replace

import pytest

from kansym.cli.compare import add_compare
from kansym.comparison.records import Record
from kansym.comparison.suites import load_suite
from kansym.report.commands import commands


def read(command: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_compare(parser.add_subparsers())
    words = shlex.split(command)
    assert words[0] == "kansym"
    return parser.parse_args(words[1:])


def record(**changes) -> Record:
    usual = Record("nguyen", "Nguyen-1", "operon", 0, 0.0, 300, 0, 1, 4.0, 1, ("add", "mul"), "ok", jobs=2)
    return replace(usual, **changes)


def whole(suite: str, method: str, **changes) -> list[Record]:
    return [record(suite=suite, problem=problem.name, method=method, **changes) for problem in load_suite(suite)]


def test_whole_suites_share_a_command_and_name_no_problem():
    found = commands([*whole("nguyen", "kansym"), *whole("nguyen", "operon"), *whole("strogatz", "kansym")])
    first, second = map(read, found)
    assert (first.suite, first.methods, first.problems) == (["nguyen"], ["kansym,operon"], None)
    assert (second.suite, second.methods, second.problems) == (["strogatz"], ["kansym"], None)
    assert (first.jobs, first.threads, first.time_limit, first.rows) == (2, 1, 4.0, 300)


def test_a_method_that_ran_on_some_problems_gets_a_command_that_names_them():
    found = commands([*whole("nguyen", "kansym"), record(method="pykan"), record(method="pykan", problem="Nguyen-4")])
    assert [(command.methods, command.problems) for command in map(read, found)] == [
        (["kansym"], None),
        (["pykan"], ["Nguyen-1,Nguyen-4"]),
    ]


@pytest.mark.parametrize(
    ("changes", "option", "value"),
    [
        ({"rows": 0}, "rows", "prescribed"),
        ({"memory_limit": 512.0}, "memory_limit", 512.0),
        ({"noise": 0.01}, "noise", 0.01),
        ({"noise": 0.012345678}, "noise", 0.012345678),
        ({"memory_limit": 9_216_000.4}, "memory_limit", 9_216_000.4),
        ({"time_limit": 1 / 3}, "time_limit", 1 / 3),
        ({"dummies": 3}, "dummies", 3),
        ({"threads": 4}, "threads", 4),
    ],
)
def test_every_setting_is_read_back(changes, option, value):
    (command,) = commands([record(**changes)])
    assert getattr(read(command), option) == value


def test_seeds_are_counted():
    (command,) = commands([record(seed=seed) for seed in range(3)])
    assert read(command).seeds == 3


@pytest.mark.parametrize("seeds", [[7], [1, 2], [0, 2, 9]])
def test_seeds_that_do_not_count_from_zero_are_named(seeds):
    (command,) = commands([record(seed=seed) for seed in seeds])
    assert (read(command).seed, read(command).seeds) == (seeds, None)


def test_each_command_has_a_folder_of_its_own():
    found = commands([record(), record(rows=20), record(suite="mine")])
    assert [str(read(line).out) for line in found if not line.startswith("#")] == ["results-1", "results-2"]
    assert str(read(commands([record()])[0]).out) == "results"


def test_names_are_quoted_for_the_shell():
    (command,) = commands([record(method="my method; rm x")])
    assert "--methods 'my method; rm x'" in command
    assert commands([record(suite="mine\nrm x")])[0].startswith("# 'mine\\nrm x'")


def test_problems_of_the_user_are_a_comment():
    assert commands([record(suite="table", problem="mine")]) == [
        "# 'table': problems of your own, by kansym.compare or --data"
    ]
