import os
import platform
import re

import joblib
import pytest

from kansym.comparison.machine import describe_machine


def test_it_says_system_processors_and_memory():
    text = describe_machine()
    assert text.startswith(platform.system())
    assert f", {joblib.cpu_count()} CPU" in text
    assert "\n" not in text
    assert re.search(r", \d+\.\d GiB$", text)


def test_a_system_that_does_not_tell_its_memory(monkeypatch):
    monkeypatch.delattr(os, "sysconf", raising=False)
    assert "GiB" not in describe_machine()
    assert "CPU" in describe_machine()


@pytest.mark.parametrize(("count", "words"), [(1, "1 CPU,"), (8, "8 CPUs,")])
def test_one_processor_is_not_several(monkeypatch, count, words):
    monkeypatch.setattr(joblib, "cpu_count", lambda: count)
    assert words in f"{describe_machine()},"
