"""The client's README is true: its first call is run against a served town, and prints what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

from tests.support.calling import till_of
from tests.support.databases import Database
from tests.support.serving import served
from tests.support.town import found_town

README = Path(__file__).parents[2] / "clients" / "python" / "README.md"
FENCE = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
PATIENCE_S = 60


def test_the_first_call_prints_what_the_readme_shows(database: Database, tmp_path: Path) -> None:
    found_town()
    token = till_of("baker").token
    fences = dict(FENCE.findall(README.read_text("utf-8")))
    known = {"GREENLOOP_IDENTITY_KEY": os.environ["GREENLOOP_IDENTITY_KEY"]}
    with served(database.url, tmp_path, [], "--no-clock", **known) as site:
        done = subprocess.run(
            [sys.executable, "-c", fences["python"]],
            env={"GREENLOOP_URL": site.base, "GREENLOOP_KEY": token, "PYTHONWARNINGS": "error"},
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_S,
        )
    assert done.returncode == 0, done.stderr
    assert done.stdout == fences["text"]
