"""The clock's work: which verb does which task, and one tick, which does all that is due."""

import json
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, date, datetime
from threading import Event, Thread
from time import perf_counter
from typing import NoReturn

from django.db import connection

from greenloop.cli.public_log import sign_and_publish
from greenloop.core.faults import Breach, Refusal, breach
from greenloop.insight import trust_proofs
from greenloop.insight.check import check as prove
from greenloop.services import clockwork, measures
from greenloop.services.books.checked import keep_check
from greenloop.services.books.fees import transfer_fees
from greenloop.services.books.institution import named
from greenloop.services.books.payout import pay_out
from greenloop.services.books.reconcile import reconcile
from greenloop.services.books.reconciling.fetching import fetch_statements
from greenloop.services.ids import ClockBehind
from greenloop.services.loop.claim import lapse
from greenloop.services.loop.expire import expire
from greenloop.services.loop.notice import give_notice
from greenloop.services.loop.settle import settle
from greenloop.services.loop.vest import vest
from greenloop.services.outbox.forget import forget
from greenloop.services.people.forget import list_forgotten
from greenloop.services.trust.acting import SCHEDULER, acting
from greenloop.services.trust.roots import build, publish_root
from greenloop.store.queries import clockwork as slots
from greenloop.store.queries import concentration
from greenloop.store.queries.clockwork import BREACH, Slot

log = logging.getLogger("greenloop.clock")
SEEN_EVERY_S = 60
Outcome = Mapping[str, object]
Work = Callable[[str, datetime], Outcome]


def _vest(slot: str, at: datetime) -> Outcome:
    found = vest(cycle=int(slot), at=at)
    return {"orders": found.orders, "concession_fen": found.concession_fen}


def _settle(slot: str, at: datetime) -> Outcome:
    # Nothing vested where all orders were held: what was released since still can, and settling waits for it.
    vest(cycle=int(slot), at=at)
    run = settle(cycle=int(slot), at=at, by=SCHEDULER)
    return {"state": run.state, "issued_fen": run.issued_fen}


def _fees(slot: str, at: datetime) -> Outcome:
    return {"moved_fen": transfer_fees(cycle=int(slot), at=at)}


def _root(slot: str, at: datetime) -> Outcome:
    row = publish_root(built=build(cycle=int(slot), at=at), at=now())
    sign_and_publish(at=now())  # no proof is given out before a signed checkpoint covers its root
    return {"root": row.root_hash, "holders": row.holders, "total_fen": row.total_fen}


def _expire(slot: str, at: datetime) -> Outcome:
    del slot
    vouchers_fen = coupons_fen = 0
    more = True
    while more:
        gone = expire(at=at)
        vouchers_fen, coupons_fen, more = vouchers_fen + gone.voucher_fen, coupons_fen + gone.coupon_fen, gone.more
    return {"voucher_fen": vouchers_fen, "coupon_fen": coupons_fen}


def _pay_out(slot: str, at: datetime) -> Outcome:
    paid = pay_out(business_date=date.fromisoformat(slot), at=at)
    return {"merchants": len(paid), "paid_fen": sum(paid.values())}


def _reconcile(slot: str, at: datetime) -> Outcome:
    del slot
    found = reconcile(by=SCHEDULER, at=at)
    if found.differences:
        named = ", ".join(pair.account for pair in found.differences)
        _alarm(f"control accounts differ from their subledgers: {named}")
    return {"accounts": len(found.pairs)}


def _statement(slot: str, at: datetime) -> Outcome:
    gateway = named.gateway()
    if gateway is None:
        return {"taken": 0}
    today = date.fromisoformat(slot)
    found = fetch_statements(gateway=gateway, institution=named.called(), today=today, by=SCHEDULER, at=at)
    return {
        "taken": found.statements,
        "lines": found.lines,
        "orders": found.orders,
        "confirmed_fen": found.confirmed_fen,
    }


def _check(slot: str, at: datetime) -> Outcome:
    del slot, at
    begun = perf_counter()
    proofs = prove()
    broken = [(proof.name, proof.what, proof.difference) for proof in proofs if not proof.holds]
    took_ms = round((perf_counter() - begun) * 1000)
    keep_check(
        statements=len(proofs),
        broken=broken,
        replayed=True,
        took_ms=took_ms,
        by=SCHEDULER,
        at=now(),
        compared=trust_proofs.compared(proofs),
    )
    if broken:
        _alarm(f"statements about the books don't hold: {', '.join(name for name, _, _ in broken)}")
    return {"statements": len(proofs)}


def _measure(slot: str, at: datetime) -> Outcome:
    del slot
    return concentration.told(concentration.measured(at))


def _notice(slot: str, at: datetime) -> Outcome:
    del slot
    return {"events": give_notice(at=at)}


def _log(slot: str, at: datetime) -> Outcome:
    del slot
    signed = sign_and_publish(at=at)
    return {"leaves": signed.checkpoint.size if signed else 0}


def _lapse(slot: str, at: datetime) -> Outcome:
    del slot
    claims, more = 0, True
    while more:
        gone = lapse(at=at)
        claims, more = claims + gone.claims, gone.more
    return {"claims": claims}


def _prune(slot: str, at: datetime) -> Outcome:
    del slot
    nonces = answers = sessions = events = 0
    more = True
    while more:
        gone = clockwork.prune(at=at)
        nonces, answers, sessions = nonces + gone.nonces, answers + gone.answers, sessions + gone.sessions
        more = gone.more
    while forgotten := forget(at=at):
        events += forgotten
    list_forgotten()
    return {"nonces": nonces, "answers": answers, "sessions": sessions, "events": events}


def _alarm(what: str) -> NoReturn:
    """Stop at something broken that was found, not done: no verb has counted it."""
    measures.BREACHES.inc()
    breach(what)


WORK: dict[str, Work] = {
    "vest": _vest,
    "settle": _settle,
    "fees": _fees,
    "root": _root,
    "expire": _expire,
    "payout": _pay_out,
    "reconcile": _reconcile,
    "statement": _statement,
    "check": _check,
    concentration.TASK: _measure,
    "notice": _notice,
    "lapse": _lapse,
    "log": _log,
    "prune": _prune,
}


def now() -> datetime:
    """Return this instant: the clock is the door of what nobody asked for."""
    return datetime.now(UTC)


def tick(*, holder: str) -> int:
    """Do all that is due, one after the other, each once, and return how much came to its end.

    What a step makes due is done in the same tick: a cycle vests, then settles, then its fee moves.
    """
    done = 0
    tried: set[Slot] = set()
    while todo := [slot for slot in slots.due(now()) if slot.task in WORK and slot not in tried]:
        tried.add(todo[0])
        done += _done(todo[0], holder)
    return done


@contextmanager
def _seen(slot: Slot, holder: str) -> Iterator[None]:
    """Say each minute that work is under way, however long it takes: what nobody is at is begun by another worker."""
    ended = Event()

    def say_so() -> None:
        while not ended.wait(SEEN_EVERY_S):
            try:
                clockwork.go_on(task=slot.task, slot=slot.slot, holder=holder, at=now())
            except Exception:
                log.exception("%s %s goes on, and could not say so", slot.task, slot.slot)
            finally:
                connection.close()

    saying = Thread(target=say_so, name="greenloop-seen", daemon=True)
    saying.start()
    try:
        yield
    finally:
        ended.set()
        saying.join()


def _done(slot: Slot, holder: str) -> bool:
    """Do one piece of work, if nobody else is at it; tell whether it came to its end."""
    if not clockwork.begin(task=slot.task, slot=slot.slot, due_at=slot.due_at, holder=holder, at=now()):
        return False
    named = {"task": slot.task, "slot": slot.slot, "holder": holder}
    try:
        with acting(actor=SCHEDULER), _seen(slot, holder):
            outcome = WORK[slot.task](slot.slot, now())
    except Refusal as refusal:
        log.warning("%s %s is refused: %s", slot.task, slot.slot, refusal.code)
        clockwork.fail(**named, outcome=f"refused: {refusal.code}: {refusal}", at=now())
        return False
    except ClockBehind as fault:
        log.critical("%s %s could not be done: %s", slot.task, slot.slot, fault)
        clockwork.fail(**named, outcome=f"failed: {fault}", at=now())
        return False
    except Breach as breach:
        log.critical("ALARM: %s %s broke an invariant: %s", slot.task, slot.slot, breach)
        clockwork.fail(**named, outcome=f"{BREACH}: {breach}", at=now())
        return False
    except Exception as fault:
        alarm = "ALARM: " if slot.task == "root" else ""  # it is lost once the next cycle is settled
        log.exception("%s%s %s failed", alarm, slot.task, slot.slot)
        clockwork.fail(**named, outcome=f"failed: {type(fault).__name__}", at=now())
        return False
    told = json.dumps(outcome, separators=(",", ":"))
    clockwork.finish(**named, outcome=told, at=now())
    log.info("%s %s is done: %s", slot.task, slot.slot, told)
    return True
