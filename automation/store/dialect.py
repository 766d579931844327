"""The words in which SQLite and PostgreSQL differ. Everything else in the project is one SQL text for both."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from array import array
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import apsw

PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")


@lru_cache(maxsize=4096)
def pyformat(sql: str) -> str:
    """`:name` parameters as psycopg wants them; `%` doubled, casts (`::`) left alone."""
    return PARAMETER.sub(r"%(\1)s", sql.replace("%", "%%"))


class Dialect(ABC):
    """Spellings of one database. Arguments and results are SQL text; `path` is a list of JSON object keys."""

    name: str
    id_column: str  # a primary key that is never reused
    blob: str
    without_rowid: str
    mark: str  # of a value by position
    insert: str  # many rows at once; after an error the transaction, or a savepoint around it, has to be undone
    update: str  # the same of a set of rows
    join_in_order: str  # joins tables in the order written
    in_order: str  # ends a long list that IN reads: SQLite makes a tree of it, twice as fast if it comes sorted

    @abstractmethod
    def spell(self, sql: str) -> str:
        """The statement with its `:name` parameters as the driver wants them."""

    @abstractmethod
    def numbered(self, table: str) -> str:
        """A key that a temporary table gives its rows itself. With `Transaction.reserved` it is an id of `table`."""

    @abstractmethod
    def greatest(self, *values: str) -> str:
        """The largest; no value may be NULL (SQLite answers NULL, PostgreSQL leaves it out). So with `least`."""

    @abstractmethod
    def least(self, *values: str) -> str: ...

    @abstractmethod
    def json_text(self, document: str, path: Sequence[str]) -> str:
        """The value at the path as text, NULL where it is missing or null."""

    @abstractmethod
    def json_number(self, document: str, path: Sequence[str]) -> str:
        """The value at the path as a number; text that is no number gives NULL."""

    @abstractmethod
    def json_flag(self, document: str, path: Sequence[str]) -> str:
        """The value at the path as 1 or 0: true, false, or a number that stands for them; NULL otherwise."""

    @abstractmethod
    def position(self, text: str, part: str) -> str:
        """Where the part begins in the text, from 1; 0 where it is not in it. Capitals count."""

    @abstractmethod
    def json_member(self, document: str, path: Sequence[str]) -> str:
        """The value at the path as JSON text, NULL where it is missing."""

    @abstractmethod
    def json_object(self, **members: str) -> str:
        """A JSON object (text) of SQL values."""

    @abstractmethod
    def json_put(self, document: str, key: str, value: str) -> str:
        """The document (text, may be NULL) with one member set to a JSON text."""

    @abstractmethod
    def each(self, parameter: str, columns: dict[str, str]) -> str:
        """A table expression over a bound JSON array of arrays; columns: name -> SQL type, in order."""

    @abstractmethod
    def ids(self, parameter: str) -> str:
        """A table expression with the column `id` over a bound value of `array`: ten times cheaper than `each`."""

    @abstractmethod
    def array(self, numbers: Sequence[int]) -> Any:
        """The value that `ids` reads."""

    @abstractmethod
    def blobs(self, parameter: str) -> str:
        """A table expression with the column `value` over a bound value of `blob_array`."""

    @abstractmethod
    def blob_array(self, blobs: Sequence[bytes]) -> Any:
        """The value that `blobs` reads."""


class Sqlite(Dialect):
    name = "sqlite"
    id_column = "INTEGER PRIMARY KEY AUTOINCREMENT"
    blob = "BLOB"
    without_rowid = " WITHOUT ROWID"
    mark = "?"
    insert = "INSERT OR FAIL"  # otherwise each statement keeps a copy of every page it changes, to undo itself alone
    update = "UPDATE OR FAIL"
    join_in_order = "CROSS JOIN"
    in_order = " ORDER BY 1"

    def spell(self, sql: str) -> str:
        return sql

    def numbered(self, table: str) -> str:
        return "INTEGER PRIMARY KEY"

    def greatest(self, *values: str) -> str:
        return f"max({', '.join(values)})"

    def least(self, *values: str) -> str:
        return f"min({', '.join(values)})"

    def json_text(self, document: str, path: Sequence[str]) -> str:
        return f"CAST(json_extract({document}, {self._path(path)}) AS TEXT)"

    def json_number(self, document: str, path: Sequence[str]) -> str:
        # JSON numbers must not be compared as text: 10 < 9 there.
        value = f"json_extract({document}, {self._path(path)})"
        return f"(CASE WHEN typeof({value}) IN ('integer', 'real') THEN {value} END)"

    def json_flag(self, document: str, path: Sequence[str]) -> str:
        place = f"{document}, {self._path(path)}"
        return (
            f"(CASE json_type({place}) WHEN 'true' THEN 1 WHEN 'false' THEN 0"
            f" WHEN 'integer' THEN json_extract({place}) END)"
        )

    def position(self, text: str, part: str) -> str:
        return f"instr({text}, {part})"

    def json_member(self, document: str, path: Sequence[str]) -> str:
        return f"({document} -> {self._path(path)})"

    def json_object(self, **members: str) -> str:
        return "json_object(" + ", ".join(f"'{key}', {value}" for key, value in members.items()) + ")"

    def json_put(self, document: str, key: str, value: str) -> str:
        return f"json_set(coalesce({document}, '{{}}'), {self._path([key])}, json({value}))"

    def each(self, parameter: str, columns: dict[str, str]) -> str:
        picked = ", ".join(f"json_extract(value, '$[{n}]') AS {name}" for n, name in enumerate(columns))
        return f"(SELECT {picked} FROM json_each(:{parameter}))"

    def ids(self, parameter: str) -> str:
        return f"(SELECT value AS id FROM carray(:{parameter}))"

    def array(self, numbers: Sequence[int]) -> Any:
        # carray takes no empty array, and finds no rows in NULL.
        return apsw.carray(array("q", numbers)) if numbers else None

    def blobs(self, parameter: str) -> str:
        return f"(SELECT value FROM carray(:{parameter}))"

    def blob_array(self, blobs: Sequence[bytes]) -> Any:
        return apsw.carray(tuple(blobs)) if blobs else None

    @staticmethod
    def _path(keys: Sequence[str]) -> str:
        steps = "".join(f'."{key}"' for key in keys).replace("'", "''")
        return f"'${steps}'"


class Postgres(Dialect):
    name = "postgresql"
    id_column = "BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
    blob = "BYTEA"
    without_rowid = ""
    mark = "%s"
    insert = "INSERT"
    update = "UPDATE"
    join_in_order = "INNER JOIN"
    in_order = ""

    def spell(self, sql: str) -> str:
        return pyformat(sql)

    def numbered(self, table: str) -> str:
        return f"BIGINT PRIMARY KEY DEFAULT nextval(pg_get_serial_sequence('{table}', 'id'))"

    def greatest(self, *values: str) -> str:
        return f"greatest({', '.join(values)})"

    def least(self, *values: str) -> str:
        return f"least({', '.join(values)})"

    def json_text(self, document: str, path: Sequence[str]) -> str:
        return f"(({document})::jsonb #>> {self._path(path)})"

    def json_number(self, document: str, path: Sequence[str]) -> str:
        place = f"({document})::jsonb #> {self._path(path)}"
        return f"(CASE WHEN jsonb_typeof({place}) = 'number' THEN ({place})::numeric END)"

    def json_flag(self, document: str, path: Sequence[str]) -> str:
        place = f"({document})::jsonb #> {self._path(path)}"
        return (
            f"(CASE jsonb_typeof({place}) WHEN 'boolean' THEN (({place})::boolean)::int::numeric"
            f" WHEN 'number' THEN ({place})::numeric END)"
        )

    def position(self, text: str, part: str) -> str:
        return f"strpos({text}, {part})"

    def json_member(self, document: str, path: Sequence[str]) -> str:
        return f"(({document})::jsonb #> {self._path(path)})::text"

    def json_object(self, **members: str) -> str:
        return "jsonb_build_object(" + ", ".join(f"'{key}', {value}" for key, value in members.items()) + ")::text"

    def json_put(self, document: str, key: str, value: str) -> str:
        quoted = key.replace("'", "''")
        return f"(coalesce({document}, '{{}}')::jsonb || jsonb_build_object('{quoted}', ({value})::jsonb))::text"

    def each(self, parameter: str, columns: dict[str, str]) -> str:
        picked = ", ".join(f"(value->>{n})::{kind} AS {name}" for n, (name, kind) in enumerate(columns.items()))
        return f"(SELECT {picked} FROM jsonb_array_elements(:{parameter}::jsonb) AS t(value))"

    def ids(self, parameter: str) -> str:
        return f"(SELECT value AS id FROM unnest(CAST(:{parameter} AS BIGINT[])) AS t(value))"

    def array(self, numbers: Sequence[int]) -> Any:
        return list(numbers)

    def blobs(self, parameter: str) -> str:
        return f"(SELECT value FROM unnest(CAST(:{parameter} AS BYTEA[])) AS t(value))"

    def blob_array(self, blobs: Sequence[bytes]) -> Any:
        return list(blobs)

    @staticmethod
    def _path(keys: Sequence[str]) -> str:
        inner = ",".join('"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"' for key in keys)
        return "'{" + inner.replace("'", "''") + "}'"
