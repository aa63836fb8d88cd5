-- The economy of bench/audited.py, step by step; $orders, $members and $shops are its size.

-- @people
INSERT INTO members BY NAME
SELECT 1000000000 + m AS account_id, 'Linfen' AS city,
       CASE WHEN m % 3 = 0 THEN 1000000000 + (m * 31 + 7) % $members END AS referrer_id
FROM range($members) t(m);
INSERT INTO merchants BY NAME
SELECT k + 1 AS id, 2000000000 + k AS account_id, 1000000 AS multiple_ppm FROM range($shops) t(k);

-- @orders
INSERT INTO orders BY NAME
SELECT *, 1 AS rules_id, 1 AS pool_id, 1 AS plan_id, 1000000 AS member_multiple_ppm, 1000000 AS merchant_multiple_ppm,
       concession_fen * 600000 // 1000000 AS green_part_fen,
       CASE WHEN referrer_id IS NULL THEN 0 ELSE concession_fen * 80000 // 1000000 END AS red_part_fen,
       CASE WHEN referrer_id IS NULL THEN 0 ELSE concession_fen * 80000 // 1000000 END AS red_points,
       concession_fen * 70000 // 1000000 AS coupon_part_fen, concession_fen * 200000 // 1000000 AS fee_part_fen,
       concession_fen AS entered_fen, concession_fen AS kept_fen, 0 AS rebate_fen, FALSE AS held, 0 AS refunded_fen,
       0 AS refunded_cash_fen, 0 AS refunded_voucher_fen, 0 AS concession_lost_fen, entry_cycle AS journal_id,
       TIMESTAMPTZ '2026-03-01 00:00:00+00' AS confirmed_at, TIMESTAMPTZ '2026-03-01 00:00:00+00' AS vests_at
FROM (
    SELECT i + 1 AS id, k + 1 AS merchant_id, 1000000000 + m AS member_id,
           CASE WHEN m % 3 = 0 THEN 1000000000 + (m * 31 + 7) % $members END AS referrer_id,
           1 + i * 26 // $orders AS entry_cycle, cash_fen, 0 AS voucher_fen, 0 AS coupon_fen, rate_ppm,
           (cash_fen * rate_ppm * 2 + 1000000) // 2000000 AS concession_fen
    FROM (
        SELECT i, (i * 2654435761 + 12345) % 4294967291 % $members AS m, i * 40503 % $shops AS k,
               2000 + i * 7919 % 28001 AS cash_fen, 60000 + i * 40503 % $shops % 5 * 20000 AS rate_ppm
        FROM range($orders) t(i)
    )
);
CREATE TABLE entered AS
SELECT 1 AS pool_id, entry_cycle AS cycle, SUM(green_part_fen) AS fen, 2 * SUM(concession_fen) AS points
FROM orders GROUP BY ALL
UNION ALL
SELECT 2, entry_cycle, SUM(red_part_fen), SUM(red_points) FROM orders GROUP BY ALL;
INSERT INTO pool_cycles BY NAME SELECT pool_id, cycle, fen AS inflow_fen FROM entered WHERE fen > 0;
INSERT INTO coupons BY NAME
SELECT member_id AS account_id, id AS order_id, 'earned' AS kind, coupon_part_fen AS face_fen,
       coupon_part_fen AS left_fen, 0 AS expired_fen
FROM orders WHERE coupon_part_fen > 0;

-- @settle
INSERT INTO positions
SELECT account_id, cohort_id, SUM(points)
FROM (
    SELECT member_id AS account_id, 2 * entry_cycle - 1 AS cohort_id, concession_fen AS points FROM orders
    UNION ALL
    SELECT 2000000000 + merchant_id - 1, 2 * entry_cycle - 1, concession_fen FROM orders
    UNION ALL
    SELECT referrer_id, 2 * entry_cycle, red_points FROM orders WHERE red_points > 0
)
GROUP BY ALL;

-- @draw
CREATE TABLE drawn AS
SELECT p.account_id, CAST(SUM(CAST(p.points AS HUGEINT) * c.release_index) // 1000000000000 AS BIGINT) AS fen
FROM positions p JOIN cohorts c ON c.id = p.cohort_id
WHERE c.pool_id = 1 AND p.account_id < 2000000000 AND p.account_id % 2 = 0
GROUP BY p.account_id HAVING fen > 0;
INSERT INTO wallet_entries BY NAME
SELECT account_id, 5000 AS journal_id, 0 AS line, 1 AS pool_id, 27 AS cycle, 'draw' AS kind, fen AS amount_fen
FROM drawn;
INSERT INTO wallet_entries BY NAME
SELECT account_id, 5002 AS journal_id, 0 AS line, 1 AS pool_id, 27 AS cycle, 'expire' AS kind, fen AS amount_fen
FROM drawn WHERE account_id % 20 = 0;
INSERT INTO wallet_entries BY NAME
SELECT account_id, 5001 AS journal_id, 0 AS line, 1 AS pool_id, 27 AS cycle, 'spend' AS kind, fen AS amount_fen,
       10000000000 + account_id AS order_id
FROM drawn WHERE account_id % 20 = 2;
INSERT INTO vouchers BY NAME
SELECT 20000000000 + account_id AS id, account_id, 1 AS pool_id, fen AS face_fen,
       CASE WHEN account_id % 20 IN (0, 2) THEN 0 ELSE fen END AS left_fen
FROM drawn;
INSERT INTO voucher_uses BY NAME
SELECT account_id, 10000000000 + account_id AS order_id, 0 AS line, 20000000000 + account_id AS voucher_id,
       1 AS pool_id, fen AS amount_fen, 0 AS returned_fen
FROM drawn WHERE account_id % 20 = 2;
INSERT INTO orders BY NAME
SELECT 10000000000 + account_id AS id, 1 AS merchant_id, account_id AS member_id, 1 AS rules_id, 1 AS pool_id,
       1 AS plan_id, 5001 AS journal_id, 5000 AS cash_fen, fen AS voucher_fen, 0 AS coupon_fen, 60000 AS rate_ppm,
       300 AS concession_fen, 180 AS green_part_fen, 0 AS red_part_fen, 0 AS red_points, 21 AS coupon_part_fen,
       60 AS fee_part_fen, 1000000 AS member_multiple_ppm, 1000000 AS merchant_multiple_ppm, 0 AS rebate_fen,
       FALSE AS held, 0 AS refunded_fen, 0 AS refunded_cash_fen, 0 AS refunded_voucher_fen, 0 AS concession_lost_fen
FROM drawn WHERE account_id % 20 = 2;

-- @refund
INSERT INTO refunds BY NAME
SELECT 30000000000 + id AS id, merchant_id, id AS order_id, cash_fen AS amount_fen, 'paid' AS state,
       5003 AS journal_id, 27 AS cycle, cash_fen, 0 AS voucher_fen, 0 AS coupon_fen, 0 AS withheld_fen,
       concession_fen AS concession_lost_fen, concession_fen AS member_points_lost,
       concession_fen AS merchant_points_lost, red_points AS red_points_lost, 'applied' AS effect, cash_fen AS dues_fen
FROM orders WHERE id % 50 = 7 AND member_id % 2 = 1 AND entry_cycle IS NOT NULL;
CREATE TABLE lost AS
SELECT account_id, cohort_id, SUM(points) AS points
FROM (
    SELECT o.member_id AS account_id, 2 * o.entry_cycle - 1 AS cohort_id, r.member_points_lost AS points
    FROM refunds r JOIN orders o ON o.id = r.order_id
    UNION ALL
    SELECT 2000000000 + o.merchant_id - 1, 2 * o.entry_cycle - 1, r.merchant_points_lost
    FROM refunds r JOIN orders o ON o.id = r.order_id
    UNION ALL
    SELECT o.referrer_id, 2 * o.entry_cycle, r.red_points_lost
    FROM refunds r JOIN orders o ON o.id = r.order_id WHERE r.red_points_lost > 0
)
GROUP BY ALL;
UPDATE positions SET points = positions.points - l.points FROM lost l
WHERE l.account_id = positions.account_id AND l.cohort_id = positions.cohort_id;
UPDATE cohorts SET points = cohorts.points - l.points
FROM (SELECT cohort_id, SUM(points) AS points FROM lost GROUP BY cohort_id) l WHERE l.cohort_id = cohorts.id;
UPDATE coupons SET left_fen = 0 FROM refunds r WHERE r.order_id = coupons.order_id;
CREATE TABLE taken_back AS
SELECT SUM(o.coupon_part_fen) AS fen FROM orders o JOIN refunds r ON r.order_id = o.id;
UPDATE orders SET refunded_fen = cash_fen, refunded_cash_fen = cash_fen, concession_lost_fen = concession_fen,
    red_points = 0, coupon_part_fen = 0
WHERE id IN (SELECT order_id FROM refunds);

-- @wallets
INSERT INTO wallets
SELECT h.account_id, h.pool_id, COALESCE(d.fen, 0),
       CASE WHEN h.account_id % 20 IN (0, 2) THEN 0 ELSE COALESCE(d.fen, 0) END,
       CASE WHEN h.account_id % 20 = 2 THEN COALESCE(d.fen, 0) ELSE 0 END,
       CASE WHEN h.account_id % 20 = 0 THEN COALESCE(d.fen, 0) ELSE 0 END, 0
FROM (
    SELECT DISTINCT p.account_id, c.pool_id FROM positions p JOIN cohorts c ON c.id = p.cohort_id
) h LEFT JOIN drawn d ON d.account_id = h.account_id AND h.pool_id = 1;

-- @pools
CREATE TABLE backed AS
SELECT c.pool_id, CAST(-((-SUM(CAST(c.points AS HUGEINT) * c.release_index)) // 1000000000000) AS BIGINT) AS low,
       CAST(SUM(CAST(c.points AS HUGEINT) * c.release_index) // 1000000000000 AS BIGINT)
           + CASE WHEN SUM(CAST(c.points AS HUGEINT) * c.release_index) % 1000000000000 > 0 THEN 1 ELSE 0 END AS fen
FROM cohorts c GROUP BY c.pool_id;
UPDATE pools SET is_red = id = 2, entry_cycle = 27, settled_cycle = 26, backing_fen = b.fen,
    free_fen = s.free_fen + s.backing_fen - b.fen
        + CASE WHEN id = 1 THEN (SELECT SUM(fen) FROM drawn WHERE account_id % 20 = 0) ELSE 0 END,
    spent_fen = CASE WHEN id = 1 THEN (SELECT SUM(fen) FROM drawn WHERE account_id % 20 IN (0, 2)) ELSE 0 END
FROM backed b, settled_cycles s WHERE b.pool_id = pools.id AND s.pool_id = pools.id AND s.cycle = 26;

-- @books
CREATE TABLE moves (journal_id BIGINT, kind VARCHAR, debit VARCHAR, credit VARCHAR, fen BIGINT);
INSERT INTO moves
SELECT journal_id, 'take', 'trust:in_transit', 'trust:merchant_payable', SUM(cash_fen - concession_fen)
FROM orders GROUP BY journal_id;
INSERT INTO moves
SELECT journal_id, 'take', 'trust:in_transit', 'trust:concession_pending', SUM(concession_fen)
FROM orders GROUP BY journal_id;
INSERT INTO moves
SELECT 5001, 'take', 'trust:voucher:green', 'trust:merchant_payable', SUM(voucher_fen) FROM orders;
INSERT INTO moves
SELECT 100, 'confirm', 'trust:bank', 'trust:in_transit', SUM(cash_fen) FROM orders WHERE entry_cycle IS NOT NULL;
INSERT INTO moves
SELECT 200 + entry_cycle, 'vest', 'trust:concession_pending', account, SUM(fen)
FROM (
    SELECT entry_cycle, UNNEST(['trust:pool:green', 'trust:pool:red', 'trust:coupon', 'trust:fee_payable',
                                'trust:reserve']) AS account,
           UNNEST([green_part_fen, red_part_fen, entered_fen * 70000 // 1000000, fee_part_fen,
                   kept_fen - green_part_fen - red_part_fen - entered_fen * 70000 // 1000000 - fee_part_fen]) AS fen
    FROM orders WHERE entry_cycle IS NOT NULL
)
GROUP BY entry_cycle, account;
INSERT INTO moves
SELECT s.journal_id, 'settle', 'trust:pool:' || p.name, 'trust:accrued:' || p.name, s.issued_fen
FROM settled_cycles s JOIN pools p ON p.id = s.pool_id WHERE s.issued_fen > 0;
INSERT INTO fee_transfers
SELECT entry_cycle, SUM(fee_part_fen), 4000 + entry_cycle FROM orders WHERE entry_cycle IS NOT NULL GROUP BY entry_cycle;
INSERT INTO moves SELECT journal_id, 'fee', 'trust:fee_payable', 'trust:bank', amount_fen FROM fee_transfers;
INSERT INTO moves SELECT journal_id + 500, 'fee', 'ops:bank', 'ops:fee_income', amount_fen FROM fee_transfers;
INSERT INTO moves SELECT 5000, 'draw', 'trust:accrued:green', 'trust:voucher:green', SUM(fen) FROM drawn;
INSERT INTO moves
SELECT 5002, 'expire', 'trust:voucher:green', 'trust:pool:green', SUM(fen) FROM drawn WHERE account_id % 20 = 0;
INSERT INTO moves SELECT 5003, 'refund', 'trust:merchant_payable', 'trust:bank', SUM(cash_fen) FROM refunds;
INSERT INTO moves SELECT 5003, 'refund', 'trust:coupon', 'trust:reserve', fen FROM taken_back;
INSERT INTO moves
SELECT 5003, 'refund', 'trust:accrued:' || p.name, 'trust:pool:' || p.name, s.backing_fen - p.backing_fen
FROM pools p JOIN settled_cycles s ON s.pool_id = p.id AND s.cycle = 26;
DELETE FROM moves WHERE fen = 0 OR fen IS NULL;
INSERT INTO journals BY NAME
SELECT journal_id AS id, MIN(debit.split_part(':', 1)) AS book, MIN(kind) AS kind,
       CASE MIN(kind) WHEN 'vest' THEN 'vest/' || (journal_id - 200) ELSE MIN(kind) || '/' || journal_id END AS key
FROM moves GROUP BY journal_id;
INSERT INTO ledger_accounts BY NAME
SELECT ROW_NUMBER() OVER (ORDER BY name) AS id, name,
       name.split_part(':', 1) || ':' || name.split_part(':', 2) AS account_class, name.split_part(':', 1) AS book,
       name IN ('trust:bank', 'trust:in_transit', 'ops:bank') AS is_asset, debits_fen, credits_fen
FROM (
    SELECT name, SUM(debit) AS debits_fen, SUM(credit) AS credits_fen
    FROM (SELECT debit AS name, fen AS debit, 0 AS credit FROM moves UNION ALL SELECT credit, 0, fen FROM moves)
    GROUP BY name
);
INSERT INTO postings BY NAME
SELECT ROW_NUMBER() OVER (ORDER BY m.journal_id, m.debit, m.credit) AS id, m.journal_id, d.id AS debit_id,
       c.id AS credit_id, m.fen AS amount_fen
FROM moves m JOIN ledger_accounts d ON d.name = m.debit JOIN ledger_accounts c ON c.name = m.credit;
