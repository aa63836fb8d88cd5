-- Each settled cycle against the claimed state before it (R2 to R8): if each follows from the one before, all hold.
-- Money and points are fen, indices and rates × 10**12, all of them DECIMAL(38, 0).

-- @table flows
-- What changed a pool's money between two settlements, by the pool's own cycle: vouchers that expired, and expired
-- vouchers that refunds took back.
SELECT pool_id, cycle, SUM(expired_fen) AS expired_fen
FROM (
    SELECT pool_id, cycle, amount_fen AS expired_fen FROM wallet_entries WHERE kind = 'expire'
    UNION ALL
    SELECT b.pool_id, r.cycle - p.first_cycle + 1, -b.expired_fen
    FROM clawbacks b JOIN refunds r ON r.id = b.refund_id JOIN pools p ON p.id = b.pool_id
) AS moves
GROUP BY pool_id, cycle

-- @table inflows
-- What entered each pool in each settled cycle and the open one, as the bundle claims.
SELECT s.pool_id, s.cycle, CAST(COALESCE(c.inflow_fen, 0) AS DECIMAL(38, 0)) AS inflow_fen, c.cap_fen
FROM settled_cycles s LEFT JOIN pool_cycles c ON c.pool_id = s.pool_id AND c.cycle = s.cycle

-- @table drivers
-- M of each cycle (R2): the last cycles' inflow, scaled up while there have been fewer.
SELECT now.pool_id, now.cycle, now.inflow_fen, now.cap_fen,
       CAST(CASE WHEN now.cycle < t.window_cycles
                 THEN floor_div(SUM(past.inflow_fen) * t.window_cycles, now.cycle)
                 ELSE SUM(past.inflow_fen) END AS DECIMAL(38, 0)) AS driver
FROM inflows now JOIN pool_terms t ON t.pool_id = now.pool_id
JOIN inflows past
    ON past.pool_id = now.pool_id AND past.cycle <= now.cycle AND past.cycle > now.cycle - t.window_cycles
GROUP BY now.pool_id, now.cycle, now.inflow_fen, now.cap_fen, t.window_cycles

-- @table growths
SELECT d.pool_id, d.cycle, d.inflow_fen, d.cap_fen, d.driver, COALESCE(b.driver, 0) AS before,
       CASE WHEN b.driver > 0
            THEN floor_div((d.driver - b.driver) * 1000000000000, b.driver) END AS growth
FROM drivers d LEFT JOIN drivers b ON b.pool_id = d.pool_id AND b.cycle = d.cycle - 1

-- @table entered_points
SELECT cohort_id, SUM(points) AS points FROM lots GROUP BY cohort_id

-- @table lost_points
SELECT cohort_id, cycle, SUM(points) AS points FROM losses GROUP BY cohort_id, cycle

-- @table cohort_cycles
-- Each cohort in each settled cycle of its pool: its points at the cut-off, its age, and its index before, as claimed.
SELECT c.id AS cohort_id, c.pool_id, s.cycle, c.entry, t.*,
       CAST(COALESCE(e.points, 0) - COALESCE(x.points, 0) AS DECIMAL(38, 0)) AS points,
       CASE WHEN s.cycle - c.entry - 1 > t.cycles THEN t.cycles
            WHEN s.cycle > c.entry THEN s.cycle - c.entry - 1 ELSE 0 END AS age,
       s.cycle > c.entry AND s.cycle - c.entry - 1 < t.cycles AS live,
       CAST(COALESCE(i.release_index, 0) AS DECIMAL(38, 0)) AS release_index
FROM cohorts c JOIN plan_terms t ON t.plan_id = c.plan_id
JOIN settled_cycles s ON s.pool_id = c.pool_id AND s.cycle >= c.entry
LEFT JOIN entered_points e ON e.cohort_id = c.id
LEFT JOIN (
    SELECT l.cohort_id, s.cycle, SUM(l.points) AS points
    FROM lost_points l JOIN cohorts c ON c.id = l.cohort_id
    JOIN settled_cycles s ON s.pool_id = c.pool_id AND s.cycle >= l.cycle
    GROUP BY l.cohort_id, s.cycle
) x ON x.cohort_id = c.id AND x.cycle = s.cycle
LEFT JOIN index_steps i ON i.cohort_id = c.id AND i.cycle = LEAST(s.cycle - 1, c.entry + t.cycles)

-- @table backings
-- What backs a pool right before each settlement: points × index, rounded up once (R8).
SELECT pool_id, cycle, -floor_div(-SUM(points * release_index), 1000000000000) AS backing_fen
FROM cohort_cycles GROUP BY pool_id, cycle

-- @table states
-- Each pool right before each settlement: what it claimed after the last one, and what moved since.
SELECT g.pool_id, g.cycle, g.inflow_fen, g.driver, g.before, g.growth,
       COALESCE(b.backing_fen, 0) AS backing_fen,
       COALESCE(l.free_fen, 0) + COALESCE(l.backing_fen, 0) + g.inflow_fen + COALESCE(f.expired_fen, 0)
           - COALESCE(b.backing_fen, 0) AS free_fen,
       COALESCE(CAST(g.cap_fen AS DECIMAL(38, 0)), t.cycle_cap_fen) AS cap_fen,
       t.spend_part, t.spend_whole, t.threshold, t.share_part, t.share_whole
FROM growths g JOIN pool_terms t ON t.pool_id = g.pool_id
LEFT JOIN backings b ON b.pool_id = g.pool_id AND b.cycle = g.cycle
LEFT JOIN answers l ON l.pool_id = g.pool_id AND l.cycle = g.cycle - 1
LEFT JOIN flows f ON f.pool_id = g.pool_id AND f.cycle = g.cycle

-- @table budgets
SELECT *, LEAST(floor_div(free_fen * spend_part, spend_whole),
                COALESCE(cap_fen, floor_div(free_fen * spend_part, spend_whole))) AS budget_fen
FROM states

-- @table bases
-- A cohort's base is set at the first release at which the larger of the driver at its entry and now is above 0 (R4).
SELECT since.cohort_id, since.cycle, GREATEST(entry.driver, now.driver) AS base
FROM (
    SELECT c.cohort_id, c.pool_id, c.entry, MIN(c.cycle) AS cycle
    FROM cohort_cycles c
    JOIN drivers e ON e.pool_id = c.pool_id AND e.cycle = c.entry
    JOIN drivers n ON n.pool_id = c.pool_id AND n.cycle = c.cycle
    WHERE c.live AND GREATEST(e.driver, n.driver) > 0
    GROUP BY c.cohort_id, c.pool_id, c.entry
) since
JOIN drivers entry ON entry.pool_id = since.pool_id AND entry.cycle = since.entry
JOIN drivers now ON now.pool_id = since.pool_id AND now.cycle = since.cycle

-- @table chained
-- The rates of chained plans, each from the one before (R4): r0 in the fixed phase and at the first release, then times
-- one plus the growth, clamped.
WITH RECURSIVE chain AS (
    SELECT cohort_id, pool_id, cycle, age, cycles, r0, fixed_cycles, g_min, g_max, r_max, r0 AS rate
    FROM cohort_cycles WHERE coupling = 'chain' AND live AND age = 0
    UNION ALL
    SELECT l.cohort_id, l.pool_id, l.cycle + 1, l.age + 1, l.cycles, l.r0, l.fixed_cycles, l.g_min, l.g_max, l.r_max,
           CAST(CASE WHEN l.age + 1 < l.fixed_cycles THEN l.r0
                     ELSE LEAST(
                         GREATEST(0, floor_div(
                             l.rate * (1000000000000 + CASE
                                 WHEN g.growth IS NULL THEN 0
                                 WHEN l.g_max IS NULL THEN GREATEST(g.growth, l.g_min)
                                 ELSE LEAST(GREATEST(g.growth, l.g_min), l.g_max) END),
                             1000000000000)),
                         COALESCE(l.r_max, 10000000000000000000000)) END AS DECIMAL(38, 0))
    FROM chain l JOIN growths g ON g.pool_id = l.pool_id AND g.cycle = l.cycle + 1
    WHERE l.age + 1 < l.cycles
)
SELECT cohort_id, cycle, rate FROM chain

-- @table rates
-- Every rate before cap and budget (R4); a pool-driven release has none.
SELECT c.*, b.base,
       CASE WHEN NOT c.live THEN 0
            WHEN c.coupling = 'flat' OR c.age < c.fixed_cycles THEN c.r0
            WHEN c.coupling = 'share' THEN 0
            WHEN c.coupling = 'chain' THEN h.rate
            WHEN b.base IS NULL THEN c.r0
            ELSE LEAST(floor_div(c.r0 * GREATEST(d.driver, 0), b.base),
                       COALESCE(c.r_max, 10000000000000000000000)) END AS rate
FROM cohort_cycles c JOIN drivers d ON d.pool_id = c.pool_id AND d.cycle = c.cycle
LEFT JOIN bases b ON b.cohort_id = c.cohort_id AND b.cycle <= c.cycle
LEFT JOIN chained h ON h.cohort_id = c.cohort_id AND h.cycle = c.cycle

-- @table asked
-- Nominal increments, and the fixed releases that are still to come after this cycle (Earmark).
SELECT *, CASE WHEN live THEN LEAST(rate, index_cap - release_index) ELSE 0 END AS step,
       r0 * GREATEST(0, (CASE WHEN coupling = 'flat' THEN cycles ELSE LEAST(fixed_cycles, cycles) END)
                        - age - CASE WHEN cycle > entry THEN 1 ELSE 0 END) AS to_come
FROM rates

-- @table needs
SELECT pool_id, cycle, SUM(points * step) AS need FROM asked GROUP BY pool_id, cycle

-- @table scaled
-- Pro rata (R5).
SELECT a.cohort_id, a.pool_id, a.cycle, a.entry, a.age, a.live, a.points, a.release_index, a.index_cap, a.to_come,
       a.r_max, a.rate, a.base, a.live AND a.coupling = 'share' AND a.age >= a.fixed_cycles AS driven,
       CASE WHEN n.need > b.budget_fen * 1000000000000
            THEN floor_div(a.step * (b.budget_fen * 1000000000000), n.need) ELSE a.step END AS step
FROM asked a JOIN needs n ON n.pool_id = a.pool_id AND n.cycle = a.cycle
JOIN budgets b ON b.pool_id = a.pool_id AND b.cycle = a.cycle

-- @table lefts
-- What fixed lots leave to pool-driven ones, for one point (R6).
SELECT b.pool_id, b.cycle,
       CASE WHEN t.driven_points > 0
            THEN floor_div(GREATEST(0, LEAST(b.budget_fen * 1000000000000 - t.total,
                                             b.free_fen * 1000000000000 - t.total - t.kept)), t.driven_points)
            ELSE 0 END AS each
FROM budgets b JOIN (
    SELECT pool_id, cycle, SUM(points * step) AS total,
           SUM(points * LEAST(to_come, index_cap - release_index - step)) AS kept,
           SUM(CASE WHEN driven AND index_cap > release_index THEN points ELSE 0 END) AS driven_points
    FROM scaled GROUP BY pool_id, cycle
) t ON t.pool_id = b.pool_id AND t.cycle = b.cycle

-- @table shared
SELECT s.cohort_id, s.pool_id, s.cycle, s.entry, s.age, s.live, s.points, s.release_index, s.index_cap, s.to_come,
       s.rate, s.base,
       CASE WHEN s.driven THEN LEAST(l.each, s.index_cap - s.release_index, COALESCE(s.r_max, l.each))
            ELSE s.step END AS step
FROM scaled s JOIN lefts l ON l.pool_id = s.pool_id AND l.cycle = s.cycle

-- @table surpluses
-- The growth dividend for one point (R7).
SELECT b.pool_id, b.cycle,
       CASE WHEN b.growth > b.threshold AND t.eligible_points > 0
            THEN floor_div(
                floor_div(
                    GREATEST(0, LEAST(
                        b.budget_fen + floor_div(-t.total, 1000000000000),
                        floor_div(b.free_fen * 1000000000000 - t.total - t.kept, 1000000000000),
                        b.driver - b.before - floor_div(b.before * b.threshold, 1000000000000),
                        b.inflow_fen)) * b.share_part,
                    b.share_whole) * 1000000000000,
                t.eligible_points)
            ELSE 0 END AS each
FROM budgets b JOIN (
    SELECT pool_id, cycle, SUM(points * step) AS total,
           SUM(points * LEAST(to_come, index_cap - release_index - step)) AS kept,
           SUM(CASE WHEN live AND release_index + step < index_cap THEN points ELSE 0 END) AS eligible_points
    FROM shared GROUP BY pool_id, cycle
) t ON t.pool_id = b.pool_id AND t.cycle = b.cycle

-- @table steps
-- What each cohort's index rises by in each cycle.
SELECT s.cohort_id, s.pool_id, s.cycle, s.entry, s.age, s.live, s.points, s.release_index, s.rate, s.base, s.step,
       CASE WHEN s.live AND s.points > 0 THEN LEAST(u.each, s.index_cap - s.release_index - s.step) ELSE 0 END AS more
FROM shared s JOIN surpluses u ON u.pool_id = s.pool_id AND u.cycle = s.cycle

-- @table results
-- What each settlement comes to (R8).
SELECT b.pool_id, b.cycle, b.driver, b.growth, b.budget_fen, n.need,
       CASE WHEN n.need > b.budget_fen * 1000000000000 THEN 1 ELSE 0 END AS scaled, t.dividend,
       t.backing_fen - b.backing_fen AS moved_fen, b.free_fen - t.backing_fen + b.backing_fen AS free_fen,
       t.backing_fen, b.inflow_fen
FROM budgets b
JOIN (
    SELECT pool_id, cycle, SUM(points * more) AS dividend,
           -floor_div(-SUM(points * (release_index + step + more)), 1000000000000) AS backing_fen
    FROM steps GROUP BY pool_id, cycle
) t ON t.pool_id = b.pool_id AND t.cycle = b.cycle
JOIN needs n ON n.pool_id = b.pool_id AND n.cycle = b.cycle

-- @table told
-- The same figures twice, side by side, a row each: what the bundle says and what comes out.
SELECT pool_id, cycle, 'driver' AS name, CAST(driver AS STRING) AS due FROM results
UNION ALL SELECT pool_id, cycle, 'growth', COALESCE(CAST(growth AS STRING), 'undefined') FROM results
UNION ALL SELECT pool_id, cycle, 'budget_fen', CAST(budget_fen AS STRING) FROM results
UNION ALL SELECT pool_id, cycle, 'need', CAST(need AS STRING) FROM results
UNION ALL SELECT pool_id, cycle, 'scaled', CAST(scaled AS STRING) FROM results
UNION ALL SELECT pool_id, cycle, 'dividend', CAST(dividend AS STRING) FROM results
UNION ALL SELECT pool_id, cycle, 'moved_fen', CAST(moved_fen AS STRING) FROM results
UNION ALL SELECT pool_id, cycle, 'free_fen', CAST(free_fen AS STRING) FROM results
UNION ALL SELECT pool_id, cycle, 'backing_fen', CAST(backing_fen AS STRING) FROM results

-- @check settlements on told
-- A pool without a cohort settles too: nothing is released, and what is free stays.
SELECT a.cycle AS place, CONCAT('pool ', p.name, ', cycle ', a.cycle, ': ', a.name) AS what, a.found,
       COALESCE(t.due, CASE a.name WHEN 'growth' THEN 'undefined' ELSE '0' END) AS due
FROM (
    SELECT pool_id, cycle, 'driver' AS name, CAST(driver AS STRING) AS found FROM answers
    UNION ALL SELECT pool_id, cycle, 'growth', COALESCE(CAST(growth AS STRING), 'undefined') FROM answers
    UNION ALL SELECT pool_id, cycle, 'budget_fen', CAST(budget_fen AS STRING) FROM answers
    UNION ALL SELECT pool_id, cycle, 'need', CAST(need AS STRING) FROM answers
    UNION ALL SELECT pool_id, cycle, 'scaled', CAST(scaled AS STRING) FROM answers
    UNION ALL SELECT pool_id, cycle, 'dividend', CAST(dividend AS STRING) FROM answers
    UNION ALL SELECT pool_id, cycle, 'moved_fen', CAST(moved_fen AS STRING) FROM answers
    UNION ALL SELECT pool_id, cycle, 'free_fen', CAST(free_fen AS STRING) FROM answers
    UNION ALL SELECT pool_id, cycle, 'backing_fen', CAST(backing_fen AS STRING) FROM answers
) a
JOIN pool_terms p ON p.pool_id = a.pool_id
LEFT JOIN told t ON t.pool_id = a.pool_id AND t.cycle = a.cycle AND t.name = a.name
WHERE a.found <> COALESCE(t.due, CASE a.name WHEN 'growth' THEN 'undefined' ELSE '0' END)

-- @check settlements on index_steps
SELECT COALESCE(s.cycle, i.cycle) AS place,
       CONCAT('pool ', p.name, ', cycle ', COALESCE(s.cycle, i.cycle), ': index of cohort ',
              COALESCE(s.cohort_id, i.cohort_id)) AS what,
       COALESCE(CAST(i.release_index AS STRING), 'none') AS found,
       COALESCE(CAST(s.release_index + s.step + s.more AS STRING), 'none') AS due
FROM index_steps i
FULL OUTER JOIN (SELECT * FROM steps WHERE live) s
    ON s.pool_id = i.pool_id AND s.cycle = i.cycle AND s.cohort_id = i.cohort_id
JOIN pool_terms p ON p.pool_id = COALESCE(s.pool_id, i.pool_id)
WHERE i.release_index IS NULL OR s.step IS NULL OR i.release_index <> s.release_index + s.step + s.more

-- @check settlements on settled_cycles
SELECT s.cycle AS place, CONCAT('pool ', p.name, ', cycle ', s.cycle, ': money') AS what,
       CONCAT(s.inflow_fen, ', ', s.issued_fen, ', ', s.free_fen, ', ', s.backing_fen) AS found,
       CONCAT(i.inflow_fen, ', ', a.moved_fen, ', ', a.free_fen, ', ', a.backing_fen) AS due
FROM settled_cycles s JOIN pool_terms p ON p.pool_id = s.pool_id
JOIN inflows i ON i.pool_id = s.pool_id AND i.cycle = s.cycle
JOIN answers a ON a.pool_id = s.pool_id AND a.cycle = s.cycle
WHERE s.inflow_fen <> i.inflow_fen OR s.issued_fen <> a.moved_fen OR s.free_fen <> a.free_fen
    OR s.backing_fen <> a.backing_fen

-- @check settlements on pools
-- Every cycle up to the last one settled is there, once.
SELECT p.id AS place, CONCAT('pool ', p.name, ': settled cycles') AS what, CAST(p.settled_cycle AS STRING) AS found,
       CAST(COUNT(s.cycle) AS STRING) AS due
FROM pools p LEFT JOIN settled_cycles s ON s.pool_id = p.id AND s.cycle <= p.settled_cycle
GROUP BY p.id, p.name, p.settled_cycle HAVING COUNT(s.cycle) <> p.settled_cycle

-- @table last_steps
-- Where each cohort stands after the last settlement.
SELECT c.id AS cohort_id, COALESCE(s.release_index + s.step + s.more, 0) AS release_index,
       COALESCE(s.age + CASE WHEN s.live THEN 1 ELSE 0 END, 0) AS age, COALESCE(r.rate, 0) AS rate, b.base
FROM cohorts c JOIN pools p ON p.id = c.pool_id JOIN plan_terms t ON t.plan_id = c.plan_id
LEFT JOIN steps s ON s.cohort_id = c.id AND s.cycle = p.settled_cycle
LEFT JOIN steps r ON r.cohort_id = c.id AND r.cycle = LEAST(p.settled_cycle, c.entry + t.cycles)
LEFT JOIN bases b ON b.cohort_id = c.id

-- @check cohorts on cohorts
SELECT c.id AS place, CONCAT('cohort ', c.id, ': release_index') AS what, CAST(c.release_index AS STRING) AS found,
       CAST(l.release_index AS STRING) AS due
FROM cohorts c JOIN last_steps l ON l.cohort_id = c.id WHERE c.release_index <> l.release_index

-- @check cohorts on cohorts
SELECT c.id AS place, CONCAT('cohort ', c.id, ': age, rate, base') AS what,
       CONCAT(c.age, ', ', c.rate, ', ', COALESCE(CAST(c.base AS STRING), 'unset')) AS found,
       CONCAT(l.age, ', ', l.rate, ', ', COALESCE(CAST(l.base AS STRING), 'unset')) AS due
FROM cohorts c JOIN last_steps l ON l.cohort_id = c.id
WHERE c.age <> l.age OR c.rate <> l.rate
    OR COALESCE(CAST(c.base AS STRING), 'unset') <> COALESCE(CAST(l.base AS STRING), 'unset')
