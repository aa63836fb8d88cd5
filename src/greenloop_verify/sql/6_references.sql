-- Every row that another row names is there.

-- @table named
SELECT 'orders' AS rows_of, 'merchants' AS named, o.merchant_id AS id
    FROM orders o LEFT JOIN merchants m ON m.id = o.merchant_id WHERE m.id IS NULL
UNION ALL SELECT 'orders', 'pools', o.pool_id FROM orders o LEFT JOIN pools p ON p.id = o.pool_id WHERE p.id IS NULL
UNION ALL SELECT 'orders', 'plans', o.plan_id FROM orders o LEFT JOIN plans p ON p.id = o.plan_id WHERE p.id IS NULL
UNION ALL SELECT 'orders', 'rules', o.rules_id FROM orders o LEFT JOIN rules v ON v.id = o.rules_id WHERE v.id IS NULL
UNION ALL SELECT 'orders', 'journals', o.journal_id
    FROM orders o LEFT JOIN journals j ON j.id = o.journal_id WHERE j.id IS NULL
UNION ALL SELECT 'refunds', 'orders', r.order_id
    FROM refunds r LEFT JOIN orders o ON o.id = r.order_id WHERE o.id IS NULL
UNION ALL SELECT 'clawbacks', 'refunds', b.refund_id
    FROM clawbacks b LEFT JOIN refunds r ON r.id = b.refund_id WHERE r.id IS NULL
UNION ALL SELECT 'cohorts', 'pools', c.pool_id
    FROM cohorts c LEFT JOIN pools p ON p.id = c.pool_id WHERE p.id IS NULL
UNION ALL SELECT 'cohorts', 'plans', c.plan_id
    FROM cohorts c LEFT JOIN plans p ON p.id = c.plan_id WHERE p.id IS NULL
UNION ALL SELECT 'positions', 'cohorts', p.cohort_id
    FROM positions p LEFT JOIN cohorts c ON c.id = p.cohort_id WHERE c.id IS NULL
UNION ALL SELECT 'wallets', 'pools', w.pool_id
    FROM wallets w LEFT JOIN pools p ON p.id = w.pool_id WHERE p.id IS NULL
UNION ALL SELECT 'voucher_uses', 'vouchers', u.voucher_id
    FROM voucher_uses u LEFT JOIN vouchers v ON v.id = u.voucher_id WHERE v.id IS NULL

-- @check references on orders
SELECT id AS place, CONCAT(rows_of, ': there is no row ', id, ' of ', named) AS what, 'named' AS found, 'a row' AS due
FROM named
