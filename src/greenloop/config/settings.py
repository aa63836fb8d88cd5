"""Django's settings, from the environment.

`GREENLOOP_DATABASE_URL` names the database (default: an SQLite file in `GREENLOOP_HOME`, itself `./var` by default).
`GREENLOOP_SECRET_KEY` signs, `GREENLOOP_IDENTITY_KEY` seals who people are, `GREENLOOP_LOG_KEY` signs the public log;
keys that the environment doesn't name are kept in `GREENLOOP_HOME`, where `greenloop migrate` writes them once.
`GREENLOOP_LOG_ORIGIN` is the log's name, and `GREENLOOP_LOG_FOLDER` where the clock publishes it for another server.
`GREENLOOP_TRUST_URL` names the trust book's own database (default beside an SQLite file: one of its own).
`GREENLOOP_READER_URL` names the same database with the credentials of a role that only reads.
`GREENLOOP_INSTITUTION` names the payment institution, and `GREENLOOP_INSTITUTION_SECRET` what is shared with it.
`GREENLOOP_LANG` is `en` or `zh`. `GREENLOOP_HOSTS` names the hosts that pages answer to, apart by commas, and
`GREENLOOP_HTTPS=yes` says that they are reached over HTTPS. `GREENLOOP_TEXTS` is the sender of text messages.
`GREENLOOP_CALLS_PER_SECOND` is how often a caller of the API may call, 1000 without it.
`GREENLOOP_HOOKS_TO_LOOPBACK=yes` lets events be sent to this machine.
`GREENLOOP_LOG_LEVEL` and `GREENLOOP_LOG_FORMAT` are `logs`'s. `GREENLOOP_METRICS_TOKEN` is the scraper's, and
`GREENLOOP_DECLARATION` the operator's file; `GREENLOOP_ARCHIVE` is the archive's folder.
"""

import os
from pathlib import Path
from typing import Any

import dj_database_url
from csp.constants import NONCE, NONE, SELF

from greenloop.config import logs
from greenloop.store import keys

HOME = Path(os.environ.get("GREENLOOP_HOME", "var"))
SECRET_KEY, SECRET_KEY_KEPT = keys.found(HOME / "secret-key", os.environ.get("GREENLOOP_SECRET_KEY"))
GREENLOOP_IDENTITY_KEY, GREENLOOP_IDENTITY_KEY_KEPT = keys.found(
    HOME / "identity-key", os.environ.get("GREENLOOP_IDENTITY_KEY")
)
GREENLOOP_LOG_KEY, GREENLOOP_LOG_KEY_KEPT = keys.found(HOME / "log-key", os.environ.get("GREENLOOP_LOG_KEY"))
GREENLOOP_KEY_FILES = {
    name: HOME / file
    for name, file, kept in (
        ("SECRET_KEY", "secret-key", SECRET_KEY_KEPT),
        ("GREENLOOP_IDENTITY_KEY", "identity-key", GREENLOOP_IDENTITY_KEY_KEPT),
        ("GREENLOOP_LOG_KEY", "log-key", GREENLOOP_LOG_KEY_KEPT),
    )
    if not kept
}
"""Where keys that this process drew are to be kept."""

DEBUG = False
HTTPS = os.environ.get("GREENLOOP_HTTPS", "").lower() in {"yes", "true", "1"}
ALLOWED_HOSTS = [name for name in os.environ.get("GREENLOOP_HOSTS", "").split(",") if name] or [
    *("localhost", "127.0.0.1", "[::1]"),
]
ROOT_URLCONF = "greenloop.config.urls"
WSGI_APPLICATION = "greenloop.config.wsgi.application"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "allauth.account",
    "allauth.mfa",
    "axes",
    "csp",
    "django_htmx",
    "ninja",
    "greenloop.store",
    "greenloop.web",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "csp.middleware.CSPMiddleware",
    "greenloop.web.following.FollowingMiddleware",
    "greenloop.api.door.DoorMiddleware",
    "greenloop.web.refusals.ReadableMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "greenloop.web.acting.ActingMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "axes.middleware.AxesMiddleware",
    "greenloop.web.clock.LocalTimeMiddleware",
    "greenloop.web.looking.LookingMiddleware",
    "greenloop.web.refusals.RefusalMiddleware",
]
# Jinja comes first: allauth's pages are ours where we have one of the same name.
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.jinja2.Jinja2",
        "DIRS": [Path(__file__).resolve().parent.parent / "web" / "templates"],
        "APP_DIRS": False,
        "OPTIONS": {"environment": "greenloop.web.page.environment"},
    },
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    },
]

# --- people ---------------------------------------------------------------------------------------------------------

AUTH_USER_MODEL = "store.Account"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "greenloop.config.accounts.StaffBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = "front"

# The proxy that speaks HTTPS names whom it speaks for; else all people would share one count of attempts.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if HTTPS else 0
ACCOUNT_ADAPTER = "greenloop.config.accounts.AccountAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_USER_MODEL_EMAIL_FIELD = None
ACCOUNT_LOGIN_METHODS = {"phone"}
ACCOUNT_SIGNUP_FIELDS = ["phone*"]
ACCOUNT_EMAIL_VERIFICATION = "none"
ACCOUNT_LOGIN_BY_CODE_ENABLED = True
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 300
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 3
ACCOUNT_LOGIN_BY_CODE_SUPPORTS_RESEND = True
ACCOUNT_PHONE_VERIFICATION_CODE_FORMAT = {"numeric": True, "dashed": False, "length": 6}
# A number's codes a day times three guesses each: a chance of 1 in 16 000 a day for who tries them all. The guesses are
# counted as well: those that come at once would all be taken for the first of their code.
ACCOUNT_RATE_LIMITS = {
    "request_login_code": "20/m/ip,3/m/key,20/d/key",
    "confirm_login_code": "30/m/ip,10/600s/key,60/d/key",
}
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_REAUTHENTICATION_TIMEOUT = 600
MFA_ADAPTER = "greenloop.config.accounts.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Greenloop"
MFA_TRUST_ENABLED = False
MFA_TOTP_TOLERANCE = 1

AXES_HANDLER = "axes.handlers.cache.AxesCacheHandler"
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = 0.25
AXES_LOCKOUT_PARAMETERS = ["username"]
AXES_RESET_ON_SUCCESS = True
# Names are closed, not addresses: a whole office shares one. Addresses have a limit of their own, 30 tries a minute.
# HTTPS is asked for our own name alone, and that name is on no browser's list: its neighbours aren't ours to bind.
SILENCED_SYSTEM_CHECKS = ["axes.W006", "security.W005", "security.W021"]
AXES_USERNAME_FORM_FIELD = "name"
AXES_USERNAME_CALLABLE = "greenloop.config.accounts.counted_by"
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_VERBOSE = False
AXES_LOCKOUT_CALLABLE = "greenloop.web.people.sign_in.locked_out"

SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_SERIALIZER = "greenloop.store.sealed.SealedSerializer"
SESSION_COOKIE_AGE = 12 * 3600
SESSION_COOKIE_NAME = "greenloop"
SESSION_COOKIE_SECURE = HTTPS
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_SECURE = HTTPS
CSRF_COOKIE_HTTPONLY = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
CSRF_FAILURE_VIEW = "greenloop.web.refusals.csrf_failed"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
CACHES = {
    "default": {
        "BACKEND": "greenloop.store.counters.CounterCache",
        "LOCATION": "cache",
        "KEY_FUNCTION": "greenloop.store.sealed.cache_key",
    }
}

# --- what a browser may do ------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [NONCE],
        "style-src": [SELF],
        "img-src": [SELF],
        "font-src": [NONE],
        "connect-src": [SELF],
        "form-action": [SELF],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "manifest-src": [SELF],
    }
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_SSL_REDIRECT = HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if HTTPS else None
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS else 0

STATIC_URL = "/static/"
STATIC_ROOT = HOME / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MANIFEST_STRICT = False
WHITENOISE_KEEP_ONLY_HASHED_FILES = True

LOGGING = logs.settings()

# --- time and language ----------------------------------------------------------------------------------------------

DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
USE_I18N = True
LANGUAGES = [("en", "English"), ("zh-hans", "简体中文")]
LANGUAGE_CODE = "zh-hans" if os.environ.get("GREENLOOP_LANG", "").startswith("zh") else "en"
LANGUAGE_COOKIE_SAMESITE = "Lax"
LANGUAGE_COOKIE_SECURE = HTTPS
LANGUAGE_COOKIE_AGE = 31_536_000
LOCALE_PATHS = [Path(__file__).resolve().parent.parent / "locale"]

# Who scrapes /metrics names it; without one, only this machine itself is answered there.
GREENLOOP_METRICS_TOKEN = os.environ.get("GREENLOOP_METRICS_TOKEN", "")
# Calls a second that one key, or somebody who has signed in, may make at one process on end.
_calls = os.environ.get("GREENLOOP_CALLS_PER_SECOND", "")
GREENLOOP_CALLS_PER_SECOND = int(_calls) if _calls.isascii() and _calls.isdigit() and int(_calls) else 1_000
# Where `greenloop backup --follow` archives to, so that probes and checks can see whether it keeps up.
GREENLOOP_ARCHIVE = os.environ.get("GREENLOOP_ARCHIVE", "")
# The trust book's own database, apart from the business's, with the credentials of its keeper or of a reader.
GREENLOOP_TRUST_URL = os.environ.get("GREENLOOP_TRUST_URL", "")
# The business database by a role that may only select, for requests of auditors and regulators; empty, their own
# connections are read-only with the ordinary role.
GREENLOOP_READER_URL = os.environ.get("GREENLOOP_READER_URL", "")
# The public log's name, which stays once a checkpoint is signed; and the folder that it is published to each hour.
GREENLOOP_LOG_ORIGIN = os.environ.get("GREENLOOP_LOG_ORIGIN") or f"{ALLOWED_HOSTS[0].lstrip('.*') or 'greenloop'}/log"
GREENLOOP_LOG_FOLDER = os.environ.get("GREENLOOP_LOG_FOLDER", "")
# The payment institution: sandbox+http://… with a secret that both sides share, or wechat: and the path of a file.
GREENLOOP_INSTITUTION = os.environ.get("GREENLOOP_INSTITUTION", "")
GREENLOOP_INSTITUTION_SECRET = os.environ.get("GREENLOOP_INSTITUTION_SECRET", "")
# What no software can check, declared by the operator in a file: licence, payment contract, counsel's opinion.
GREENLOOP_DECLARATION = os.environ.get("GREENLOOP_DECLARATION", "")
# Where members complain, as the page of disclosures says it: a phone number, an address, hours.
GREENLOOP_SERVICE_DESK = os.environ.get("GREENLOOP_SERVICE_DESK", "")
# Whether events may be sent to this machine itself, over http: while a receiver is being written, never for real.
GREENLOOP_HOOKS_TO_LOOPBACK = os.environ.get("GREENLOOP_HOOKS_TO_LOOPBACK", "").lower() in {"yes", "true", "1"}
GREENLOOP_TEXTS = os.environ.get("GREENLOOP_TEXTS", "greenloop.config.texts.ConsoleSender")


POOL = 16
"""Connections of one serving process to PostgreSQL at most: a few writers' and readers' own, the rest for pages."""


def database(url: str) -> dict[str, Any]:
    """Return Django's settings for the database at `url`.

    SQLite: WAL with synchronous=FULL, because WAL with NORMAL lost acknowledged commits under simulated power loss;
    write transactions begin IMMEDIATE, so two writers queue instead of failing on upgrade; what is deleted is written
    over, so that nothing of a destroyed key stays in the file (G15).
    """
    parsed: dict[str, Any] = dict(dj_database_url.parse(url, conn_max_age=None, conn_health_checks=True))
    serving = "GREENLOOP_SERVING" in os.environ
    if serving:
        # Many threads wait in a server, and few use the database at a time: none keeps a connection to itself.
        parsed["CONN_MAX_AGE"] = 0
    if serving and parsed["ENGINE"] == "django.db.backends.postgresql":
        parsed["CONN_HEALTH_CHECKS"] = False
        parsed.setdefault("OPTIONS", {})["pool"] = {"min_size": 1, "max_size": POOL, "timeout": 10}
    if parsed["ENGINE"] == "django.db.backends.postgresql":
        # Statements are short: one that the planner takes for long is compiled for 200 ms and runs for 0.2 (measured).
        options = parsed.setdefault("OPTIONS", {})
        options["options"] = f"-c jit=off {options.get('options', '')}".strip()
    if parsed["ENGINE"] == "django.db.backends.sqlite3":
        parsed["OPTIONS"] = {
            "transaction_mode": "IMMEDIATE",
            "timeout": 30,
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; "
            "PRAGMA secure_delete=ON; PRAGMA cache_size=-65536; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=268435456; "
            "PRAGMA wal_autocheckpoint=4000",
        }
    return parsed


DATABASES = {
    "default": database(
        os.environ.get("GREENLOOP_DATABASE_URL", f"sqlite:///{(HOME / 'greenloop.sqlite3').absolute().as_posix()}")
    )
}
