"""The files for production are true: commands, options, paths and variables exist, and systemd takes the units."""

import json
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.house import files
from tests.house.test_docs import help_of, unknown_to_greenloop

DEPLOY = files.ROOT / "deploy"
UNITS = ("greenloop.service", "greenloop-worker.service", "greenloop-archive.service", "greenloop-keeper.service")
PROGRAM = "/srv/greenloop/.venv/bin/greenloop"
VARIABLE = re.compile(r"\bGREENLOOP_[A-Z_]+\b")
EXPOSURE_MAX = 2.5
SET_BY_THE_SERVER = {"GREENLOOP_ALONE", "GREENLOOP_SERVING", "GREENLOOP_CLOCK"}
NOT_FOR_PRODUCTION = SET_BY_THE_SERVER | {
    "GREENLOOP_HOOKS_TO_LOOPBACK",
    "GREENLOOP_HYPOTHESIS_EXAMPLES",
    "GREENLOOP_IDENTITY_KEY_KEPT",
    "GREENLOOP_KEY_FILES",
}


def unit(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


def containerfile() -> str:
    return (DEPLOY / "Containerfile").read_text("utf-8").replace("\\\n", " ")


def started(text: str) -> str:
    """Return what a unit starts, as one types it."""
    (line,) = re.findall(r"^ExecStart=(.+)$", text, re.MULTILINE)
    assert line.startswith(f"{PROGRAM} ")
    return str(line.replace(PROGRAM, "greenloop"))


@pytest.mark.parametrize("name", UNITS)
def test_a_unit_starts_a_command_that_exists_with_its_options(name: str) -> None:
    if help_of(started(unit(name)).split()[1]) is None:
        pytest.skip(f"{name} WAS NOT CHECKED: this release has no such command yet")
    assert unknown_to_greenloop(started(unit(name))) == []
    assert unknown_to_greenloop(started(unit(name)) + " --sugar 2") == ["--sugar"]


@pytest.mark.parametrize("name", UNITS)
def test_systemd_finds_nothing_wrong_with_a_unit_and_little_that_it_could_harm(name: str, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("THE UNITS WERE NOT VERIFIED: there is no systemd-analyze")
    # The program and its user are there only on a machine that was set up.
    here = re.sub(
        r"^(User|Group)=greenloop(?:-keeper)?$",
        r"\1=root",
        unit(name).replace(PROGRAM, "/bin/true"),
        flags=re.MULTILINE,
    )
    copy = tmp_path / name
    copy.write_text(here, "utf-8")
    verified = subprocess.run([analyze, "verify", copy], capture_output=True, text=True, check=False)
    assert (verified.returncode, verified.stderr) == (0, "")
    copy.write_text(unit(name), "utf-8")
    looked = subprocess.run(
        [analyze, "security", "--offline=yes", "--no-pager", copy], capture_output=True, text=True, check=False
    )
    told = re.search(r"exposure level .*: ([\d.]+)", looked.stdout)
    assert told, looked
    assert float(told.group(1)) <= EXPOSURE_MAX


def test_systemd_would_say_so_if_a_line_were_wrong(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("THE UNITS WERE NOT VERIFIED: there is no systemd-analyze")
    copy = tmp_path / "greenloop.service"
    copy.write_text(unit("greenloop.service").replace("NoNewPrivileges=yes", "NoNewPriviliges=yes"), "utf-8")
    told = subprocess.run([analyze, "verify", copy], capture_output=True, text=True, check=False)
    assert "NoNewPriviliges" in told.stderr


@pytest.mark.parametrize("name", ["greenloop.service", "greenloop-worker.service"])
def test_what_processes_count_lies_where_no_disk_fills_and_both_services_reach_it(name: str) -> None:
    folders = re.findall(r"^RuntimeDirectory=(.+)$", unit(name), re.MULTILINE)
    page = (files.ROOT / "docs" / "production.md").read_text("utf-8")
    assert f"PROMETHEUS_MULTIPROC_DIR=/run/{folders[0]}`" in page
    assert "RuntimeDirectoryPreserve=yes" in unit(name)


def read_by_the_product() -> set[str]:
    """Return the variables of the environment that the product reads."""
    found: set[str] = set()
    for path in files.modules("src"):
        text = path.read_text("utf-8")
        found |= set(re.findall(r"environ(?:\.get\(|\.setdefault\(|\[)\s*\"(GREENLOOP_[A-Z_]+)\"", text))
    return found


def test_the_example_of_an_environment_names_what_the_product_reads_and_nothing_else() -> None:
    units = {name for each in UNITS for name in VARIABLE.findall(unit(each))} | {"GREENLOOP_WORKERS"}
    named = set(VARIABLE.findall((DEPLOY / "environment").read_text("utf-8")))
    assert "GREENLOOP_DATABASE_URL" in read_by_the_product()
    assert named == (read_by_the_product() | units) - NOT_FOR_PRODUCTION


@pytest.mark.parametrize("page", ["operating.md", "production.md"])
def test_no_page_names_a_variable_that_nobody_reads(page: str) -> None:
    named = set(VARIABLE.findall((files.ROOT / "docs" / page).read_text("utf-8")))
    assert named - read_by_the_product() - {"GREENLOOP_WORKERS"} == set()


def test_the_units_read_the_environment_that_the_docs_name() -> None:
    page = (files.ROOT / "docs" / "production.md").read_text("utf-8")
    for name in UNITS:
        own = ["/etc/greenloop/keeper"] if name == "greenloop-keeper.service" else []
        assert re.findall(r"^EnvironmentFile=(.+)$", unit(name), re.MULTILINE) == ["/etc/greenloop/environment", *own]
        assert f"deploy/{name}" in page
    assert "/etc/greenloop/environment" in page
    assert PROGRAM in page


def test_the_image_copies_files_that_exist_and_installs_by_hashes_alone() -> None:
    sources = [
        word
        for line in re.findall(r"^COPY (?!--from)(.+)$", containerfile(), re.MULTILINE)
        for word in line.split()[:-1]
    ]
    assert sources
    assert [each for each in sources if not (files.ROOT / each).exists()] == []
    installs = re.findall(r"pip install ([^&\n]+)", containerfile())
    assert len(installs) == 2
    assert all("--require-hashes" in each or "--no-deps --no-build-isolation" in each for each in installs)


def test_the_image_starts_a_command_that_exists_as_nobody_in_particular() -> None:
    (entry,) = re.findall(r"^ENTRYPOINT (.+)$", containerfile(), re.MULTILINE)
    (command,) = re.findall(r"^CMD (.+)$", containerfile(), re.MULTILINE)
    assert json.loads(entry) == [PROGRAM]
    assert unknown_to_greenloop(" ".join(["greenloop", *json.loads(command)])) == []
    last_stage = containerfile().rpartition("\nFROM ")[2]
    assert re.findall(r"^USER (\d+)$", last_stage, re.MULTILINE) == ["10001"]
    (check,) = re.findall(r"^HEALTHCHECK .*CMD (.+)$", containerfile(), re.MULTILINE)
    compile(json.loads(check)[2], "healthcheck", "exec")


def test_the_image_s_python_is_one_that_the_product_takes() -> None:
    project = tomllib.loads((files.ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    versions = set(re.findall(r"^FROM docker\.io/library/python:([\d.]+)-slim", containerfile(), re.MULTILINE))
    assert {f">={each}" for each in versions} == {project["requires-python"]}
    assert "greenloop" in project["scripts"]


def test_the_image_says_that_it_has_not_been_built() -> None:
    assert "It has not been built" in containerfile().partition("\nFROM ")[0]


def test_the_proxy_names_one_address_and_hides_what_machines_ask() -> None:
    text = (DEPLOY / "nginx.conf").read_text("utf-8")
    assert "proxy_set_header X-Forwarded-For $remote_addr;" in text
    assert re.search(r"location ~ \^/\(metrics\|readyz\|healthz\)\$ \{\s+return 404;", text)
