"""The independent verifier: one file, standard library only, written from the rules and not from the product's code.

It takes the auditor's bundle (`greenloop bundle FOLDER`) and computes everything again: what each order conceded, every
settlement, index, wallet and control account. `greenloop-verify FOLDER` prints each statement with what was looked at
and the first differences by name, and ends with 1 if there is one. R1 to R12 are the numbered rules of the settlement
arithmetic. Amounts are whole fen, points 1/100 point, indices, rates and growth × 10**12.

Nothing here is imported by the product, and nothing of the product is imported here. The file can be carried alone:
`python3 verify.py FOLDER` is the whole of it.
"""

import argparse
import base64
import gzip
import hashlib
import json
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

S = 10**12
PPM = 10**6
LEAST_CONCESSION_FEN = 10
TOLD_MAX = 5
Row = dict[str, Any]

STATEMENTS = {
    "files": ("", "Every file is the one that the manifest names, row for row."),
    "references": ("", "Every row that another row names is there."),
    "orders": ("R1", "Each order's concession and parts are what its cash, its rate and the split come to."),
    "refunds": ("R10", "Each refund divides and lowers its order as the rules say."),
    "settlements": ("R2-R8", "Every settlement comes out again as it was stored, byte for byte."),
    "cohorts": ("R8", "Every cohort's points, index, age, rate and base come out again."),
    "positions": ("R1", "Each position is the sum of its lots, order by order."),
    "claims": ("R9", "Nobody drew, spent or let expire more than they had at that moment."),
    "clawbacks": ("R10", "What refunds took back is what had been claimed too much, from the right places."),
    "wallets": ("R9", "Every wallet is what its entries and clawbacks make of it."),
    "vouchers": ("R9", "Each voucher was drawn once: its face is left, used, expired or taken back."),
    "pools": ("R8", "Every pool's free money, backing, inflow and spent backing come out again."),
    "solvency": ("R11", "Backing covers what holders have and can draw, with less than a fen a wallet over."),
    "totals": ("Books", "Each account's totals are the sums of its postings, and no balance is negative."),
    "journals": ("Books", "Each journal stays in its book and moves what the rows behind it say."),
    "control accounts": ("Books", "Each control account is the sum of the rows behind it."),
    "trust": ("Books", "Bank and money in transit are all that the trust book owes."),
    "log": (
        "Log",
        "The public log's hashes come out again, and it tells of settlements and journals as they were stored.",
    ),
    "roots": ("Proof", "Each root of liabilities adds up to what the postings of its moment say, and is in the log."),
}
"""Name: (rule, sentence), in the order in which they are told."""


@dataclass(slots=True)
class Statement:
    """One statement about the books: how much was compared, how much differs, and the first differences by name."""

    name: str
    law: str
    what: str
    looked_at: int = 0
    differences: int = 0
    first: list[str] = field(default_factory=list)


class Findings:
    """All statements, filled while a bundle is verified."""

    def __init__(self) -> None:
        self.by_name = {name: Statement(name, law, what) for name, (law, what) in STATEMENTS.items()}

    def same(self, name: str, where: str, found: object, expected: object) -> None:
        """Compare what the bundle says about `where` with what it should be."""
        statement = self.by_name[name]
        statement.looked_at += 1
        if found != expected:
            self.wrong(name, f"{where}: {found}, should be {expected}")

    def holds(self, name: str, where: str, holds: bool) -> None:
        """Count a condition; `where` says what it means when it fails."""
        self.by_name[name].looked_at += 1
        if not holds:
            self.wrong(name, where)

    def wrong(self, name: str, told: str) -> None:
        """Note a difference; the first few are kept by name."""
        statement = self.by_name[name]
        statement.differences += 1
        if len(statement.first) < TOLD_MAX:
            statement.first.append(told)

    @property
    def broken(self) -> int:
        """Return how many statements don't hold."""
        return sum(bool(each.differences) for each in self.by_name.values())


class Bundle:
    """The tables of a bundle, each read once into memory."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.manifest: Row = json.loads((folder / "bundle.json").read_text("utf-8"))
        self._tables: dict[str, list[Row]] = {}

    def __getitem__(self, table: str) -> list[Row]:
        if table not in self._tables:
            path = self.folder / f"{table}.jsonl.gz"
            with gzip.open(path, "rt", encoding="utf-8") as lines:
                rows: list[Row] = []
                # A thousand lines in one reading share the names of their columns: that is half of the memory.
                while part := list(islice(lines, 1_000)):
                    rows += json.loads(f"[{','.join(part)}]")
                self._tables[table] = rows
        return self._tables[table]

    def by(self, table: str, *keys: str) -> dict[Any, Row]:
        """Return the rows of a table by one column, or by several as a tuple."""
        return {row[keys[0]] if len(keys) == 1 else tuple(row[key] for key in keys): row for row in self[table]}

    def check_files(self, findings: Findings) -> None:
        """Compare each file with its SHA-256, and the rows that were read with what the manifest says."""
        for name, told in self.manifest["files"].items():
            path = self.folder / name
            with path.open("rb") as stream:
                findings.same("files", name, hashlib.file_digest(stream, "sha256").hexdigest(), told["sha256"])
            if name.endswith(".jsonl.gz"):
                findings.same("files", f"rows of {name}", len(self[told["table"]]), told["rows"])

    def check_references(self, findings: Findings) -> None:
        """Report rows that name a row which isn't there, and leave them out."""
        for table, column, named in REFERENCES:
            known = {row["id"] for row in self[named]} | {None}
            lost = [row for row in self[table] if row[column] not in known]
            findings.by_name["references"].looked_at += len(self[table])
            for row in lost:
                findings.wrong("references", f"{table}: there is no row {row[column]} of {named}")
            if lost:
                self._tables[table] = [row for row in self[table] if row[column] in known]


REFERENCES = (
    *(("orders", f"{name}_id", f"{name}s") for name in ("merchant", "pool", "plan", "journal")),
    ("orders", "rules_id", "rules"),
    *((table, "order_id", "orders") for table in ("refunds", "voucher_uses", "coupon_uses", "coupons")),
    ("clawbacks", "refund_id", "refunds"),
    *((table, "pool_id", "pools") for table in ("cohorts", "pool_cycles", "settled_cycles", "wallets")),
    *((table, "pool_id", "pools") for table in ("wallet_entries", "vouchers", "clawbacks")),
    ("cohorts", "plan_id", "plans"),
    ("positions", "cohort_id", "cohorts"),
    ("voucher_uses", "voucher_id", "vouchers"),
    ("postings", "journal_id", "journals"),
    *(("postings", f"{side}_id", "ledger_accounts") for side in ("debit", "credit")),
)
"""(table, column, table named): what has to be there before anything can be computed."""


# --- one settlement (R2 to R8) --------------------------------------------------------------------------------------


@dataclass(slots=True)
class Cohort:
    """All lots of one pool, plan and entry cycle; `step` is what the settlement at work adds to the index."""

    number: int
    plan: Row
    entry: int
    points: int = 0
    index: int = 0
    age: int = 0
    rate: int = 0
    base: int | None = None
    step: int = 0

    @property
    def room(self) -> int:
        """Return what is left to the cap after this step."""
        return int(self.plan["cap"]) - self.index - self.step

    @property
    def fixed(self) -> int:
        """Return how many releases are at r0 for certain."""
        cycles = int(self.plan["cycles"])
        return cycles if self.plan["coupling"] == "flat" else min(int(self.plan["fixed_cycles"]), cycles)

    @property
    def pool_driven(self) -> bool:
        """Tell whether the release at hand is one that the pool drives (R6)."""
        return bool(self.plan["coupling"] == "share" and self.age >= self.plan["fixed_cycles"])


@dataclass(slots=True)
class Pool:
    """A pool as the events so far have left it."""

    name: str
    terms: Row
    first: int
    free: int = 0
    backing: int = 0
    spent: int = 0
    cycle: int = 1
    inflow: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    caps: dict[int, int] = field(default_factory=dict)
    cohorts: list[Cohort] = field(default_factory=list)

    def driver(self, cycle: int) -> int:
        """Return M of a cycle (R2)."""
        window = self.terms["window"]
        total = sum(self.inflow[each] for each in range(max(1, cycle - window + 1), cycle + 1))
        return total if cycle >= window else total * window // cycle if cycle else 0

    def rebacked(self) -> int:
        """Set the backing to points × index, rounded up once; return by how much it rose (R8, R10)."""
        before = self.backing
        self.backing = -(-sum(each.points * each.index for each in self.cohorts) // S)
        self.free -= self.backing - before
        return self.backing - before

    def spare(self) -> int:
        """Return the free money × S that no fixed release needs, of this cycle or to come (Earmark)."""
        kept = 0
        for each in self.cohorts:
            done = each.age + (each.entry < self.cycle)
            to_come = max(0, each.fixed - done)
            kept += each.points * (each.step + min(each.plan["r0"] * to_come, each.room))
        return self.free * S - kept

    def settle(self) -> tuple[Row, list[list[int]]]:
        """Close the open cycle; return the answer and the new indices as they are stored."""
        now, before = self.driver(self.cycle), self.driver(self.cycle - 1)
        growth = (now - before) * S // before if before > 0 else None
        budget = self.budget()
        live = [each for each in self.cohorts if each.entry < self.cycle and each.age < each.plan["cycles"]]
        for each in live:
            self.nominal(each, now, growth)
        need = _total(live)
        scaled = need > budget * S
        for each in live if scaled else ():
            each.step = each.step * (budget * S) // need
        self.share(live, budget)
        dividend = self.dividend(live, budget, now, before, growth)
        for each in live:
            each.index, each.age, each.step = each.index + each.step, each.age + 1, 0
        moved = self.rebacked()
        self.cycle += 1
        answer = {"driver": now, "growth": growth, "budget_fen": budget, "need": need, "scaled": scaled}
        answer |= {"dividend": dividend, "moved_fen": moved, "free_fen": self.free, "backing_fen": self.backing}
        return answer, [[each.number, each.index] for each in live]

    def budget(self) -> int:
        """Return what the cycle may move at most (R3)."""
        part, whole = self.terms["spend"]
        cap = self.caps.get(self.cycle, self.terms["cycle_cap_fen"])
        budget: int = self.free * part // whole
        return budget if cap is None else min(budget, cap)

    def nominal(self, cohort: Cohort, now: int, growth: int | None) -> None:
        """Set a cohort's base, rate and nominal step (R4)."""
        plan, r0 = cohort.plan, cohort.plan["r0"]
        if cohort.base is None and (base := max(self.driver(cohort.entry), now)) > 0:
            cohort.base = base
        most = plan["r_max"]
        if plan["coupling"] == "flat" or cohort.age < plan["fixed_cycles"]:
            rate, most = r0, None
        elif plan["coupling"] == "share":
            rate, most = 0, None
        elif plan["coupling"] == "chain":
            clamped = 0 if growth is None else max(growth, plan["g_min"])
            if growth is not None and plan["g_max"] is not None:
                clamped = min(clamped, plan["g_max"])
            rate, most = (r0, None) if cohort.age == 0 else (max(0, cohort.rate * (S + clamped) // S), most)
        else:
            rate, most = (r0, None) if cohort.base is None else (r0 * max(now, 0) // cohort.base, most)
        cohort.rate = rate if most is None else min(rate, most)
        cohort.step = min(cohort.rate, cohort.room)

    def share(self, live: list[Cohort], budget: int) -> None:
        """Divide what fixed lots leave among the pool-driven ones (R6)."""
        driven = [each for each in live if each.pool_driven and each.room > 0]
        points = sum(each.points for each in driven)
        if points:
            one = max(0, min(budget * S - _total(live), self.spare())) // points
            for each in driven:
                each.step = min(one, each.room, one if each.plan["r_max"] is None else each.plan["r_max"])

    def dividend(self, live: list[Cohort], budget: int, now: int, before: int, growth: int | None) -> int:
        """Add the growth dividend to the steps; return points × what was added, exact (R7)."""
        threshold, (part, whole) = self.terms["dividend_threshold"], self.terms["dividend_share"]
        eligible = [each for each in live if each.points > 0 and each.room > 0]
        points = sum(each.points for each in eligible)
        if growth is None or growth <= threshold or not points:
            return 0
        surplus = min(budget + (-_total(live)) // S, self.spare() // S, self.inflow[self.cycle])
        surplus = min(surplus, now - before - before * threshold // S)
        one = max(0, surplus) * part // whole * S // points
        added = [min(one, each.room) for each in eligible]
        for each, more in zip(eligible, added, strict=True):
            each.step += more
        return sum(each.points * more for each, more in zip(eligible, added, strict=True))


def _total(cohorts: Iterable[Cohort]) -> int:
    return sum(each.points * each.step for each in cohorts)


# --- the replay: orders, wallets, refunds, cycle by cycle (R1, R9, R10, R12) ----------------------------------------


@dataclass(slots=True)
class Wallet:
    """One holder's vouchers of one pool, and its points there by cohort."""

    claimed: int = 0
    voucher: int = 0
    redeemed: int = 0
    expired: int = 0
    points: dict[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Order:
    """What an order has left: concession, parts that still lie in pools, fee, and points of its referrer."""

    left: int
    green: int
    red: int
    fee: int
    red_points: int


class Replay:
    """The loop once more, from the orders on, compared with the bundle at each step."""

    def __init__(self, bundle: Bundle, findings: Findings) -> None:
        self.bundle, self.findings = bundle, findings
        self.rules = {row["id"]: row | {"split": json.loads(row["document"])["split"]} for row in bundle["rules"]}
        self.pools = {
            row["id"]: Pool(row["name"], json.loads(row["terms"]), row["first_cycle"]) for row in bundle["pools"]
        }
        for row in bundle["pool_cycles"]:
            if row["cap_fen"] is not None:
                self.pools[row["pool_id"]].caps[row["cycle"]] = row["cap_fen"]
        self.plans = {row["id"]: json.loads(row["terms"]) for row in bundle["plans"]}
        self.merchants = {row["id"]: row["account_id"] for row in bundle["merchants"]}
        self.cohort_ids = {(row["pool_id"], row["plan_id"], row["entry"]): row["id"] for row in bundle["cohorts"]}
        self.cohorts: dict[int, Cohort] = {}
        self.wallets: dict[tuple[int, int], Wallet] = defaultdict(Wallet)
        self.debts: dict[int, int] = defaultdict(int)
        self.rows = bundle.by("orders", "id")
        self.orders: dict[int, Order] = {}
        self.lost_red: dict[int, int] = defaultdict(int)
        for row in bundle["refunds"]:
            self.lost_red[row["order_id"]] += row["red_points_lost"]
        # A settlement that was held is posted later: what was spent meanwhile is no longer what the replay has here.
        self.held = {row["cycle"] for row in bundle["settlement_runs"] if row["decided_at"] is not None}
        self.clawbacks = bundle.by("clawbacks", "account_id", "refund_id", "pool_id")

    def run(self) -> None:
        """Replay every cycle: what took effect in it by journal and line, then its settlements."""
        settled = self.bundle.by("settled_cycles", "pool_id", "cycle")
        entered = _grouped(self.bundle["orders"], lambda row: row["entry_cycle"])
        moved = _grouped(self.bundle["wallet_entries"], lambda row: self.pools[row["pool_id"]].first + row["cycle"] - 1)
        applied = (row for row in self.bundle["refunds"] if row["effect"] == "applied")
        refunded = _grouped(applied, lambda row: row["cycle"])
        vested = {row["key"]: row["id"] for row in self.bundle["journals"] if row["book"] == "trust"}
        for cycle in sorted({*entered, *moved, *refunded, *(self.pools[p].first + c - 1 for p, c in settled)} - {None}):
            vest = vested.get(f"vest/{cycle}", 0)
            events = [((vest, 0, row["id"]), self.enter, row) for row in entered.get(cycle, ())]
            events += [((row["journal_id"], 1, row["line"]), self.move, row) for row in moved.get(cycle, ())]
            events += [
                ((row["effect_journal_id"] or row["journal_id"], 2, row["id"]), self.refund, row)
                for row in refunded.get(cycle, ())
            ]
            for _, apply, row in sorted(events, key=lambda event: event[0]):
                apply(row)
            for number, pool in sorted(self.pools.items()):
                if (number, own := cycle - pool.first + 1) in settled:
                    self.settle(pool, settled[number, own])

    def enter(self, row: Row) -> None:
        """Let a vested order enter its pools (R1)."""
        fen, split = row["entered_fen"], self.rules[row["rules_id"]]["split"]
        red = row["red_points"] + self.lost_red.get(row["id"], 0)
        if fen < LEAST_CONCESSION_FEN:
            self.orders[row["id"]] = Order(fen, 0, 0, 0, 0)
            self.findings.same("orders", f"order {row['id']}: red points", red, 0)
            return
        most = fen * split["red_ppm"] // PPM if row["referrer_id"] is not None else 0
        self.findings.holds("orders", f"order {row['id']}: {red} red points, at most {most}", 0 <= red <= most)
        green, fee = fen * split["green_ppm"] // PPM, fen * split["fee_ppm"] // PPM
        self.orders[row["id"]] = Order(fen, green, red, fee, red)
        self.pay_in(row["pool_id"], green)
        for account, multiple in self.sides(row):
            self.lot(row["pool_id"], row["plan_id"], row["entry_cycle"], account, fen * multiple // PPM)
        if red:
            rules = self.rules[row["rules_id"]]
            self.pay_in(rules["red_pool_id"], red)
            self.lot(rules["red_pool_id"], rules["red_plan_id"], row["entry_cycle"], row["referrer_id"], red)

    def sides(self, row: Row) -> list[tuple[int, int]]:
        """Return who gets green points for an order, and times what in ppm."""
        merchant = self.merchants[row["merchant_id"]]
        return [(row["member_id"], row["member_multiple_ppm"]), (merchant, row["merchant_multiple_ppm"])]

    def pay_in(self, number: int, fen: int) -> None:
        """Add an allotment to a pool's free money and to the inflow of its open cycle."""
        pool = self.pools[number]
        pool.free += fen
        pool.inflow[pool.cycle] += fen

    def cohort(self, number: int, plan: int, cycle: int) -> Cohort:
        """Return the cohort of a pool, a plan and an alliance cycle; a new one stands last."""
        pool = self.pools[number]
        entry = cycle - pool.first + 1
        key = self.cohort_ids.get((number, plan, entry), -len(self.cohorts) - 1)
        if key not in self.cohorts:
            self.cohorts[key] = Cohort(key, self.plans[plan], entry)
            pool.cohorts = sorted([*pool.cohorts, self.cohorts[key]], key=lambda each: (each.entry, each.number))
        return self.cohorts[key]

    def lot(self, pool: int, plan: int, cycle: int, account: int, points: int) -> None:
        """Add points, fewer than 0 to take them away, to a holder's position and its cohort."""
        cohort, held = self.cohort(pool, plan, cycle), self.wallets[account, pool].points
        cohort.points += points
        held[cohort.number] = held.get(cohort.number, 0) + points

    def accrued(self, wallet: Wallet) -> int:
        """Return what a wallet's points have released: one floor (R9)."""
        return sum(points * self.cohorts[number].index for number, points in wallet.points.items()) // S

    def move(self, row: Row) -> None:
        """Apply one movement of a wallet (R9); clawbacks come with their refund."""
        kind, fen, pool = row["kind"], row["amount_fen"], self.pools[row["pool_id"]]
        wallet = self.wallets[row["account_id"], row["pool_id"]]
        sign = {"draw": 1, "return": 1, "spend": -1, "expire": -1}.get(kind, 0)
        wallet.voucher += sign * fen
        wallet.claimed += fen if kind in ("draw", "repay") else 0
        wallet.redeemed += {"spend": fen, "repay": fen, "return": -fen}.get(kind, 0)
        wallet.expired += fen if kind == "expire" else 0
        # A debt is the holder's: what one pool's refund left is repaid by the next draw of any pool.
        self.debts[row["account_id"]] -= fen if kind == "repay" else 0
        pool.spent += {"spend": fen, "repay": fen, "expire": fen, "return": -fen}.get(kind, 0)
        pool.free += fen if kind == "expire" else 0
        sound = wallet.voucher >= 0 and wallet.redeemed >= 0 and self.debts[row["account_id"]] >= 0
        if kind in ("draw", "repay"):
            sound = sound and wallet.claimed <= self.accrued(wallet)
        where = f"wallet {row['account_id']} of pool {pool.name}: {kind} of {fen} in journal {row['journal_id']}"
        self.findings.holds("claims", f"{where} is more than there was", sound)

    def refund(self, row: Row) -> None:
        """Apply a refund's effect on pools and points (R10)."""
        if row["order_id"] not in self.orders:
            self.findings.wrong("refunds", f"refund {row['id']}: takes points of an order that has none")
            return
        order, of = self.orders[row["order_id"]], self.rows[row["order_id"]]
        before, order.left = order.left, order.left - row["concession_lost_fen"]
        rules = self.rules[of["rules_id"]]
        if of["entered_fen"] < LEAST_CONCESSION_FEN:
            return
        left, split = order.left, rules["split"]
        lost = [before * multiple // PPM - left * multiple // PPM for _, multiple in self.sides(of)]
        red_left = min(order.red_points, left * split["red_ppm"] // PPM)
        red = order.red_points - red_left
        found = [row["member_points_lost"], row["merchant_points_lost"], row["red_points_lost"]]
        self.findings.same("refunds", f"refund {row['id']}: points lost", found, [*lost, red])
        if row["cycle"] == of["entry_cycle"]:
            order.green = self.leave(of["pool_id"], order.green, left * split["green_ppm"] // PPM)
            order.red = self.leave(rules["red_pool_id"], order.red, red_left)
            order.fee = left * split["fee_ppm"] // PPM
        order.red_points = red_left
        green = [(account, fen) for (account, _), fen in zip(self.sides(of), lost, strict=True)]
        if any(lost):
            self.shrink(row, (of["pool_id"], of["plan_id"]), green)
        if red:
            self.shrink(row, (rules["red_pool_id"], rules["red_plan_id"]), [(of["referrer_id"], red)])

    def leave(self, number: int, part: int, left: int) -> int:
        """Let a part leave a pool in its entry cycle, as far as there is free money; return what stays (R10)."""
        out = min(part - left, self.pools[number].free)
        self.pay_in(number, -out)
        return part - out

    def shrink(self, row: Row, where: tuple[int, int], lost: list[tuple[int, int]]) -> None:
        """Take points from lots, free the backing they no longer need, take back what was claimed too much (R10)."""
        number, pool = where[0], self.pools[where[0]]
        for account, points in lost:
            self.lot(*where, self.rows[row["order_id"]]["entry_cycle"], account, -points)
        pool.rebacked()
        for account in dict.fromkeys(account for account, _ in lost):
            wallet, told = self.wallets[account, number], self.clawbacks.pop((account, row["id"], number), {})
            excess = max(0, wallet.claimed - self.accrued(wallet))
            voucher = min(excess, wallet.voucher)
            expired = min(excess - voucher, wallet.expired, pool.free)
            paid = excess - voucher - expired
            found = [told.get("voucher_fen", 0), told.get("expired_fen", 0)]
            found.append(sum(told.get(each, 0) for each in ("cash_fen", "dues_fen", "reserve_fen")))
            said = f"refund {row['id']}: taken from wallet {account} of pool {pool.name}"
            self.findings.same("clawbacks", said, found, [voucher, expired, paid])
            wallet.claimed, wallet.voucher = wallet.claimed - excess, wallet.voucher - voucher
            wallet.expired -= expired
            self.debts[account] += told.get("reserve_fen", 0)
            pool.free -= expired
            pool.spent -= expired + paid

    def settle(self, pool: Pool, row: Row) -> None:
        """Settle a pool's cycle and compare it, byte for byte, with what was stored."""
        where, spent = f"pool {pool.name}, cycle {row['cycle']}", pool.spent
        self.findings.same("settlements", f"{where}: its turn", row["cycle"], pool.cycle)
        inflow = pool.inflow[pool.cycle]
        answer, indices = pool.settle()
        stored = json.loads(row["answer"])
        for name, value in answer.items():
            self.findings.same("settlements", f"{where}: {name}", stored.get(name), value)
        texts = row["answer"], row["indices"]
        again = json.dumps(answer, separators=(",", ":")), json.dumps(indices, separators=(",", ":"))
        self.findings.same("settlements", f"{where}: answer", texts[0], again[0])
        for (cohort, index), old in zip(indices, json.loads(row["indices"]), strict=False):
            self.findings.same("settlements", f"{where}: index of cohort {cohort}", old, [cohort, index])
        self.findings.same("settlements", f"{where}: indices", texts[1], again[1])
        found = [row[name] for name in ("inflow_fen", "issued_fen", "free_fen", "backing_fen")]
        self.findings.same(
            "settlements", f"{where}: money", found, [inflow, answer["moved_fen"], pool.free, pool.backing]
        )
        if row["spent_fen"] is not None and row["cycle"] + pool.first - 1 not in self.held:
            self.findings.same("settlements", f"{where}: spent", row["spent_fen"], spent)

    def compare(self) -> None:
        """Compare where the replay has come to with the tables as they stand."""
        same, bundle = self.findings.same, self.bundle
        for row in bundle["cohorts"]:
            cohort = self.cohorts.get(row["id"], Cohort(row["id"], {}, row["entry"]))
            for name, value in (("points", cohort.points), ("release_index", cohort.index), ("age", cohort.age)):
                same("cohorts", f"cohort {row['id']}: {name}", row[name], value)
            same("cohorts", f"cohort {row['id']}: rate", row["rate"], cohort.rate)
            same("cohorts", f"cohort {row['id']}: base", row["base"], cohort.base)
        self.compare_holdings()
        inflow = {(p, own): fen for p, pool in self.pools.items() for own, fen in pool.inflow.items() if fen}
        for row in bundle["pool_cycles"]:
            expected = inflow.pop((row["pool_id"], row["cycle"]), 0)
            same("pools", f"pool {row['pool_id']}, cycle {row['cycle']}: inflow", row["inflow_fen"], expected)
        for number, own in inflow:
            self.findings.wrong("pools", f"pool {number}, cycle {own}: its inflow is missing")
        for row in bundle["pools"]:
            pool = self.pools[row["id"]]
            for name, value in (("free_fen", pool.free), ("backing_fen", pool.backing), ("spent_fen", pool.spent)):
                same("pools", f"pool {pool.name}: {name}", row[name], value)
            same("pools", f"pool {pool.name}: settled cycles", row["settled_cycle"], pool.cycle - 1)
            self.check_dust(row["id"], pool)

    def compare_holdings(self) -> None:
        """Compare positions and wallets, and name those that are dropped or made up."""
        same = self.findings.same
        points = {
            (account, cohort): fen
            for (account, _), wallet in self.wallets.items()
            for cohort, fen in wallet.points.items()
        }
        for row in self.bundle["positions"]:
            key = row["account_id"], row["cohort_id"]
            same("positions", "position of {} in cohort {}".format(*key), row["points"], points.pop(key, 0))
        for (account, cohort), fen in points.items():
            if fen:
                self.findings.wrong("positions", f"position of {account} in cohort {cohort} is missing: {fen} points")
        wallets = dict(self.wallets)
        for row in self.bundle["wallets"]:
            wallet = wallets.pop((row["account_id"], row["pool_id"]), Wallet())
            self.debts[row["account_id"]] -= row["debt_fen"]
            for name in ("claimed", "voucher", "redeemed", "expired"):
                where = f"wallet {row['account_id']} of pool {self.pools[row['pool_id']].name}: {name}_fen"
                same("wallets", where, row[f"{name}_fen"], getattr(wallet, name))
        for account, left in self.debts.items():
            same("wallets", f"wallets of {account}: debt_fen still to be found", left, 0)
        for account, pool in wallets:
            self.findings.wrong("wallets", f"wallet {account} of pool {self.pools[pool].name} is missing")
        for account, refund, _ in self.clawbacks:
            self.findings.wrong("clawbacks", f"refund {refund}: something was taken from {account} without a cause")

    def check_dust(self, number: int, pool: Pool) -> None:
        """Hold a pool's backing against what its holders have and can draw (R11)."""
        mine = [wallet for (_, of), wallet in self.wallets.items() if of == number]
        owed = sum(self.accrued(wallet) - wallet.claimed + wallet.voucher for wallet in mine)
        dust = pool.backing - pool.spent - owed
        self.findings.holds(
            "solvency", f"pool {pool.name}: {dust} fen over {len(mine)} wallets", 0 <= dust <= len(mine)
        )
        self.findings.holds("solvency", f"pool {pool.name}: {pool.free} fen free", pool.free >= 0)


def _grouped(rows: Iterable[Row], key: Any) -> dict[Any, list[Row]]:
    groups: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        groups[key(row)].append(row)
    return groups


# --- orders, refunds and papers, row by row -------------------------------------------------------------------------


def check_orders(bundle: Bundle, replay: Replay, findings: Findings) -> None:
    """Compare each order with its price, its rate and its refunds."""
    refunds = _grouped((row for row in bundle["refunds"] if row["state"] == "paid"), lambda row: row["order_id"])
    for row in bundle["orders"]:
        where, mine = f"order {row['id']}", sorted(refunds.get(row["id"], ()), key=lambda each: each["journal_id"])
        conceded = (row["cash_fen"] * row["rate_ppm"] * 2 + PPM) // (2 * PPM)
        findings.same("orders", f"{where}: concession_fen", row["concession_fen"], conceded)
        check_refunds(row, mine, findings)
        left = row["concession_fen"] - sum(each["concession_lost_fen"] for each in mine if each["effect"] == "")
        if row["entry_cycle"] is None:
            continue
        findings.same("orders", f"{where}: entered_fen", row["entered_fen"], left)
        order = replay.orders[row["id"]]
        found = [row["green_part_fen"], row["red_part_fen"], row["fee_part_fen"]]
        findings.same("orders", f"{where}: green, red and fee part", found, [order.green, order.red, order.fee])


def check_refunds(order: Row, refunds: list[Row], findings: Findings) -> None:
    """Follow the refunds of one order: what came back, and how its concession fell (domain, Refunds)."""
    price = order["cash_fen"] + order["voucher_fen"] + order["coupon_fen"]
    back = cash = voucher = coupon = 0
    left = order["concession_fen"]
    for row in refunds:
        where = f"refund {row['id']}"
        parts = row["cash_fen"], row["voucher_fen"], row["coupon_fen"]
        findings.same("refunds", f"{where}: its parts", sum(parts), row["amount_fen"])
        back, cash, voucher, coupon = back + row["amount_fen"], cash + parts[0], voucher + parts[1], coupon + parts[2]
        # Two roundings can leave a fen above the cash that was paid: it comes back as a voucher or a coupon.
        near = 0 <= voucher - order["voucher_fen"] * back // price <= 1
        near = near and 0 <= coupon - order["coupon_fen"] * back // price <= 1
        findings.holds("refunds", f"{where}: {parts} isn't in proportion to the price", near)
        conceded = ((order["cash_fen"] - cash) * order["rate_ppm"] * 2 + PPM) // (2 * PPM)
        findings.same(
            "refunds", f"{where}: concession_lost_fen", row["concession_lost_fen"], left - min(left, conceded)
        )
        left = min(left, conceded)
    found = [order["refunded_fen"], order["refunded_cash_fen"], order["refunded_voucher_fen"]]
    where = f"order {order['id']}: refunded, lost"
    lost = order["concession_fen"] - left
    findings.same("refunds", where, [*found, order["concession_lost_fen"]], [back, cash, voucher, lost])
    sound = cash <= order["cash_fen"] and voucher <= order["voucher_fen"] and coupon <= order["coupon_fen"]
    findings.holds("refunds", f"{where}: more came back than was paid", sound)


def check_vouchers(bundle: Bundle, findings: Findings) -> None:
    """Compare vouchers with the entries of their wallet: drawn once, and gone once."""
    used: dict[int, int] = defaultdict(int)
    for row in bundle["voucher_uses"]:
        used[row["voucher_id"]] += row["amount_fen"] - row["returned_fen"]
    sums: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in bundle["vouchers"]:
        gone = used.pop(row["id"], 0)
        findings.holds(
            "vouchers", f"voucher {row['id']}: more than its face", row["left_fen"] + gone <= row["face_fen"]
        )
        mine = sums[row["account_id"], row["pool_id"]]
        mine[0], mine[1] = mine[0] + row["face_fen"], mine[1] + row["left_fen"]
        mine[2] += row["face_fen"] - row["left_fen"] - gone
    due: dict[tuple[int, int], list[int]] = defaultdict(lambda: [0, 0, 0])
    for row in bundle["wallet_entries"]:
        mine = due[row["account_id"], row["pool_id"]]
        mine[0] += row["amount_fen"] if row["kind"] == "draw" else 0
        mine[2] += row["amount_fen"] if row["kind"] == "expire" else 0
    for row in bundle["clawbacks"]:
        due[row["account_id"], row["pool_id"]][2] += row["voucher_fen"]
    for row in bundle["wallets"]:
        due[row["account_id"], row["pool_id"]][1] += row["voucher_fen"]
    for key in sorted({*sums, *due}):
        where = "wallet {} of pool {}: vouchers drawn, left, expired or taken back".format(*key)
        findings.same("vouchers", where, sums[key], due[key])


# --- the books: control accounts over the rows behind them ----------------------------------------------------------


def check_ledger(bundle: Bundle, findings: Findings) -> dict[str, int]:
    """Rebuild the totals from the postings; return each account's balance, in fen."""
    journals, accounts = bundle.by("journals", "id"), bundle.by("ledger_accounts", "id")
    totals: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    sums: dict[int, dict[tuple[str, str], int]] = defaultdict(lambda: defaultdict(int))
    for row in bundle["postings"]:
        totals[row["debit_id"]][0] += row["amount_fen"]
        totals[row["credit_id"]][1] += row["amount_fen"]
        journal, debit, credit = (
            journals[row["journal_id"]],
            accounts[row["debit_id"]],
            accounts[row["credit_id"]],
        )
        books = {journal["book"], debit["book"], credit["book"]}
        findings.holds("journals", f"posting {row['id']}: joins two books or none", len(books) == 1)
        findings.holds("journals", f"posting {row['id']}: {row['amount_fen']} fen", row["amount_fen"] > 0)
        sums[row["journal_id"]][debit["account_class"], credit["account_class"]] += row["amount_fen"]
    balances = {}
    for number, row in accounts.items():
        findings.same("totals", f"account {row['name']}", [row["debits_fen"], row["credits_fen"]], totals[number])
        balances[row["name"]] = (totals[number][0] - totals[number][1]) * (1 if row["is_asset"] else -1)
        findings.holds("totals", f"account {row['name']}: below 0", balances[row["name"]] >= 0)
    check_journals(bundle, findings, sums)
    trust = [row for row in accounts.values() if row["book"] == "trust"]
    assets = sum(balances[row["name"]] for row in trust if row["is_asset"])
    owed = sum(balances[row["name"]] for row in trust if not row["is_asset"])
    findings.same("trust", "the trust book: assets", assets, owed)
    return balances


def check_journals(bundle: Bundle, findings: Findings, sums: Mapping[int, Mapping[Any, int]]) -> None:
    """Compare the journals of sales, settlements, payouts and fees with the rows that name them."""
    transit = "trust:in_transit"
    taken: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    for row in bundle["orders"]:
        taken[row["journal_id"]][0] += row["cash_fen"]
        taken[row["journal_id"]][1] += row["concession_fen"]
    for number, expected in taken.items():
        mine = sums.get(number, {})
        cash = sum(fen for (debit, _), fen in mine.items() if debit == transit)
        conceded = mine.get((transit, "trust:concession_pending"), 0)
        findings.same("journals", f"journal {number}: cash and concessions of its orders", [cash, conceded], expected)
    due: dict[int, int] = defaultdict(int)
    for table, column in (("settled_cycles", "issued_fen"), ("payouts", "amount_fen"), ("fee_transfers", "amount_fen")):
        for row in bundle[table]:
            if row["journal_id"] is not None:
                due[row["journal_id"]] += row[column]
            elif table == "settled_cycles":
                findings.same("journals", f"settlement of pool {row['pool_id']} without a journal", row[column], 0)
    for number, fen in due.items():
        findings.same("journals", f"journal {number}: what it moves", sum(sums.get(number, {}).values()), fen)


def check_controls(bundle: Bundle, replay: Replay, balances: Mapping[str, int], findings: Findings) -> None:
    """Compare each control account with its subledger."""
    expected = dict.fromkeys(CONTROLS, 0)
    for name, parts in CONTROLS.items():
        for table, of in parts:
            expected[name] += sum(of(row) or 0 for row in bundle[table])
    moved = {row["cycle"] for row in bundle["fee_transfers"]}
    expected["trust:fee_payable"] = sum(
        row["fee_part_fen"] for row in bundle["orders"] if row["entry_cycle"] not in {None, *moved}
    )
    drawn: dict[int, int] = defaultdict(int)
    for (_, number), wallet in replay.wallets.items():
        drawn[number] += wallet.voucher
    for number, pool in replay.pools.items():
        expected[f"trust:pool:{pool.name}"] = pool.free
        expected[f"trust:voucher:{pool.name}"] = drawn[number]
        expected[f"trust:accrued:{pool.name}"] = pool.backing - pool.spent - drawn[number]
    for name, fen in expected.items():
        findings.same("control accounts", f"account {name}", balances.get(name, 0), fen)


def _reserve(row: Row) -> int:
    parts = ("green_part_fen", "red_part_fen", "coupon_part_fen", "fee_part_fen")
    return int(row["kept_fen"]) - sum(row[part] for part in parts) if row["entry_cycle"] is not None else 0


CONTROLS: Mapping[str, tuple[tuple[str, Any], ...]] = {
    "trust:in_transit": (
        ("orders", lambda row: row["confirmed_at"] is None and row["cash_fen"] - row["refunded_cash_fen"]),
    ),
    "trust:concession_pending": (
        ("orders", lambda row: row["entry_cycle"] is None and row["concession_fen"] - row["concession_lost_fen"]),
    ),
    "trust:coupon": (("coupons", lambda row: row["left_fen"]),),
    "trust:grant_unused": (("grants", lambda row: row["unused_fen"]),),
    "trust:merchant_payable": (
        (
            "orders",
            lambda row: (
                row["payout_id"] is None
                and row["cash_fen"] - row["concession_fen"] + row["voucher_fen"] + row["coupon_fen"]
            ),
        ),
        ("refunds", lambda row: row["payout_id"] is None and -row["dues_fen"]),
        ("deposits", lambda row: row["payout_id"] is None and row["amount_fen"]),
    ),
    "trust:reserve": (
        ("orders", _reserve),
        ("coupons", lambda row: row["expired_fen"]),
        ("wallet_entries", lambda row: row["kind"] == "repay" and row["amount_fen"]),
        ("clawbacks", lambda row: -row["reserve_fen"]),
    ),
    "ops:receivable": (("deposits", lambda row: row["advance_of"] is not None and row["amount_fen"]),),
}
"""Which rows add what to a control account; the accounts of each pool and the fees stand in `check_controls`."""


# --- the public log and the roots of liabilities ----------------------------------------------------------------------


def check_log(bundle: Bundle, findings: Findings) -> None:
    """Hash every leaf and every checkpoint's tree again (RFC 6962, 2.1), and hold the settlements against their leaves.

    All earlier roots are of the same leaves, so the newest signature of each key is the one that is proved.
    """
    roots = {row["size"]: row["root_hash"] for row in bundle["log_checkpoints"]}
    tiles: list[bytes] = []
    expected = 0
    for number, row in enumerate(bundle["log_leaves"]):
        where, body = f"leaf {row['number']}", json.loads(row["body"])
        findings.holds("log", f"leaf {expected} is missing", row["number"] == expected)
        expected = row["number"] + 1
        named = [body.get(name) for name in ("number", "kind", "about")]
        findings.same(
            "log", f"{where}: what it says of itself", named, [row[each] for each in ("number", "kind", "about")]
        )
        tile = hashlib.sha256(b"\x00" + row["body"].encode()).digest()
        findings.same("log", f"{where}: leaf_hash", row["leaf_hash"], tile.hex())
        _lay(tiles, number, tile)
        if (signed := roots.pop(number + 1, None)) is not None:
            findings.same("log", f"checkpoint of {number + 1} leaves: root_hash", signed, _folded(tiles))
    for size in roots:
        findings.wrong("log", f"checkpoint of {size} leaves: so many there are not")
    for row in {row["public_key"]: row for row in bundle["log_checkpoints"]}.values():
        told = base64.b64encode(bytes.fromhex(row["root_hash"])).decode()
        text = f"{row['origin']}\n{row['size']}\n{told}\n".encode()
        true = signed_by(bytes.fromhex(row["public_key"]), text, bytes.fromhex(row["signature"]))
        findings.holds("log", f"checkpoint of {row['size']} leaves: its signature is not its key's", true)
    check_told(bundle, findings)
    check_seals(bundle, findings)


def _lay(tiles: list[bytes], number: int, tile: bytes) -> None:
    """Add the number-th leaf, given by its hash, to the complete subtrees that tile a tree, the largest first."""
    while number & 1:
        tile, number = hashlib.sha256(b"\x01" + tiles.pop() + tile).digest(), number >> 1
    tiles.append(tile)


def _folded(tiles: Sequence[bytes]) -> str:
    """Return the root over such subtrees, in hex."""
    root = tiles[-1] if tiles else hashlib.sha256(b"").digest()
    for each in reversed(tiles[:-1]):
        root = hashlib.sha256(b"\x01" + each + root).digest()
    return root.hex()


def check_seals(bundle: Bundle, findings: Findings) -> None:
    """Hash each journal that a leaf seals again, seal after seal, in the order of the journals' numbers."""
    seals = [json.loads(row["body"])["facts"] for row in bundle["log_leaves"] if row["kind"] == "journals"]
    names = {row["id"]: row["name"] for row in bundle["ledger_accounts"]}
    lines: dict[int, list[list[Any]]] = defaultdict(list)
    for row in bundle["postings"] if seals else ():
        lines[row["journal_id"]].append([names[row["debit_id"]], names[row["credit_id"]], row["amount_fen"]])
    journals, before = iter(sorted(bundle["journals"], key=lambda row: int(row["id"]))), 0
    for number, told in enumerate(seals, 1):
        tiles: list[bytes] = []
        count = told.get("journals")
        if type(count) is not int or not 0 < count < 2**53:
            findings.wrong("log", f"seal {number}: {count} journals can't be sealed")
            continue
        for place, row in enumerate(islice(journals, count)):
            leaf = hashlib.sha256(_canonical(row, lines[row["id"]])).digest()
            _lay(tiles, place, hashlib.sha256(b"\x00" + leaf).digest())
        found = [told.get("before"), told.get("root")]
        findings.same("log", f"seal {number}, of {count} journals", found, [before, _folded(tiles)])
        before += count


def _canonical(journal: Row, lines: list[list[Any]]) -> bytes:
    """Return a journal as it is hashed: instants are microseconds since 1970, lines (debit, credit, fen) in order."""
    instants = [datetime.fromisoformat(journal[name]) - EPOCH for name in ("effective_at", "recorded_at")]
    written = [each // timedelta(microseconds=1) for each in instants]
    whole = ["greenloop-journal-1", journal["key"], journal["kind"], *written, sorted(lines)]
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FIELD = 2**255 - 19
ORDER = 2**252 + 27742317777372353535851937790883648493
CURVE = -121665 * pow(121666, -1, FIELD) % FIELD
Point = tuple[int, int, int, int]
"""A point of Ed25519 as (X, Y, Z, T): x = X/Z, y = Y/Z, x·y = T/Z (RFC 8032, 5.1.4)."""


def signed_by(key: bytes, text: bytes, signature: bytes) -> bool:
    """Tell whether an Ed25519 signature of 64 bytes is that of a public key under a text (RFC 8032, 5.1.7)."""
    owner, drawn = _point(key), _point(signature[:32])
    answer = int.from_bytes(signature[32:], "little")
    base = _point((4 * pow(5, -1, FIELD) % FIELD).to_bytes(32, "little"))
    if owner is None or drawn is None or base is None or answer >= ORDER or len(signature) != 64:
        return False
    asked = int.from_bytes(hashlib.sha512(signature[:32] + key + text).digest(), "little") % ORDER
    one, other = _times(answer, base), _plus(drawn, _times(asked, owner))
    return all((one[at] * other[2] - other[at] * one[2]) % FIELD == 0 for at in (0, 1))


def _point(packed: bytes) -> Point | None:
    """Return the point that 32 bytes stand for, None where there is none (RFC 8032, 5.1.3)."""
    y = int.from_bytes(packed, "little")
    sign, y = y >> 255, y & ((1 << 255) - 1)
    square = (y * y - 1) * pow(CURVE * y * y + 1, -1, FIELD) % FIELD
    x = pow(square, (FIELD + 3) // 8, FIELD)
    if (x * x - square) % FIELD:
        x = x * pow(2, (FIELD - 1) // 4, FIELD) % FIELD
    if (x * x - square) % FIELD or y >= FIELD or (x == 0 and sign):
        return None
    x = FIELD - x if x & 1 != sign else x
    return x, y, 1, x * y % FIELD


def _plus(one: Point, other: Point) -> Point:
    """Return the sum of two points (RFC 8032, 5.1.4)."""
    a, b = (one[1] - one[0]) * (other[1] - other[0]) % FIELD, (one[1] + one[0]) * (other[1] + other[0]) % FIELD
    c, d = 2 * one[3] * other[3] * CURVE % FIELD, 2 * one[2] * other[2] % FIELD
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % FIELD, g * h % FIELD, f * g % FIELD, e * h % FIELD


def _times(factor: int, point: Point) -> Point:
    """Return a multiple of a point, by doubling."""
    total: Point = (0, 1, 1, 0)
    while factor:
        total = _plus(total, point) if factor & 1 else total
        point, factor = _plus(point, point), factor >> 1
    return total


def check_told(bundle: Bundle, findings: Findings) -> None:
    """Compare settlements and rules with what the log tells of them."""
    told = {(row["kind"], row["about"]): json.loads(row["body"])["facts"] for row in bundle["log_leaves"]}
    names = {row["id"]: row["name"] for row in bundle["pools"]}
    for row in bundle["settled_cycles"]:
        about = f"settlement/{names[row['pool_id']]}/{row['cycle']}"
        due = {f"{name}_fen": row[f"{name}_fen"] for name in ("inflow", "issued", "free", "backing", "spent")}
        due |= {f"{name}_sha256": hashlib.sha256(row[name].encode()).hexdigest() for name in ("answer", "indices")}
        found = told.get(("settlement", about), {})
        findings.same("log", about, {name: found.get(name) for name in due}, due)
    for row in bundle["rules"]:
        found = told.get(("rules", f"rules/{row['id']}"), {}).get("document_sha256")
        findings.same("log", f"rules/{row['id']}", found, hashlib.sha256(row["document"].encode()).hexdigest())


def check_roots(bundle: Bundle, findings: Findings) -> None:
    """Rebuild what the books said at each root from the postings of that moment (R11); the trees stay with members."""
    names = {row["id"]: row["name"] for row in bundle["ledger_accounts"]}
    roots, leaves = bundle.by("liability_roots", "cycle"), {row["about"]: row for row in bundle["log_leaves"]}
    books = sorted(bundle["liability_books"], key=lambda row: int(row["posting_id"]))
    totals: dict[int, list[int]] = defaultdict(lambda: [0, 0])
    sums: dict[int, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    postings = iter(sorted(bundle["postings"], key=lambda row: int(row["id"])))
    posting = next(postings, None)
    for row in books:
        while posting is not None and posting["id"] <= row["posting_id"]:
            totals[posting["debit_id"]][0] += posting["amount_fen"]
            totals[posting["credit_id"]][1] += posting["amount_fen"]
            posting = next(postings, None)
        debits, credits_ = totals[row["account_id"]]
        name = names[row["account_id"]]
        where = f"root of cycle {row['cycle']}: account {name}"
        findings.same("roots", where, [row["debits_fen"], row["credits_fen"]], [debits, credits_])
        sums[row["cycle"]][name.split(":")[1]] += abs(debits - credits_)
    for cycle, row in roots.items():
        mine = sums[cycle]
        found = [row[f"{name}_fen"] for name in ("unspent", "coupon", "dues", "bank", "in_transit")]
        due = [mine[name] for name in ("voucher", "coupon", "merchant_payable", "bank", "in_transit")]
        findings.same("roots", f"root of cycle {cycle}: parts and cash", found, due)
        accrued = row["claimable_fen"] + row["dust_fen"]
        findings.same("roots", f"root of cycle {cycle}: claimable and dust", accrued, mine["accrued"])
        total = sum(row[f"{name}_fen"] for name in ("claimable", "unspent", "coupon", "dues"))
        findings.same("roots", f"root of cycle {cycle}: total_fen", row["total_fen"], total)
        facts = json.loads(leaves.get(f"root/{cycle}", {"body": '{"facts":{}}'})["body"])["facts"]
        names_told = ["root_hash", "total_fen", "journal_hash", "nonce_hash", "bank_fen"]
        if row.get("form", 1) > 1:  # leaves of the first form say nothing of who vouches for the cash
            names_told += ["form", "trust_number", "trust_hash", "trust_pending", "statements"]
        due_facts = {**row, "statements": json.loads(row.get("statements", "[]"))}
        published = [facts.get(name) for name in names_told]
        findings.same(
            "roots", f"root of cycle {cycle}: what the log tells", published, [due_facts[name] for name in names_told]
        )


def verify(folder: Path) -> Findings:
    """Verify a bundle whole."""
    bundle, findings = Bundle(folder), Findings()
    bundle.check_files(findings)
    bundle.check_references(findings)
    replay = Replay(bundle, findings)
    replay.run()
    replay.compare()
    check_orders(bundle, replay, findings)
    check_vouchers(bundle, findings)
    check_controls(bundle, replay, check_ledger(bundle, findings), findings)
    check_log(bundle, findings)
    check_roots(bundle, findings)
    return findings


def told(findings: Findings) -> Iterator[str]:
    """Yield the lines of the report: a table of the statements, then the first differences by name."""
    yield f"{'statement':18}{'rule':7}{'compared':>11}{'differ':>9}"
    for each in findings.by_name.values():
        yield f"{each.name:18}{each.law:7}{each.looked_at:>11}{each.differences:>9}"
    for each in findings.by_name.values():
        if each.differences:
            yield f"\n{each.name}: {each.what} NOT SO:"
            yield from (f"  {line}" for line in each.first)
            if each.differences > len(each.first):
                yield f"  and {each.differences - len(each.first)} more"
    yield ""
    broken = findings.broken
    yield f"{broken} statements do NOT hold." if broken else f"All {len(findings.by_name)} statements hold."


def main() -> int:
    """Verify the bundle that the command line names; return 1 if a statement doesn't hold, 2 if there is no bundle."""
    parser = argparse.ArgumentParser(prog="greenloop-verify", description="Verify an auditor's bundle of Greenloop.")
    parser.add_argument("folder", type=Path, help="the folder that `greenloop bundle` wrote")
    parser.add_argument("--engine", choices=("python", "duckdb", "spark"), default="python", help="what computes it")
    parser.add_argument("--json", action="store_true", help="answer with one JSON object")
    given = parser.parse_args()
    if not (given.folder / "bundle.json").is_file():
        sys.stderr.write(f"{given.folder} has no bundle.json; write a bundle with: greenloop bundle FOLDER\n")
        return 2
    findings = verify(given.folder) if given.engine == "python" else _in_sql(given.folder, given.engine)
    sys.stdout.write(_as_json(findings) if given.json else "\n".join(told(findings)) + "\n")
    return int(bool(findings.broken))


def _in_sql(folder: Path, engine: str) -> Findings:
    """Verify with the second implementation, in plain SQL; it stands beside this file and needs its engine."""
    from greenloop_verify.tables import verify_tables

    return verify_tables(folder, engine)


def _as_json(findings: Findings) -> str:
    facts = {"holds": not findings.broken, "statements": [asdict(each) for each in findings.by_name.values()]}
    return json.dumps(facts, indent=2) + "\n"


if __name__ == "__main__":
    sys.exit(main())
