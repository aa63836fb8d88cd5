"""How the installation is configured: keys, names, cookies, senders, and what Django itself warns of."""

from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core import checks
from django.utils.module_loading import import_string

from greenloop.core.faults import say
from greenloop.insight.deploy.finding import Finding
from greenloop.store.keys import LENGTH_MIN

CONSOLE = "greenloop.config.texts.ConsoleSender"
LOCAL = frozenset({"localhost", "127.0.0.1", "[::1]"})
_NAME_ONE = say("Name a sender of text messages in GREENLOOP_TEXTS.")
KEY_FILES = {"SECRET_KEY": "secret-key", "GREENLOOP_IDENTITY_KEY": "identity-key", "GREENLOOP_LOG_KEY": "log-key"}


def findings() -> Iterator[Finding]:
    """Look at the settings of this process."""
    yield from keys()
    yield from door()
    yield from senders()
    yield from framework()


def keys() -> Iterator[Finding]:
    """Look at the keys: long enough, kept, and readable by nobody else."""
    for name, file in KEY_FILES.items():
        variable = f"GREENLOOP_{name.removeprefix('GREENLOOP_')}"
        facts: dict[str, object] = {"key": variable, "least": LENGTH_MIN}
        if not getattr(settings, f"{name}_KEPT"):
            what = say("{key} is not kept: it was drawn for this process alone.")
            why = say("What it signed or sealed can't be read once this process ends.")
            yield Finding("keys.unkept", what, why, say("Run greenloop migrate, or set {key}."), facts)
        elif len(getattr(settings, name)) < LENGTH_MIN:
            what = say("{key} has fewer than {least} characters.")
            way_out = say("Draw a long one before anybody is enrolled: openssl rand -base64 48")
            yield Finding("keys.short", what, say("Short keys can be guessed."), way_out, facts)
        path = Path(settings.HOME) / file
        if path.exists() and (mode := path.stat().st_mode & 0o077):
            what = say("The file {path} can be read by others (mode {mode}).")
            why = say("Who reads the keys can sign in as anybody and open what is sealed.")
            told = facts | {"path": path, "mode": f"{0o600 | mode:03o}"}
            yield Finding("keys.readable", what, why, say("Let its owner alone read it: chmod 600 {path}"), told)


def door() -> Iterator[Finding]:
    """Look at what the world can reach, and how."""
    if settings.DEBUG:
        what, why = say("DEBUG is on."), say("Error pages would show settings and data to strangers.")
        yield Finding("debug.on", what, why, say("Take DEBUG out of the settings."))
    hosts = set(settings.ALLOWED_HOSTS)
    if hosts <= LOCAL or any("*" in host or host.startswith(".") for host in hosts):
        what = say("GREENLOOP_HOSTS doesn't name the hosts that the service answers to.")
        why = say("Links and cookies would be made for whatever name a request claims, or for this machine only.")
        yield Finding("hosts.unnamed", what, why, say("Set GREENLOOP_HOSTS to the names, apart by commas."))
    if not settings.HTTPS:
        what = say("GREENLOOP_HTTPS is off.")
        why = say("Keys, codes and cookies would travel in the clear.")
        way_out = say("Put a proxy that speaks HTTPS in front, and set GREENLOOP_HTTPS=yes.")
        yield Finding("https.off", what, why, way_out)
    if settings.GREENLOOP_HOOKS_TO_LOOPBACK:
        what = say("GREENLOOP_HOOKS_TO_LOOPBACK is on.")
        why = say("Who registers a webhook could let the service call this machine's own ports.")
        yield Finding("hooks.loopback", what, why, say("Leave it out; it is for trying receivers."))
    home = Path(settings.HOME)
    if home.exists() and home.stat().st_mode & 0o022:
        what = say("Others may write to {path}.")
        why = say("Who writes there can put a key or a style sheet of their own in its place.")
        yield Finding("home.open", what, why, say("Close it: chmod 750 {path}"), {"path": home})


def senders() -> Iterator[Finding]:
    """Look at who sends text messages, and who may read metrics."""
    if settings.GREENLOOP_TEXTS == CONSOLE:
        what = say("Sign-in codes are shown on the console.")
        why = say("Members can't sign in, and who reads the log can sign in as them.")
        yield Finding("texts.console", what, why, _NAME_ONE)
    elif reason := _unusable(settings.GREENLOOP_TEXTS):
        what = say("GREENLOOP_TEXTS names no sender of text messages that can be used: {reason}.")
        why = say("No code would be sent, so nobody could sign in by phone.")
        yield Finding("texts.unusable", what, why, _NAME_ONE, {"reason": reason})
    if len(settings.GREENLOOP_METRICS_TOKEN) < LENGTH_MIN:
        what = say("GREENLOOP_METRICS_TOKEN is not set, or has fewer than {least} characters.")
        why = say("A proxy on this machine that says nothing of whom it speaks for would show everybody the metrics.")
        way_out = say("Set a long token, and give it to the scraper as a bearer token.")
        yield Finding("metrics.token", what, why, way_out, {"least": LENGTH_MIN})


def _unusable(name: str) -> str:
    """Return why a sender can't be used, empty where it can. Its module is the operator's: anything may go wrong."""
    try:
        return "" if callable(getattr(import_string(name), "send", None)) else f"{name} has no send"
    except Exception as fault:  # noqa: BLE001
        return f"{name or '–'} ({type(fault).__name__})"


def framework() -> Iterator[Finding]:
    """Pass on what Django's own check of a deployment says, in its own words."""
    for found in checks.run_checks(include_deployment_checks=True, databases=["default"]):
        if not found.is_silenced():
            why = say("Django's own check of a deployment says so ({id}).")
            way_out = say("Change the setting that it names; GREENLOOP_HTTPS=yes sets most of them.")
            facts = {"id": found.id or "-", "said": found.msg, "hint": found.hint}
            yield Finding(f"django.{found.id}", "{said}", why, "{hint}" if found.hint else way_out, facts)
