"""Django's settings, from the environment.

`GREENLOOP_DATABASE_URL` names the database (default: an SQLite file in `GREENLOOP_HOME`, itself `./var` by default).
`GREENLOOP_SECRET_KEY` signs; without it a key of the process's own is made. `GREENLOOP_LANG` is `en` or `zh`.
"""

import os
import secrets
from pathlib import Path
from typing import Any

import dj_database_url

HOME = Path(os.environ.get("GREENLOOP_HOME", "var"))
SECRET_KEY = os.environ.get("GREENLOOP_SECRET_KEY") or secrets.token_urlsafe(48)
DEBUG = False
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "greenloop.store",
]
AUTH_USER_MODEL = "store.Account"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LANGUAGE_CODE = "zh-hans" if os.environ.get("GREENLOOP_LANG", "").startswith("zh") else "en"
LOCALE_PATHS = [Path(__file__).resolve().parent.parent / "locale"]


def database(url: str) -> dict[str, Any]:
    """Return Django's settings for the database at `url`.

    SQLite: WAL with synchronous=FULL, because WAL with NORMAL lost acknowledged commits under simulated power loss;
    write transactions begin IMMEDIATE, so two writers queue instead of failing on upgrade.
    """
    parsed: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=None))
    if parsed["ENGINE"] == "django.db.backends.sqlite3":
        parsed["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
            "PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=268435456; "
            "PRAGMA wal_autocheckpoint=4000",
        }
    return parsed


DATABASES = {
    "default": database(
        os.environ.get("GREENLOOP_DATABASE_URL", f"sqlite:///{(HOME / 'greenloop.sqlite3').absolute().as_posix()}")
    )
}
