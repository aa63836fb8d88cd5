"""The auditor's replay: a journal of JSON Lines goes in, one answer for each event comes out, through core alone.

This file reads and answers; what an event does is in `replay`. A bad line is answered with an error, the number of
its line and the field at fault, and changes nothing.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping

from greenloop.core.faults import Refusal, say
from greenloop.core.loop.concession import MIN_CONCESSION_FEN
from greenloop.core.loop.plan import plan_faults, read_plan, read_terms
from greenloop.core.loop.replay import Replay
from greenloop.core.loop.wallet import claimable
from greenloop.core.reading import WHOLE_MAX, Fields


def recompute(
    lines: Iterable[str | bytes], *, warn: Callable[[str], None] | None = None
) -> Iterator[dict[str, object]]:
    """Replay a journal and answer each event, in the order of its lines; blank lines are counted but not answered.

    Rules outside the safety conditions are replayed; `warn` is told so, in sentences that begin with the line.
    """
    number = 0

    def tell(warning: Refusal) -> None:
        if warn is not None:
            warn(f"line {number}: warning: {warning}")

    replay = Replay(tell)
    for line in lines:
        number += 1
        if not line.strip():
            continue
        try:
            yield _answer(replay, _read(line))
        except Refusal as refusal:
            yield {"error": str(refusal), "field": refusal.field, "line": number}


def _read(line: str | bytes) -> Fields:
    """Read one line as a JSON object.

    :raises Refusal: it is none, or is nested or long beyond reading.
    """
    try:
        document = json.loads(line.removeprefix("\ufeff") if isinstance(line, str) else line)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict):
        raise Refusal(
            "recompute.line",
            say("The line is not one JSON object in UTF-8; write one event per line, such as {example}."),
            example='{"kind":"state"}',
        )
    return Fields(document)


def _answer(replay: Replay, fields: Fields) -> dict[str, object]:
    kind = fields.choice("kind", tuple(EVENTS))
    fields.check()
    return EVENTS[kind](replay, fields)


def _pool(replay: Replay, fields: Fields) -> dict[str, object]:
    name, terms = fields.text("name"), read_terms(fields)
    fields.check()
    replay.open_pool(name=name, terms=terms)
    return {}


def _plan(replay: Replay, fields: Fields) -> dict[str, object]:
    plan = read_plan(fields, fields.text("name"))
    fields.check()
    for fault in plan_faults(plan):
        raise fault
    replay.add_plan(plan=plan)
    return {}


def _concession(replay: Replay, fields: Fields) -> dict[str, object]:
    order, pool, plan = fields.text("order"), fields.text("pool"), fields.text("plan")
    member, merchant = fields.text("member"), fields.maybe_text("merchant")
    points = fields.maybe_amounts("points", most=WHOLE_MAX)
    least = MIN_CONCESSION_FEN if points is None else 1
    concession_fen = fields.whole("concession_fen", least=least)
    fields.check()
    if points is None:
        points = {member: concession_fen}
        if merchant is not None:
            points[merchant] = points.get(merchant, 0) + concession_fen
    replay.enter(order=order, pool=pool, plan=plan, concession_fen=concession_fen, points=points)
    return {}


def _settle(replay: Replay, fields: Fields) -> dict[str, object]:
    pool, cycle = fields.text("pool"), fields.whole("cycle", least=1)
    fields.check()
    return dict(replay.settle(pool=pool, cycle=cycle))


def _cap(replay: Replay, fields: Fields) -> dict[str, object]:
    pool, cycle = fields.text("pool"), fields.whole("cycle", least=1)
    cap_fen = fields.whole("cap_fen", least=0)
    fields.check()
    replay.cap(pool=pool, cycle=cycle, cap_fen=cap_fen)
    return {}


def _draw(replay: Replay, fields: Fields) -> dict[str, object]:
    account, pool = fields.text("account"), fields.text("pool")
    amount_fen = fields.maybe_whole("amount_fen", least=0)
    fields.check()
    return {"drawn_fen": replay.draw(account=account, pool=pool, amount_fen=amount_fen)}


def _vouchers(replay: Replay, fields: Fields) -> dict[str, object]:
    kind = fields.text("kind")
    account, pool, amount_fen = fields.text("account"), fields.text("pool"), fields.whole("amount_fen", least=0)
    fields.check()
    verb = {"spend": replay.spend, "expire": replay.expire, "return": replay.give_back}[kind]
    verb(account=account, pool=pool, amount_fen=amount_fen)
    return {}


def _refund(replay: Replay, fields: Fields) -> dict[str, object]:
    order, fall_fen = fields.text("order"), fields.whole("points_fen", least=0)
    keep = fields.maybe_amounts("points", most=WHOLE_MAX)
    fields.check()
    taken = replay.refund(order=order, fall_fen=fall_fen, keep=keep or {})
    return {
        "clawback": {
            account: {"voucher_fen": clawback.voucher_fen, "cash_fen": clawback.cash_fen}
            for account, clawback in taken.items()
        }
    }


def _state(replay: Replay, _: Fields) -> dict[str, object]:
    """Answer what everyone holds and what R11 asks for: liability, dust and the cash that trust must have."""
    accounts: dict[str, dict[str, dict[str, int]]] = {}
    liability_fen = spent_fen = 0
    for name, pool in sorted(replay.pools.items()):
        for account in pool.positions.keys() | pool.wallets.keys():
            wallet, accrued_fen = pool.wallet(account), pool.accrued_fen(account)
            accounts.setdefault(account, {})[name] = {
                "accrued_fen": accrued_fen,
                "claimed_fen": wallet.claimed_fen,
                "voucher_fen": wallet.voucher_fen,
            }
            liability_fen += claimable(wallet, accrued_fen) + wallet.voucher_fen
            spent_fen += wallet.claimed_fen - wallet.voucher_fen
    pools = {
        name: {"cycle": pool.cycle, "free_fen": pool.free_fen, "backing_fen": pool.backing_fen}
        for name, pool in sorted(replay.pools.items())
    }
    backing_fen = sum(pool.backing_fen for pool in replay.pools.values())
    return {
        "accounts": dict(sorted(accounts.items())),
        "pools": pools,
        "liability_fen": liability_fen,
        "dust_fen": backing_fen - spent_fen - liability_fen,
        "trust_fen": sum(pool.free_fen for pool in replay.pools.values()) + backing_fen - spent_fen,
    }


EVENTS: Mapping[str, Callable[[Replay, Fields], dict[str, object]]] = {
    "pool": _pool,
    "plan": _plan,
    "concession": _concession,
    "settle": _settle,
    "cap": _cap,
    "draw": _draw,
    "spend": _vouchers,
    "expire": _vouchers,
    "return": _vouchers,
    "refund": _refund,
    "state": _state,
}
