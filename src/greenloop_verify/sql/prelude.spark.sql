-- What Spark has to be told: whole numbers divide downwards. All other text of this folder is the same on every engine.
-- What is left after the remainder is taken off divides without one, so no digit is rounded.
CREATE OR REPLACE TEMPORARY FUNCTION floor_div(a DECIMAL(38, 0), b DECIMAL(38, 0)) RETURNS DECIMAL(38, 0)
    RETURN CAST((a - pmod(a, b)) / b AS DECIMAL(38, 0));
