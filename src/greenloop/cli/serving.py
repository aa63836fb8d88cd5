"""Serving the pages."""

import logging
import multiprocessing
import os
from typing import Annotated

import typer

from greenloop.cli import database
from greenloop.cli.answer import DONE, Answer, screen
from greenloop.cli.app import YEAR, command
from greenloop.cli.listening import sole
from greenloop.cli.words import gettext
from greenloop.core.faults import Refusal, say
from greenloop.services.sharing import share_measures

HOST, PORT = "127.0.0.1", 8000
LOOPBACK = ("127.0.0.1", "localhost", "::1")
THREADS = 64
"""Most of them wait: for the batch that their order is part of."""
PATIENCE_S = 3
"""How long answers under way may take once the server is stopped. Without it, a browser that keeps its connection open
keeps the server from ending."""
NAMED = "greenloop serve"
"""What `ps` calls the processes; a worker's number follows."""
CONSOLE = "greenloop.config.texts.ConsoleSender"


@command("serve", panel=YEAR, help=say("Serve the pages until Ctrl-C."))
def serve(
    host: Annotated[str, typer.Option("--host", help=say("The address to listen on."))] = HOST,
    port: Annotated[int, typer.Option("--port", help=say("The port to listen on."), min=1, max=65535)] = PORT,
    workers: Annotated[
        int, typer.Option("--workers", help=say("Processes; more than one wants PostgreSQL."), min=1, max=64)
    ] = 1,
    clock: Annotated[
        bool, typer.Option("--clock/--no-clock", help=say("With SQLite, also do what the clock asks for."))
    ] = True,
) -> Answer:
    """Serve the database in use."""
    database.reading()
    return serve_on(host, port, workers, clock=clock)


def serve_on(host: str = HOST, port: int = PORT, workers: int = 1, *, clock: bool = True) -> Answer:
    """Serve until Ctrl-C, as the one writer of an SQLite file.

    :raises Refusal: SQLite with several processes, codes that strangers would see, a port that is taken, or another
        writer.
    """
    from django.conf import settings

    if workers > 1 and database.file() is not None:
        message = say("SQLite has one writing process. Leave --workers at 1, or use PostgreSQL.")
        raise Refusal("serve.workers", message, field="--workers")
    if settings.GREENLOOP_TEXTS == CONSOLE and host not in LOOPBACK:
        message = say(
            "Sign-in codes would be shown on this console while others can reach the pages. Name a sender of text "
            "messages in GREENLOOP_TEXTS, or listen on 127.0.0.1."
        )
        raise Refusal("serve.texts", message, field="--host")
    if workers > 1:
        share_measures(settings.HOME)
    if clock and database.file() is not None:
        os.environ["GREENLOOP_CLOCK"] = "yes"
    if workers == 1:
        os.environ["GREENLOOP_ALONE"] = "yes"
    with sole(host, port), database.alone():
        _prepare()
        out = screen(stderr=True)
        out.print(gettext("Serving on http://{host}:{port} until Ctrl-C.").format(host=host, port=port))
        _granian(host, port, workers)
    return Answer({"served": f"http://{host}:{port}"}, code=DONE)


def check_port() -> None:
    """Accept that the usual port will be served, before work begins that ends in serving.

    :raises Refusal: it is taken.
    """
    with sole(HOST, PORT):
        pass


def _prepare() -> None:
    """Put what browsers load in one place, under names that change with it; drop old sessions; hand on the keys."""
    from django.conf import settings
    from django.core.management import call_command

    call_command("collectstatic", verbosity=0, interactive=False, clear=False)
    call_command("clearsessions", verbosity=0)
    os.environ.setdefault("GREENLOOP_SECRET_KEY", settings.SECRET_KEY)
    os.environ.setdefault("GREENLOOP_IDENTITY_KEY", settings.GREENLOOP_IDENTITY_KEY)
    if settings.GREENLOOP_LOG_KEY_KEPT:  # one that isn't signs nothing, there either
        os.environ.setdefault("GREENLOOP_LOG_KEY", settings.GREENLOOP_LOG_KEY)
    os.environ["GREENLOOP_SERVING"] = "yes"


def _granian(host: str, port: int, workers: int) -> None:
    from django.db import connections
    from granian import Granian
    from granian.constants import Interfaces
    from granian.log import LogLevels

    connections.close_all()
    # Each process starts afresh: a fork would keep this one's settings, without the pool of connections that serving
    # has, and would leave without what is registered for its end (until Python 3.13).
    multiprocessing.set_start_method("spawn", force=True)
    server = Granian(
        "greenloop.config.wsgi:application",
        address=host,
        port=port,
        interface=Interfaces.WSGI,
        workers=workers,
        blocking_threads=THREADS,
        log_level=LogLevels.warning,
        websockets=False,
        workers_kill_timeout=PATIENCE_S,
        process_name=NAMED,
    )
    # It warns of more threads than processors do work for; ours are meant, see THREADS.
    logging.getLogger("_granian").addFilter(lambda line: "Python threads" not in line.getMessage())
    server.serve()
