"""What a forger might do: each entry changes a bundle and returns the statement that breaks and what it has to name."""

import json
from collections.abc import Callable

from tests.verify.forging import Forgery, Row

Named = tuple[str, str]


def a_changed_order(forged: Forgery) -> Named:
    row = forged.change("orders", lambda row: row["entry_cycle"] and row["entered_fen"] >= 10, cash_fen=1_000)
    return "orders", f"order {row['id']}"


def a_dropped_order(forged: Forgery) -> Named:
    row = forged.drop(
        "orders",
        lambda row: row["entry_cycle"] and row["entered_fen"] >= 10 and not row["concession_lost_fen"],
    )
    return "positions", f"position of {row['member_id']} in cohort"


def an_order_of_nobody(forged: Forgery) -> Named:
    row = forged.change("orders", lambda row: row["entry_cycle"], merchant_id=1)
    return "references", f"orders: there is no row {row['merchant_id']} of merchants"


def a_made_up_referrer(forged: Forgery) -> Named:
    row = forged.change(
        "orders", lambda row: row["referrer_id"] is None and (row["entered_fen"] or 0) > 1_000, red_points=40
    )
    return "orders", f"order {row['id']}"


def an_index_off_by_one_unit(forged: Forgery) -> Named:
    rows = forged.rows("settled_cycles")
    row = next(row for row in rows if json.loads(row["indices"]))
    indices = json.loads(row["indices"])
    indices[0][1] += 1
    row["indices"] = json.dumps(indices, separators=(",", ":"))
    forged.write("settled_cycles", rows)
    return "settlements", f"cycle {row['cycle']}: index of cohort {indices[0][0]}"


def a_cohort_off_by_one_unit(forged: Forgery) -> Named:
    row = forged.change("cohorts", lambda row: row["release_index"] > 0, release_index=1)
    return "cohorts", f"cohort {row['id']}: release_index"


def a_dividend_off_by_one_unit(forged: Forgery) -> Named:
    rows = forged.rows("settled_cycles")
    row = next(row for row in rows if json.loads(row["answer"])["dividend"])
    answer = json.loads(row["answer"])
    answer["dividend"] += 1
    row["answer"] = json.dumps(answer, separators=(",", ":"))
    forged.write("settled_cycles", rows)
    return "settlements", f"cycle {row['cycle']}: dividend"


def a_fen_more_issued(forged: Forgery) -> Named:
    row = forged.change("settled_cycles", lambda row: row["issued_fen"] > 0, issued_fen=1)
    return "journals", f"journal {row['journal_id']}"


def a_dropped_wallet(forged: Forgery) -> Named:
    row = forged.drop("wallets", lambda row: row["voucher_fen"] > 0)
    return "wallets", f"wallet {row['account_id']}"


def a_fen_moved_between_wallets(forged: Forgery) -> Named:
    poor = forged.change("wallets", lambda row: row["voucher_fen"] > 0, voucher_fen=-1)
    forged.change("wallets", lambda row: row["account_id"] != poor["account_id"], voucher_fen=1)
    return "wallets", f"wallet {poor['account_id']}"


def a_debt_made_up(forged: Forgery) -> Named:
    row = forged.change("wallets", lambda row: row["voucher_fen"] > 0, debt_fen=1)
    return "wallets", f"wallets of {row['account_id']}"


def points_moved_between_holders(forged: Forgery) -> Named:
    poor = forged.change("positions", lambda row: row["points"] > 0, points=-1)
    forged.change(
        "positions",
        lambda row: row["cohort_id"] == poor["cohort_id"] and row["account_id"] != poor["account_id"],
        points=1,
    )
    return "positions", f"position of {poor['account_id']} in cohort {poor['cohort_id']}"


def a_fen_moved_between_accounts(forged: Forgery) -> Named:
    """A fen leaves the reserve's credit for the fees, in the posting and in the totals: only the rows behind differ."""
    reserve = forged.change("ledger_accounts", lambda row: row["name"] == "trust:reserve", credits_fen=-1)
    fees = forged.change("ledger_accounts", lambda row: row["name"] == "trust:fee_payable", credits_fen=1)
    posting = forged.change("postings", lambda row: row["credit_id"] == reserve["id"], amount_fen=-1)
    forged.change(
        "postings",
        lambda row: row["credit_id"] == fees["id"] and row["journal_id"] == posting["journal_id"],
        amount_fen=1,
    )
    return "control accounts", "account trust:reserve"


def a_posting_of_one_fen_more(forged: Forgery) -> Named:
    accounts = {row["id"]: row["name"] for row in forged.rows("ledger_accounts")}
    row = forged.change("postings", lambda row: accounts[row["credit_id"]] == "trust:coupon", amount_fen=1)
    return "totals", f"account {accounts[row['debit_id']]}"


def an_expired_voucher_issued_twice(forged: Forgery) -> Named:
    expired = next(row for row in forged.rows("wallet_entries") if row["kind"] == "expire")
    rows = forged.rows("vouchers")
    again = next(
        row
        for row in rows
        if (row["account_id"], row["pool_id"]) == (expired["account_id"], expired["pool_id"])
        and row["left_fen"] < row["face_fen"]
    )
    forged.write("vouchers", [*rows, again | {"id": max(row["id"] for row in rows) + 1}])
    return "vouchers", f"wallet {expired['account_id']} of pool {expired['pool_id']}"


def a_draw_booked_twice(forged: Forgery) -> Named:
    rows = forged.rows("wallet_entries")
    row = next(row for row in rows if row["kind"] == "draw")
    line = max(each["line"] for each in rows if each["journal_id"] == row["journal_id"]) + 1
    forged.write("wallet_entries", [*rows, row | {"line": line}])
    return "vouchers", f"wallet {row['account_id']} of pool {row['pool_id']}"


def a_refund_that_keeps_its_points(forged: Forgery) -> Named:
    row = forged.change(
        "refunds", lambda row: row["effect"] == "applied" and row["member_points_lost"] > 0, member_points_lost=-1
    )
    return "refunds", f"refund {row['id']}: points lost"


def a_clawback_left_out(forged: Forgery) -> Named:
    row = forged.drop("clawbacks", lambda row: row["voucher_fen"] > 0)
    return "clawbacks", f"refund {row['refund_id']}"


def a_fen_of_backing_made_free(forged: Forgery) -> Named:
    row = forged.change("pools", lambda row: row["backing_fen"] > 0, backing_fen=-1, free_fen=1)
    return "pools", f"pool {row['name']}: free_fen"


def an_inflow_too_large(forged: Forgery) -> Named:
    row = forged.change("pool_cycles", lambda row: row["inflow_fen"] > 0, inflow_fen=7)
    return "pools", f"pool {row['pool_id']}, cycle {row['cycle']}: inflow"


def a_cap_that_was_not_obeyed(forged: Forgery) -> Named:
    settled: Row = next(row for row in forged.rows("settled_cycles") if row["issued_fen"] > 10)
    place = (settled["pool_id"], settled["cycle"])
    forged.change("pool_cycles", lambda row: (row["pool_id"], row["cycle"]) == place, cap_fen=5)
    return "settlements", f"cycle {settled['cycle']}: budget_fen"


def a_leaf_of_the_log_changed(forged: Forgery) -> Named:
    rows = forged.rows("log_leaves")
    row = next(row for row in rows if row["kind"] == "settlement")
    row["body"] = row["body"].replace('"issued_fen":', '"issued_fen":1')
    forged.write("log_leaves", rows)
    return "log", f"leaf {row['number']}: leaf_hash"


def a_leaf_of_the_log_dropped(forged: Forgery) -> Named:
    row = forged.drop("log_leaves", lambda row: row["kind"] == "settlement")
    return "log", f"leaf {row['number']} is missing"


def a_checkpoint_of_another_log(forged: Forgery) -> Named:
    row = forged.change("log_checkpoints", lambda row: row["size"] > 1, root_hash="0" * 64)
    return "log", f"checkpoint of {row['size']} leaves"


def a_signature_of_nobody(forged: Forgery) -> Named:
    row = forged.change("log_checkpoints", lambda row: row["size"] > 1, origin="greenloop/another-log")
    return "log", f"checkpoint of {row['size']} leaves: its signature"


def a_journal_dated_otherwise(forged: Forgery) -> Named:
    rows = forged.rows("journals")
    rows[len(rows) // 2]["recorded_at"] = rows[0]["recorded_at"]
    forged.write("journals", rows)
    return "log", "seal 1, of"


def a_journal_of_another_name(forged: Forgery) -> Named:
    rows = forged.rows("journals")
    row = next(row for row in rows if row["kind"] == "take")
    row["key"] += "x"
    forged.write("journals", rows)
    return "log", "seal 1, of"


def a_seal_over_less_than_nothing(forged: Forgery) -> Named:
    rows = forged.rows("log_leaves")
    row = next(row for row in rows if row["kind"] == "journals")
    body = json.loads(row["body"])
    body["facts"]["journals"] = -1
    row["body"] = json.dumps(body, separators=(",", ":"))
    forged.write("log_leaves", rows)
    return "log", "seal 1: -1 journals"


def a_root_of_less_than_is_owed(forged: Forgery) -> Named:
    row = forged.change("liability_roots", lambda row: row["unspent_fen"] > 0, unspent_fen=-1, total_fen=-1)
    return "roots", f"root of cycle {row['cycle']}: parts and cash"


FORGERIES: tuple[Callable[[Forgery], Named], ...] = (
    a_changed_order,
    a_dropped_order,
    an_order_of_nobody,
    a_made_up_referrer,
    an_index_off_by_one_unit,
    a_cohort_off_by_one_unit,
    a_dividend_off_by_one_unit,
    a_fen_more_issued,
    a_dropped_wallet,
    a_fen_moved_between_wallets,
    a_debt_made_up,
    points_moved_between_holders,
    a_fen_moved_between_accounts,
    a_posting_of_one_fen_more,
    an_expired_voucher_issued_twice,
    a_draw_booked_twice,
    a_refund_that_keeps_its_points,
    a_clawback_left_out,
    a_fen_of_backing_made_free,
    an_inflow_too_large,
    a_cap_that_was_not_obeyed,
    a_leaf_of_the_log_changed,
    a_leaf_of_the_log_dropped,
    a_checkpoint_of_another_log,
    a_signature_of_nobody,
    a_journal_dated_otherwise,
    a_journal_of_another_name,
    a_seal_over_less_than_nothing,
    a_root_of_less_than_is_owed,
)
