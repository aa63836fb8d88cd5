-- The books: totals from postings, journals and control accounts from the rows behind them.

-- @table sides
SELECT account_id, SUM(debit_fen) AS debits_fen, SUM(credit_fen) AS credits_fen
FROM (
    SELECT debit_id AS account_id, amount_fen AS debit_fen, 0 AS credit_fen FROM postings
    UNION ALL
    SELECT credit_id, 0, amount_fen FROM postings
) AS each_side
GROUP BY account_id

-- @table balances
SELECT a.id, a.name, a.book, a.is_asset, a.debits_fen, a.credits_fen, COALESCE(s.debits_fen, 0) AS debits_due,
       COALESCE(s.credits_fen, 0) AS credits_due,
       CASE WHEN a.is_asset THEN COALESCE(s.debits_fen, 0) - COALESCE(s.credits_fen, 0)
            ELSE COALESCE(s.credits_fen, 0) - COALESCE(s.debits_fen, 0) END AS fen
FROM ledger_accounts a LEFT JOIN sides s ON s.account_id = a.id

-- @check totals on ledger_accounts
SELECT id AS place, CONCAT('account ', name) AS what, CONCAT(debits_fen, ', ', credits_fen) AS found,
       CONCAT(debits_due, ', ', credits_due) AS due
FROM balances WHERE debits_fen <> debits_due OR credits_fen <> credits_due OR fen < 0

-- @check journals on postings
SELECT p.id AS place, CONCAT('posting ', p.id, ': joins two books or none, or moves nothing') AS what,
       CAST(p.amount_fen AS STRING) AS found, 'one book, above 0' AS due
FROM postings p LEFT JOIN journals j ON j.id = p.journal_id
LEFT JOIN ledger_accounts d ON d.id = p.debit_id LEFT JOIN ledger_accounts c ON c.id = p.credit_id
WHERE p.amount_fen <= 0 OR j.book IS NULL OR d.book IS NULL OR c.book IS NULL OR d.book <> j.book OR c.book <> j.book

-- @table taken
SELECT journal_id, SUM(cash_fen) AS cash_fen, SUM(concession_fen) AS concession_fen FROM orders GROUP BY journal_id

-- @table into_transit
SELECT p.journal_id, SUM(p.amount_fen) AS cash_fen,
       SUM(CASE WHEN c.name = 'trust:concession_pending' THEN p.amount_fen ELSE 0 END) AS concession_fen
FROM postings p JOIN ledger_accounts d ON d.id = p.debit_id JOIN ledger_accounts c ON c.id = p.credit_id
WHERE d.name = 'trust:in_transit' GROUP BY p.journal_id

-- @check journals on taken
SELECT t.journal_id AS place, CONCAT('journal ', t.journal_id, ': cash and concessions of its orders') AS what,
       CONCAT(COALESCE(i.cash_fen, 0), ', ', COALESCE(i.concession_fen, 0)) AS found,
       CONCAT(t.cash_fen, ', ', t.concession_fen) AS due
FROM taken t LEFT JOIN into_transit i ON i.journal_id = t.journal_id
WHERE COALESCE(i.cash_fen, 0) <> t.cash_fen OR COALESCE(i.concession_fen, 0) <> t.concession_fen

-- @table moved
-- What settlements, payouts and fee transfers say that their journals move.
SELECT journal_id, SUM(fen) AS fen
FROM (
    SELECT journal_id, issued_fen AS fen FROM settled_cycles
    UNION ALL SELECT journal_id, amount_fen FROM payouts
    UNION ALL SELECT journal_id, amount_fen FROM fee_transfers
) AS moves
WHERE journal_id IS NOT NULL OR fen <> 0 GROUP BY journal_id

-- @check journals on moved
SELECT COALESCE(m.journal_id, 0) AS place, CONCAT('journal ', COALESCE(m.journal_id, 0), ': what it moves') AS what,
       CAST(COALESCE(p.fen, 0) AS STRING) AS found, CAST(m.fen AS STRING) AS due
FROM moved m
LEFT JOIN (SELECT journal_id, SUM(amount_fen) AS fen FROM postings GROUP BY journal_id) p
    ON p.journal_id = m.journal_id
WHERE COALESCE(p.fen, 0) <> m.fen

-- @table order_sums
SELECT SUM(CASE WHEN confirmed_at IS NULL THEN cash_fen - refunded_cash_fen ELSE 0 END) AS transit_fen,
       SUM(CASE WHEN entry_cycle IS NULL THEN concession_fen - concession_lost_fen ELSE 0 END) AS pending_fen,
       SUM(CASE WHEN payout_id IS NULL THEN cash_fen - concession_fen + voucher_fen + coupon_fen ELSE 0 END)
           AS payable_fen,
       SUM(CASE WHEN entry_cycle IS NOT NULL
                THEN kept_fen - green_part_fen - red_part_fen - coupon_part_fen - fee_part_fen ELSE 0 END)
           AS reserve_fen
FROM orders

-- @table controls
SELECT 'trust:in_transit' AS name, COALESCE(SUM(transit_fen), 0) AS fen FROM order_sums
UNION ALL SELECT 'trust:concession_pending', COALESCE(SUM(pending_fen), 0) FROM order_sums
UNION ALL SELECT 'trust:coupon', COALESCE(SUM(left_fen), 0) FROM coupons
UNION ALL SELECT 'trust:grant_unused', COALESCE(SUM(unused_fen), 0) FROM grants
UNION ALL SELECT 'trust:fee_payable', COALESCE(SUM(o.fee_part_fen), 0)
    FROM orders o LEFT JOIN fee_transfers f ON f.cycle = o.entry_cycle
    WHERE o.entry_cycle IS NOT NULL AND f.cycle IS NULL
UNION ALL SELECT 'trust:merchant_payable', COALESCE(SUM(fen), 0)
    FROM (
        SELECT payable_fen AS fen FROM order_sums
        UNION ALL SELECT -dues_fen FROM refunds WHERE payout_id IS NULL
        UNION ALL SELECT amount_fen FROM deposits WHERE payout_id IS NULL
    ) AS dues
UNION ALL SELECT 'trust:reserve', COALESCE(SUM(fen), 0)
    FROM (
        SELECT reserve_fen AS fen FROM order_sums
        UNION ALL SELECT expired_fen FROM coupons
        UNION ALL SELECT amount_fen FROM wallet_entries WHERE kind = 'repay'
        UNION ALL SELECT -reserve_fen FROM clawbacks
    ) AS parts
UNION ALL SELECT 'ops:receivable', COALESCE(SUM(amount_fen), 0) FROM deposits WHERE advance_of IS NOT NULL
UNION ALL SELECT CONCAT('trust:pool:', p.name), d.free_fen FROM pools p JOIN pools_due d ON d.pool_id = p.id
UNION ALL SELECT CONCAT('trust:voucher:', p.name), COALESCE(SUM(w.voucher_fen), 0)
    FROM pools p LEFT JOIN wallets_due w ON w.pool_id = p.id GROUP BY p.name
UNION ALL SELECT CONCAT('trust:accrued:', p.name), d.backing_fen - d.spent_fen - COALESCE(SUM(w.voucher_fen), 0)
    FROM pools p JOIN pools_due d ON d.pool_id = p.id LEFT JOIN wallets_due w ON w.pool_id = p.id
    GROUP BY p.name, d.backing_fen, d.spent_fen

-- @check control accounts on controls
SELECT 0 AS place, CONCAT('account ', c.name) AS what, CAST(COALESCE(b.fen, 0) AS STRING) AS found,
       CAST(c.fen AS STRING) AS due
FROM controls c LEFT JOIN balances b ON b.name = c.name WHERE COALESCE(b.fen, 0) <> c.fen

-- @check trust on ledger_accounts
SELECT 0 AS place, 'the trust book: assets' AS what, CAST(assets_fen AS STRING) AS found, CAST(owed_fen AS STRING) AS due
FROM (
    SELECT COALESCE(SUM(CASE WHEN is_asset THEN fen ELSE 0 END), 0) AS assets_fen,
           COALESCE(SUM(CASE WHEN is_asset THEN 0 ELSE fen END), 0) AS owed_fen
    FROM balances WHERE book = 'trust'
) AS sides
WHERE assets_fen <> owed_fen
