"""The files of the project, as the rules read them."""

import ast
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "greenloop"
MADE = {"mutants", "var", "__pycache__"}
MADE_SUFFIXES = {".mo", ".pyc"}
OUR_DOTS = {".ci", ".editorconfig", ".gitignore"}


@cache
def project_files() -> tuple[Path, ...]:
    """Return every file that is or may be committed: what git doesn't ignore, or all files where there is no git."""
    git = shutil.which("git")
    if git and (ROOT / ".git").exists():
        listing = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run([git, *listing], cwd=ROOT, check=True, capture_output=True, text=True).stdout
        found = [ROOT / name for name in names.split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not _is_made(path)]
    return tuple(sorted(path for path in found if path.is_file()))


def _is_made(path: Path) -> bool:
    parts = path.relative_to(ROOT).parts
    hidden = [part for part in parts if part.startswith(".") and part not in OUR_DOTS]
    return bool(hidden or MADE.intersection(parts) or path.suffix in MADE_SUFFIXES)


def text_files() -> Iterator[tuple[Path, str]]:
    """Yield every committed file that is text, with its text."""
    for path in project_files():
        try:
            yield path, path.read_text("utf-8")
        except UnicodeDecodeError:
            continue


def modules(*folders: str) -> list[Path]:
    """Return the Python files under these folders of the project, or of the whole project."""
    under = [ROOT / folder for folder in folders] or [ROOT]
    return [
        path
        for path in project_files()
        if path.suffix == ".py" and any(path.is_relative_to(folder) for folder in under)
    ]


def named(path: Path) -> str:
    """Return the file's name as people write it, from the top of the project."""
    return path.relative_to(ROOT).as_posix()


@cache
def tree(path: Path) -> ast.Module:
    """Return the module's syntax tree."""
    return ast.parse(path.read_text("utf-8"), named(path))


def is_migration(path: Path) -> bool:
    """Say whether Django wrote the file: its shape isn't ours."""
    return path.parent.name == "migrations"
