"""The engines that the SQL runs on. Each opens Parquet, keeps a query's rows under a name, and hands rows out."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

TEXTS = frozenset({"name", "coupling"})
IDS = frozenset({"pool_id", "plan_id", "rules_id", "cohort_id", "cycle"})


class Engine(Protocol):
    """What the verifier asks of an engine."""

    def open(self, name: str, path: Path) -> None:
        """Let a Parquet file be read as the table `name`."""

    def lay_out(self, name: str, columns: Sequence[str], path: Path) -> None:
        """Keep a file of JSON Lines as a table: names are texts, ids 64-bit, all else DECIMAL(38, 0)."""

    def keep(self, name: str, select: str) -> None:
        """Compute a query once and keep its rows as the table `name`."""

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""

    def count(self, table: str) -> int:
        """Return how many rows a table has."""

    def close(self) -> None:
        """Let go of everything."""


def typed(columns: Sequence[str]) -> str:
    """Return what casts columns of texts to their types."""
    kinds = {name: "STRING" if name in TEXTS else "BIGINT" if name in IDS else "DECIMAL(38, 0)" for name in columns}
    return ", ".join(f"CAST({name} AS {kind}) AS {name}" for name, kind in kinds.items())


class Duck:
    """DuckDB in this process; what doesn't fit into its memory limit spills into the scratch folder."""

    def __init__(self, scratch: Path, prelude: Path, options: Mapping[str, str]) -> None:
        import duckdb

        self.connection = duckdb.connect()
        self.connection.execute(f"SET temp_directory = '{scratch / 'spill'}'")
        self.connection.execute("SET preserve_insertion_order = false")
        for name, value in options.items():
            self.connection.execute(f"SET {name} = '{value}'")
        self.connection.execute(prelude.read_text("utf-8"))

    def open(self, name: str, path: Path) -> None:
        """Open a file as a view: only the columns that a query names are read."""
        quoted = str(path).replace("'", "''")
        self.connection.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{quoted}')")  # noqa: S608

    def lay_out(self, name: str, columns: Sequence[str], path: Path) -> None:
        """Read the lines as texts, then cast them."""
        given = ", ".join(f"{column}: 'VARCHAR'" for column in columns)
        lines = f"read_json('{path}', format = 'newline_delimited', columns = {{{given}}})"
        self.connection.execute(f"CREATE TABLE {name} AS SELECT {typed(columns)} FROM {lines}")  # noqa: S608

    def keep(self, name: str, select: str) -> None:
        """Keep rows in a table of DuckDB."""
        self.connection.execute(f"CREATE OR REPLACE TABLE {name} AS {select}")

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        """Fetch all rows."""
        return self.connection.execute(select).fetchall()

    def count(self, table: str) -> int:
        """Count rows."""
        return int(self.rows(f"SELECT COUNT(*) FROM {table}")[0][0])  # noqa: S608

    def close(self) -> None:
        """Close the connection, and with it the database in memory."""
        self.connection.close()


class Spark:
    """Spark on this machine, with a core for each processor; it needs Java 17 and requirements/spark.txt."""

    def __init__(self, scratch: Path, prelude: Path, options: Mapping[str, str]) -> None:
        from pyspark.sql import SparkSession  # type: ignore[import-not-found]  # installed on request only

        builder = SparkSession.builder.appName("greenloop-verify").master("local[*]")
        settings = {
            "spark.sql.warehouse.dir": str(scratch / "warehouse"),
            "spark.local.dir": str(scratch / "spill"),
            "spark.driver.memory": "4g",
            "spark.sql.shuffle.partitions": "16",
            "spark.sql.cteRecursionLevelLimit": "10000",
            "spark.sql.cteRecursionRowLimit": "100000000",
            "spark.sql.session.timeZone": "UTC",
            "spark.ui.enabled": "false",
            **options,
        }
        for name, value in settings.items():
            builder = builder.config(name, value)
        self.session = builder.getOrCreate()
        self.scratch = scratch
        self.kept = 0
        self.session.sql(prelude.read_text("utf-8").strip().removesuffix(";"))

    def open(self, name: str, path: Path) -> None:
        """Open a file as a view."""
        self.session.read.parquet(str(path)).createOrReplaceTempView(name)

    def lay_out(self, name: str, columns: Sequence[str], path: Path) -> None:
        """Read the lines as texts, then cast them."""
        schema = ", ".join(f"{column} STRING" for column in columns)
        self.session.read.schema(schema).json(str(path)).createOrReplaceTempView("laid_out")
        self.keep(name, f"SELECT {typed(columns)} FROM laid_out")  # noqa: S608

    def keep(self, name: str, select: str) -> None:
        """Write the rows to Parquet and read them from there, so that no query is computed twice."""
        self.kept += 1
        path = str(self.scratch / "kept" / f"{self.kept}-{name}")
        self.session.sql(select).write.parquet(path)
        self.session.read.parquet(path).createOrReplaceTempView(name)

    def rows(self, select: str) -> list[tuple[Any, ...]]:
        """Fetch all rows."""
        return [tuple(row) for row in self.session.sql(select).collect()]

    def count(self, table: str) -> int:
        """Count rows."""
        return int(self.rows(f"SELECT COUNT(*) FROM {table}")[0][0])  # noqa: S608

    def close(self) -> None:
        """Stop Spark."""
        self.session.stop()


ENGINES: Mapping[str, Callable[[Path, Path, Mapping[str, str]], Engine]] = {"duckdb": Duck, "spark": Spark}
