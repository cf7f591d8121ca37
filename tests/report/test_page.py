import base64
import hashlib
import re
import sys

import pytest

from kansym.errors import KansymError
from kansym.report.page import need, write_page


@pytest.mark.parametrize("module", ["jinja2", "matplotlib", "matplotlib.figure"])
def test_a_missing_package_is_one_sentence_with_the_remedy(monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    package = module.partition(".")[0]
    message = rf"a report needs {package}, which is not installed; pip install {package}"
    with pytest.raises(KansymError, match=message):
        need(module)


def test_what_is_there_is_imported():
    assert need("math").pi > 3


def test_halves_of_surrogate_pairs_can_be_written(tmp_path):
    write_page(tmp_path / "page.html", "a\ud800b°")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == "a?b°"


def test_the_policy_allows_one_script_and_no_requests(page_text):
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page_text)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].replace("&#39;", "'").split(";"))
    script = re.search(r"<script>(.*?)</script>", page_text, re.DOTALL)
    assert script is not None
    digest = base64.b64encode(hashlib.sha256(script[1].encode()).digest()).decode()
    assert rules["script-src"] == f"'sha256-{digest}'"
    assert rules["default-src"] == "'none'"
