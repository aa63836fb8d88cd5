-- Wallets, vouchers and pools as they stand (R8 to R11).

-- @table moves
-- What the entries make of each wallet, before clawbacks.
SELECT account_id, pool_id,
       SUM(CASE WHEN kind IN ('draw', 'repay') THEN amount_fen ELSE 0 END) AS claimed_fen,
       SUM(CASE WHEN kind IN ('draw', 'return') THEN amount_fen WHEN kind IN ('spend', 'expire') THEN -amount_fen
                ELSE 0 END) AS voucher_fen,
       SUM(CASE WHEN kind IN ('spend', 'repay') THEN amount_fen WHEN kind = 'return' THEN -amount_fen
                ELSE 0 END) AS redeemed_fen,
       SUM(CASE WHEN kind = 'expire' THEN amount_fen ELSE 0 END) AS expired_fen,
       SUM(CASE WHEN kind = 'draw' THEN amount_fen ELSE 0 END) AS drawn_fen,
       SUM(CASE WHEN kind = 'repay' THEN amount_fen ELSE 0 END) AS repaid_fen
FROM wallet_entries GROUP BY account_id, pool_id

-- @table taken_back
SELECT account_id, pool_id, SUM(voucher_fen) AS voucher_fen, SUM(expired_fen) AS expired_fen,
       SUM(cash_fen + dues_fen + reserve_fen) AS paid_fen, SUM(reserve_fen) AS reserve_fen
FROM clawbacks GROUP BY account_id, pool_id

-- @check clawbacks on clawbacks
-- What a refund took from a wallet is one movement of that wallet.
SELECT COALESCE(b.refund_id, e.refund_id) AS place,
       CONCAT('refund ', COALESCE(b.refund_id, e.refund_id), ': taken from wallet ',
              COALESCE(b.account_id, e.account_id), ' of pool ', COALESCE(b.pool_id, e.pool_id)) AS what,
       COALESCE(CAST(b.voucher_fen + b.expired_fen + b.cash_fen + b.dues_fen + b.reserve_fen AS STRING), 'none')
           AS found,
       COALESCE(CAST(e.amount_fen AS STRING), 'none') AS due
FROM clawbacks b
FULL OUTER JOIN (
    SELECT w.account_id, r.id AS refund_id, w.pool_id, SUM(w.amount_fen) AS amount_fen
    FROM wallet_entries w
    JOIN refunds r ON r.order_id = w.order_id AND COALESCE(r.effect_journal_id, r.journal_id) = w.journal_id
    WHERE w.kind = 'claw' GROUP BY w.account_id, r.id, w.pool_id
) e ON e.account_id = b.account_id AND e.refund_id = b.refund_id AND e.pool_id = b.pool_id
WHERE b.refund_id IS NULL OR e.refund_id IS NULL
    OR e.amount_fen <> b.voucher_fen + b.expired_fen + b.cash_fen + b.dues_fen + b.reserve_fen

-- @table wallets_due
-- Who ever held points or moved vouchers has a wallet.
SELECT h.account_id, h.pool_id,
       COALESCE(m.claimed_fen, 0) - COALESCE(b.voucher_fen + b.expired_fen + b.paid_fen, 0) AS claimed_fen,
       COALESCE(m.voucher_fen, 0) - COALESCE(b.voucher_fen, 0) AS voucher_fen,
       COALESCE(m.redeemed_fen, 0) AS redeemed_fen,
       COALESCE(m.expired_fen, 0) - COALESCE(b.expired_fen, 0) AS expired_fen
FROM (
    SELECT DISTINCT l.account_id, c.pool_id FROM lots l JOIN cohorts c ON c.id = l.cohort_id
    UNION
    SELECT account_id, pool_id FROM moves
) h
LEFT JOIN moves m ON m.account_id = h.account_id AND m.pool_id = h.pool_id
LEFT JOIN taken_back b ON b.account_id = h.account_id AND b.pool_id = h.pool_id

-- @check wallets on wallets
SELECT COALESCE(w.account_id, d.account_id) AS place,
       CONCAT('wallet ', COALESCE(w.account_id, d.account_id), ' of pool ', COALESCE(w.pool_id, d.pool_id),
              ': claimed, voucher, redeemed, expired') AS what,
       CASE WHEN w.account_id IS NULL THEN 'missing'
            ELSE CONCAT(w.claimed_fen, ', ', w.voucher_fen, ', ', w.redeemed_fen, ', ', w.expired_fen) END AS found,
       CONCAT(COALESCE(d.claimed_fen, 0), ', ', COALESCE(d.voucher_fen, 0), ', ', COALESCE(d.redeemed_fen, 0), ', ',
              COALESCE(d.expired_fen, 0)) AS due
FROM wallets w FULL OUTER JOIN wallets_due d ON d.account_id = w.account_id AND d.pool_id = w.pool_id
WHERE w.account_id IS NULL OR w.claimed_fen <> COALESCE(d.claimed_fen, 0)
    OR w.voucher_fen <> COALESCE(d.voucher_fen, 0) OR w.redeemed_fen <> COALESCE(d.redeemed_fen, 0)
    OR w.expired_fen <> COALESCE(d.expired_fen, 0)

-- @check wallets on wallets
-- A debt is the holder's: what one pool's refund left is repaid by the next draw of any pool.
SELECT w.account_id AS place, CONCAT('wallets of ', w.account_id, ': debt') AS what,
       CAST(w.debt_fen AS STRING) AS found, CAST(COALESCE(d.debt_fen, 0) AS STRING) AS due
FROM (SELECT account_id, SUM(debt_fen) AS debt_fen FROM wallets GROUP BY account_id) w
LEFT JOIN (
    SELECT account_id, SUM(fen) AS debt_fen
    FROM (
        SELECT account_id, reserve_fen AS fen FROM taken_back
        UNION ALL SELECT account_id, -repaid_fen FROM moves
    ) AS parts GROUP BY account_id
) d ON d.account_id = w.account_id
WHERE w.debt_fen <> COALESCE(d.debt_fen, 0)

-- @table accruals
-- What each wallet's points have released: one floor (R9).
SELECT p.account_id, c.pool_id,
       floor_div(SUM(CAST(p.points AS DECIMAL(38, 0)) * c.release_index), 1000000000000) AS accrued_fen
FROM positions p JOIN cohorts c ON c.id = p.cohort_id GROUP BY p.account_id, c.pool_id

-- @check claims on wallets
-- Nobody has claimed more than was released to them.
SELECT w.account_id AS place, CONCAT('wallet ', w.account_id, ' of pool ', w.pool_id, ': claimed') AS what,
       CAST(w.claimed_fen AS STRING) AS found, CONCAT('at most ', COALESCE(a.accrued_fen, 0)) AS due
FROM wallets w LEFT JOIN accruals a ON a.account_id = w.account_id AND a.pool_id = w.pool_id
WHERE w.claimed_fen > COALESCE(a.accrued_fen, 0)

-- @table voucher_sums
SELECT v.account_id, v.pool_id, SUM(v.face_fen) AS face_fen, SUM(v.left_fen) AS left_fen,
       SUM(v.face_fen - v.left_fen - COALESCE(u.used_fen, 0)) AS gone_fen
FROM vouchers v
LEFT JOIN (SELECT voucher_id, SUM(amount_fen - returned_fen) AS used_fen FROM voucher_uses GROUP BY voucher_id) u
    ON u.voucher_id = v.id
GROUP BY v.account_id, v.pool_id

-- @check vouchers on vouchers
SELECT COALESCE(v.account_id, w.account_id) AS place,
       CONCAT('wallet ', COALESCE(v.account_id, w.account_id), ' of pool ', COALESCE(v.pool_id, w.pool_id),
              ': vouchers drawn, left, expired or taken back') AS what,
       CONCAT(COALESCE(v.face_fen, 0), ', ', COALESCE(v.left_fen, 0), ', ', COALESCE(v.gone_fen, 0)) AS found,
       CONCAT(COALESCE(m.drawn_fen, 0), ', ', COALESCE(w.voucher_fen, 0), ', ',
              COALESCE(m.expired_fen, 0) + COALESCE(b.voucher_fen, 0)) AS due
FROM wallets w FULL OUTER JOIN voucher_sums v ON v.account_id = w.account_id AND v.pool_id = w.pool_id
LEFT JOIN moves m
    ON m.account_id = COALESCE(v.account_id, w.account_id) AND m.pool_id = COALESCE(v.pool_id, w.pool_id)
LEFT JOIN taken_back b
    ON b.account_id = COALESCE(v.account_id, w.account_id) AND b.pool_id = COALESCE(v.pool_id, w.pool_id)
WHERE COALESCE(v.face_fen, 0) <> COALESCE(m.drawn_fen, 0) OR COALESCE(v.left_fen, 0) <> COALESCE(w.voucher_fen, 0)
    OR COALESCE(v.gone_fen, 0) <> COALESCE(m.expired_fen, 0) + COALESCE(b.voucher_fen, 0)

-- @table inflows_due
-- What orders put into each pool, by its own cycle, as their parts stand.
SELECT pool_id, cycle, SUM(fen) AS fen
FROM (
    SELECT o.pool_id, o.entry_cycle - p.first_cycle + 1 AS cycle, o.green_part_fen AS fen
    FROM orders o JOIN pools p ON p.id = o.pool_id WHERE o.entry_cycle IS NOT NULL
    UNION ALL
    SELECT v.red_pool_id, o.entry_cycle - p.first_cycle + 1, o.red_part_fen
    FROM orders o JOIN rules v ON v.id = o.rules_id JOIN pools p ON p.id = v.red_pool_id
    WHERE o.entry_cycle IS NOT NULL AND o.red_part_fen > 0
) AS parts
GROUP BY pool_id, cycle

-- @check pools on pool_cycles
SELECT COALESCE(c.cycle, d.cycle) AS place,
       CONCAT('pool ', COALESCE(c.pool_id, d.pool_id), ', cycle ', COALESCE(c.cycle, d.cycle), ': inflow') AS what,
       CAST(COALESCE(c.inflow_fen, 0) AS STRING) AS found, CAST(COALESCE(d.fen, 0) AS STRING) AS due
FROM pool_cycles c FULL OUTER JOIN inflows_due d ON d.pool_id = c.pool_id AND d.cycle = c.cycle
WHERE COALESCE(c.inflow_fen, 0) <> COALESCE(d.fen, 0)

-- @table pools_due
-- Each pool from its last settlement on: backing for the points of now, free money moved by what came since, and what
-- is spent of the backing.
SELECT p.id AS pool_id,
       COALESCE(a.free_fen, 0) + COALESCE(a.backing_fen, 0) + COALESCE(i.fen, 0) + COALESCE(f.fen, 0)
           - COALESCE(b.backing_fen, 0) AS free_fen,
       COALESCE(b.backing_fen, 0) AS backing_fen,
       COALESCE(m.spent_fen, 0) - COALESCE(t.spent_fen, 0) AS spent_fen
FROM pools p
LEFT JOIN answers a ON a.pool_id = p.id AND a.cycle = p.settled_cycle
LEFT JOIN (
    SELECT c.pool_id, SUM(c.inflow_fen) AS fen FROM pool_cycles c JOIN pools o ON o.id = c.pool_id
    WHERE c.cycle > o.settled_cycle GROUP BY c.pool_id
) i ON i.pool_id = p.id
LEFT JOIN (
    SELECT x.pool_id, SUM(x.expired_fen) AS fen FROM flows x JOIN pools o ON o.id = x.pool_id
    WHERE x.cycle > o.settled_cycle GROUP BY x.pool_id
) f ON f.pool_id = p.id
LEFT JOIN (
    SELECT pool_id,
           -floor_div(-SUM(CAST(points AS DECIMAL(38, 0)) * release_index), 1000000000000) AS backing_fen
    FROM cohorts GROUP BY pool_id
) b ON b.pool_id = p.id
LEFT JOIN (
    SELECT pool_id, SUM(redeemed_fen + expired_fen) AS spent_fen FROM moves GROUP BY pool_id
) m ON m.pool_id = p.id
LEFT JOIN (
    SELECT pool_id, SUM(expired_fen + paid_fen) AS spent_fen FROM taken_back GROUP BY pool_id
) t ON t.pool_id = p.id

-- @check pools on pools
SELECT p.id AS place, CONCAT('pool ', p.name, ': free_fen, backing_fen, spent_fen') AS what,
       CONCAT(p.free_fen, ', ', p.backing_fen, ', ', p.spent_fen) AS found,
       CONCAT(d.free_fen, ', ', d.backing_fen, ', ', d.spent_fen) AS due
FROM pools p JOIN pools_due d ON d.pool_id = p.id
WHERE p.free_fen <> d.free_fen OR p.backing_fen <> d.backing_fen OR p.spent_fen <> d.spent_fen OR p.free_fen < 0

-- @check solvency on pools
-- The backing covers what holders have and can draw, with less than a fen a wallet over (R11).
SELECT p.id AS place, CONCAT('pool ', p.name, ': dust') AS what,
       CAST(p.backing_fen - p.spent_fen - COALESCE(o.owed_fen, 0) AS STRING) AS found,
       CONCAT('0 to ', COALESCE(o.holders, 0)) AS due
FROM pools p
LEFT JOIN (
    SELECT w.pool_id, SUM(COALESCE(a.accrued_fen, 0) - w.claimed_fen + w.voucher_fen) AS owed_fen,
           COUNT(*) AS holders
    FROM wallets w LEFT JOIN accruals a ON a.account_id = w.account_id AND a.pool_id = w.pool_id
    GROUP BY w.pool_id
) o ON o.pool_id = p.id
WHERE p.backing_fen - p.spent_fen - COALESCE(o.owed_fen, 0) NOT BETWEEN 0 AND COALESCE(o.holders, 0)
