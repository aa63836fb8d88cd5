"""Claims that wait for a second person: what wallets reserve is what they ask for, and what passed was let through."""

from collections.abc import Iterator

from greenloop.core.faults import say
from greenloop.insight.proof import Proof, no_rows


def proofs() -> Iterator[Proof]:
    """Prove the claims against the wallets, the journal and the orders."""
    every = "SELECT COUNT(*) FROM claim"
    what = say("What wallets reserve is what claims that wait, or are approved and not used, ask for.")
    yield no_rows("7", "reserved", what, _RESERVED, "SELECT COUNT(*) FROM wallet")
    what = say("Nobody has reserved more than there is, but where a refund took vouchers back since.")
    yield no_rows("7", "covered", what, _COVERED.format(accrued=_ACCRUED), every)
    what = say("Each claim is the sum of its pools' parts.")
    yield no_rows("7", "claimed", what, _SUMS, every)
    what = say("Each large draw or spend that was let through was drawn or spent once, to the fen.")
    yield no_rows("7", "let through", what, _PASSED, f"{every} WHERE state = 'done'")


_RESERVED = """
    SELECT w.account_id, w.pool_id FROM wallet w LEFT JOIN (
        SELECT c.account_id, p.pool_id, SUM(CASE c.kind WHEN 'draw' THEN p.amount_fen ELSE 0 END) AS draws,
               SUM(CASE c.kind WHEN 'spend' THEN p.amount_fen ELSE 0 END) AS spends
        FROM claim c JOIN claim_part p ON p.claim_id = c.id WHERE c.ended_at IS NULL GROUP BY c.account_id, p.pool_id
    ) l ON l.account_id = w.account_id AND l.pool_id = w.pool_id
    WHERE w.draw_held_fen <> COALESCE(l.draws, 0) OR w.spend_held_fen <> COALESCE(l.spends, 0)
"""
_ACCRUED = """
    SELECT p.account_id, c.pool_id, CAST(SUM(p.points * (c.release_index / 1000000)) AS BIGINT) AS high,
           CAST(SUM(p.points * (c.release_index %% 1000000)) AS BIGINT) AS low
    FROM position p JOIN cohort c ON c.id = p.cohort_id
    WHERE p.account_id IN (SELECT account_id FROM claim WHERE ended_at IS NULL) GROUP BY p.account_id, c.pool_id
"""
# A refund lowers what was released, and takes back vouchers where more than that was drawn. An effect that waited for a
# held settlement has a journal of its own.
_COVERED = """
    SELECT w.account_id, w.pool_id FROM wallet w LEFT JOIN ({accrued}) a
        ON a.account_id = w.account_id AND a.pool_id = w.pool_id
    WHERE w.draw_held_fen + w.spend_held_fen > 0
        AND w.draw_held_fen + w.spend_held_fen
            > COALESCE((a.high + a.low / 1000000) / 1000000, 0) - w.claimed_fen + w.voucher_fen
        AND NOT EXISTS (
            SELECT 1 FROM refund r JOIN orders o ON o.id = r.order_id JOIN merchant m ON m.id = o.merchant_id
            WHERE r.effect = 'applied' AND (o.member_id = w.account_id OR o.referrer_id = w.account_id
                OR m.account_id = w.account_id)
                AND (r.effect_journal_id IS NOT NULL OR r.paid_at >= (
                    SELECT MIN(c.asked_at) FROM claim c WHERE c.account_id = w.account_id AND c.ended_at IS NULL)))
"""
_SUMS = """
    SELECT c.id FROM claim c LEFT JOIN claim_part p ON p.claim_id = c.id
    GROUP BY c.id, c.amount_fen HAVING c.amount_fen <> COALESCE(SUM(p.amount_fen), 0)
"""
_PASSED = """
    SELECT id FROM (
        SELECT c.id, c.amount_fen, e.amount_fen AS passed_fen FROM claim c
        LEFT JOIN journal j ON j.key = 'draw/' || CAST(c.id AS VARCHAR(20)) AND j.book = 'trust'
        LEFT JOIN wallet_entry e ON e.account_id = c.account_id AND e.journal_id = j.id AND e.kind = 'draw'
        WHERE c.kind = 'draw' AND c.state = 'done'
        UNION ALL
        SELECT c.id, c.amount_fen, o.voucher_fen FROM claim c
        LEFT JOIN orders o ON o.merchant_id = c.merchant_id AND o.order_no = c.order_no AND o.member_id = c.account_id
        WHERE c.kind = 'spend' AND c.state = 'done'
    ) AS used WHERE passed_fen IS NULL OR passed_fen <> amount_fen
"""
