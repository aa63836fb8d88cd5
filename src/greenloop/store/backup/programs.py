"""PostgreSQL's own programs: where they are, and running them with a list of words, never through a shell."""

import os
import pwd
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from greenloop.core.faults import Refusal, say

PLACES = ("/usr/lib/postgresql/{major}/bin", "/usr/pgsql-{major}/bin", "/usr/local/pgsql/bin")
ROOT = 0


@dataclass(frozen=True, slots=True)
class Source:
    """The database that is archived: how PostgreSQL's programs reach it. The password goes by their environment."""

    conninfo: str
    password: str
    major: int

    @property
    def environment(self) -> Mapping[str, str]:
        """Return the environment of a program that connects."""
        return {**os.environ, **({"PGPASSWORD": self.password} if self.password else {}), "LC_MESSAGES": "C"}


def folder(major: int) -> Path:
    """Return the folder of one version's programs.

    :raises Refusal: they aren't on this machine.
    """
    on_path = [Path(found).resolve().parent for name in ("postgres", "pg_ctl") if (found := shutil.which(name))]
    for place in [*on_path, *(Path(each.format(major=major)) for each in PLACES)]:
        if (place / "postgres").is_file() and _major(place) == major:
            return place
    message = say(
        "The programs of PostgreSQL {major} aren't on this machine: the server's and its client's. Install them "
        "(on Debian: apt-get install postgresql-{major}), or put their folder on the PATH."
    )
    raise Refusal("backup.programs", message, field="PATH", major=major)


def _major(place: Path) -> int:
    command = [str(place / "postgres"), "--version"]
    said = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603  as below  # nosec B603
    found = re.search(r"\) (\d+)", said.stdout)
    return int(found[1]) if found else 0


def run(words: Sequence[object], *, environment: Mapping[str, str] | None = None) -> None:
    """Run one program to its end.

    :raises Refusal: it fails; what it said is the reason.
    """
    done = subprocess.run(  # noqa: S603  no shell, words of ours  # nosec B603
        list(map(str, words)), env=environment, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise failed(words[0], done.stderr)


def told(words: Sequence[object], *, environment: Mapping[str, str], hear: Callable[[str], None]) -> None:
    """Run one program to its end and hand each line that it says to `hear`.

    :raises Refusal: it fails; the last that it said is the reason.
    """
    last = ""
    with subprocess.Popen(  # noqa: S603  no shell, words of ours  # nosec B603
        list(map(str, words)), env=environment, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, text=True
    ) as running:
        for line in running.stderr or ():
            hear(line)
            last = line if line.strip() else last
    if running.returncode:
        raise failed(words[0], last)


def failed(program: object, said: str) -> Refusal:
    """Return what to tell people of a program that failed."""
    message = say("{program} failed: {reason}")
    reason = " ".join(said.split())[-600:]
    return Refusal("backup.failed", message, program=Path(str(program)).name, reason=reason)


def owner(name: str | None) -> Mapping[str, Any]:
    """Return as whom a server has to run, as `subprocess` takes it: PostgreSQL's refuses to run as root.

    :raises Refusal: there is no such user, or only root may become somebody else.
    """
    if os.geteuid() != ROOT:
        if name is not None and name != pwd.getpwuid(os.geteuid()).pw_name:
            message = say("Only root may run the server as somebody else. Leave --as out, or start this as {user}.")
            raise Refusal("backup.owner", message, field="--as", user=name)
        return {}
    try:
        found = pwd.getpwnam(name or "postgres")
    except KeyError:
        found = None
    if found is None or found.pw_uid == ROOT:
        message = say(
            "PostgreSQL's server doesn't run as root. Name the user it is to run as with --as, or run this as it."
        )
        raise Refusal("backup.owner", message, field="--as")
    return {"user": found.pw_uid, "group": found.pw_gid, "extra_groups": []}
