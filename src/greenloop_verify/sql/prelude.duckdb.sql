-- What DuckDB has to be told: whole numbers divide downwards. All other text of this folder is the same on every engine.
CREATE MACRO floor_div(a, b) AS CAST(
    CAST(a AS HUGEINT) // CAST(b AS HUGEINT)
    - CASE WHEN (CAST(a AS HUGEINT) % CAST(b AS HUGEINT) <> 0) AND ((a < 0) <> (b < 0)) THEN 1 ELSE 0 END
    AS DECIMAL(38, 0));
