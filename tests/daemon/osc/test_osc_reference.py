from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from daemon.osc.addresses import build_addresses
from daemon.osc.reference import reference

PAGE = Path(__file__).parents[3] / "docs" / "osc.md"


def test_the_page_is_up_to_date():
    assert PAGE.read_text() == reference(), "run: python -m daemon.osc.reference > docs/osc.md"


def test_the_page_names_every_address():
    page = reference()
    assert [path for path in build_addresses() if f"| `{path}` |" not in page] == []


def test_the_module_prints_the_page():
    printed = subprocess.run(
        [sys.executable, "-m", "daemon.osc.reference"],
        capture_output=True,
        text=True,
        check=True,
        cwd=PAGE.parents[1],
    )
    assert printed.stdout == reference()
