"""Every dependency has a reason, a hash and a licence that lets the product be given away."""

import re
import tomllib
from importlib.metadata import PackageNotFoundError, metadata

import pytest

from tests.house import files

REQUIREMENTS = files.ROOT / "requirements"
LOCKS = ("base", "dev", "demo", "spark")
COPYLEFT = re.compile(r"(?<![Ll])(?:\bA?GPL|GNU (?:Affero )?General Public)", re.IGNORECASE)
# Needed to set the product up, though the product never imports them.
SETTING_UP = {"babel", "flit-core"}


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def asked_for(lock: str) -> set[str]:
    """Return the packages that requirements/<lock>.in asks for itself."""
    found = set()
    for line in (REQUIREMENTS / f"{lock}.in").read_text("utf-8").splitlines():
        if name := re.match(r"[A-Za-z0-9][\w.-]*", line):
            found.add(canonical(name.group()))
    return found


def locked(text: str) -> dict[str, int]:
    """Return the pinned packages of a lock, with the number of hashes of each."""
    entries = re.split(r"^(?=[A-Za-z0-9])", text, flags=re.MULTILINE)
    pins = [(re.match(r"([\w.-]+)==\S+", entry), entry) for entry in entries]
    return {canonical(pin.group(1)): entry.count("--hash=sha256:") for pin, entry in pins if pin}


def lock(name: str) -> dict[str, int]:
    return locked((REQUIREMENTS / f"{name}.txt").read_text("utf-8"))


def explained() -> set[str]:
    """Return the first cells of the tables in docs/dependencies.md."""
    text = (files.ROOT / "docs" / "dependencies.md").read_text("utf-8")
    return {canonical(name) for name in re.findall(r"^\| `([^`]+)` \|", text, re.MULTILINE)}


def test_every_dependency_is_explained_and_nothing_else_is() -> None:
    assert explained() == set().union(*map(asked_for, LOCKS))


@pytest.mark.parametrize("name", LOCKS)
def test_every_line_of_a_lock_is_pinned_with_hashes(name: str) -> None:
    pins = lock(name)
    assert asked_for(name) <= set(pins)
    assert [package for package, hashes in pins.items() if not hashes] == []


def test_a_lock_names_no_index_and_no_folder() -> None:
    for name in LOCKS:
        text = (REQUIREMENTS / f"{name}.txt").read_text("utf-8")
        assert re.findall(r"://|^-|@ |^\s*/", text, re.MULTILINE) == [], name


def test_a_pin_without_a_hash_is_seen() -> None:
    assert locked("a==1\nb-c==2 ; python_version < '3.12' \\\n    --hash=sha256:00\n    # via a\n") == {
        "a": 0,
        "b-c": 1,
    }


def test_the_package_asks_for_what_the_lock_of_the_product_holds() -> None:
    project = tomllib.loads((files.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    asked = {canonical(re.match(r"[\w.-]+", each).group()) for each in project["dependencies"]}  # type: ignore[union-attr]
    assert asked == asked_for("base") - SETTING_UP


def test_all_locks_agree_on_versions() -> None:
    def versions(name: str) -> dict[str, str]:
        text = (REQUIREMENTS / f"{name}.txt").read_text("utf-8")
        return dict(re.findall(r"^([\w.-]+)==(\S+)", text, re.MULTILINE))

    base, dev = versions("base"), versions("dev")
    assert {name: (pin, dev.get(name)) for name, pin in base.items() if dev.get(name) != pin} == {}


def licence(name: str) -> str:
    try:
        about = metadata(name)
    except PackageNotFoundError:  # pinned for another platform
        return ""
    classifiers = [each for each in about.get_all("Classifier") or [] if each.startswith("License")]
    stated = [
        value.split("\n", 1)[0] for key in ("License-Expression", "License") for value in about.get_all(key) or []
    ]
    return " ".join([*stated, *classifiers])


def test_no_dependency_is_under_the_gpl_or_the_agpl() -> None:
    found = {name: licence(name) for each in LOCKS for name in lock(each) if COPYLEFT.search(licence(name))}
    assert found == {}


@pytest.mark.parametrize(
    ("stated", "refused"),
    [
        ("GPL-3.0-or-later", True),
        ("AGPL-3.0", True),
        ("License :: OSI Approved :: GNU General Public License v3 (GPLv3)", True),
        ("LGPL-3.0-only", False),
        ("GNU Lesser General Public License v3", False),
        ("MIT", False),
    ],
)
def test_a_licence_that_binds_the_product_is_seen(stated: str, refused: bool) -> None:
    assert bool(COPYLEFT.search(stated)) is refused
