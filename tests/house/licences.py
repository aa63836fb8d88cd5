"""The licences of everything that is installed, as the packages themselves state them.

`python -m tests.house.licences` writes docs/licences.md anew; a test compares it with what is installed.
"""

import re
from importlib.metadata import PackageNotFoundError, metadata

from tests.house import files
from tests.house.test_dependencies import LOCKS, lock

PAGE = files.ROOT / "docs" / "licences.md"
HEAD = """\
# Licences

Every package that the locks in `requirements/` install, with the licence that it states itself. `make licences` writes
this page, and a test compares it with what is installed; packages for other systems alone are not on it.

"""
TITLES = {
    "base": "The product runs on",
    "demo": "The demo reads",
    "dev": "Checks, tests and builds use",
}
SPDX = {
    "apache software license": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache license, version 2.0": "Apache-2.0",
    "apache 2.0": "Apache-2.0",
    "apache-2.0 license": "Apache-2.0",
    "mit license": "MIT",
    "the mit license (mit)": "MIT",
    "bsd license": "BSD",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "3-clause bsd license": "BSD-3-Clause",
    "new bsd license": "BSD-3-Clause",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "mpl 2.0": "MPL-2.0",
    "python software foundation license": "PSF-2.0",
    "gnu lesser general public license v3 (lgplv3)": "LGPL-3.0-only",
    "isc license (iscl)": "ISC",
    "bsd 2-clause license": "BSD-2-Clause",
}
READ = {
    "axe-playwright-python": "MIT, and MPL-2.0 for the axe-core inside",
    "django-csp": "BSD-3-Clause",
    "huey": "MIT",
    "jinja2": "BSD-3-Clause",
    "qrcode": "BSD-3-Clause",
    "sqlparse": "BSD-3-Clause",
}
"""Packages that state none, or not which of several: read in the licence files that they bring."""


def stated(name: str) -> str | None:
    """Return a package's licence in as few words as it can be said in, None if the package isn't installed here."""
    try:
        about = metadata(name)
    except PackageNotFoundError:
        return None
    if name in READ:
        return READ[name]
    if expression := about.get_all("License-Expression"):
        return str(expression[0])
    kinds = [each.split(" :: ")[-1] for each in about.get_all("Classifier") or [] if each.startswith("License :: ")]
    text = " and ".join(dict.fromkeys(short(kind) for kind in kinds if kind != "OSI Approved"))
    line = str((about.get_all("License") or [""])[0]).strip().split("\n", 1)[0]
    return text if text and (text != "BSD" or len(line) > 40 or not line) else short(line) or "not stated"


def short(kind: str) -> str:
    """Return the SPDX name of a licence that is called otherwise, where it is known."""
    return SPDX.get(re.sub(r"\s+", " ", kind).strip().lower(), kind.strip())


def page() -> str:
    """Return the page for what is installed."""
    text, seen = HEAD, set[str]()
    for name in (each for each in TITLES if each in LOCKS):
        rows = [(package, stated(package)) for package in sorted(set(lock(name)) - seen)]
        seen |= set(lock(name))
        text += f"## {TITLES[name]}\n\n| package | licence |\n|---|---|\n"
        text += "".join(f"| `{package}` | {licence} |\n" for package, licence in rows if licence) + "\n"
    return text.rstrip("\n") + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
