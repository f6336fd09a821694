"""Tables in and out: DataFrames, Arrow tables, dictionaries of columns, lists of rows or of numbers.

pandas and numpy are used where they are installed and never needed: without pandas a table is a dictionary of columns.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from ._conurb import ConurbError

try:
    import numpy as np
    import pandas as pd
except ImportError:  # both are optional
    np = pd = None  # type: ignore[assignment]

#: A pandas DataFrame where pandas is installed, else a dictionary of columns.
Frame: TypeAlias = Any
#: A DataFrame, anything with ``to_pandas`` or ``to_pydict`` (an Arrow table), a dictionary of columns,
#: or a list of dictionaries.
Table: TypeAlias = Any
#: A Series, an array, a list: numbers in order.
Numbers: TypeAlias = Any


def refuse(detail: str, remedy: str) -> ConurbError:
    """The exception for a call that cannot be made."""
    error = ConurbError(f"[CNB-PYTHON-0001] {detail}\n  help: {remedy}")
    error.code, error.remedy = "CNB-PYTHON-0001", remedy
    return error


def doubles(what: str, numbers: Numbers) -> bytes:
    """Numbers in order as bytes of 64-bit floats; a nested list or 2-d array row by row."""
    if hasattr(numbers, "to_numpy"):
        numbers = numbers.to_numpy()
    if hasattr(numbers, "astype"):
        try:
            return numbers.astype("float64").tobytes()
        except (TypeError, ValueError) as e:
            raise refuse(f"{what}: {e}", "give numbers only") from None
    try:
        rows = list(numbers)
        if rows and not isinstance(rows[0], str) and hasattr(rows[0], "__iter__"):
            rows = [v for row in rows for v in row]
        return array("d", [math.nan if v is None else float(v) for v in rows]).tobytes()
    except (TypeError, ValueError) as e:
        raise refuse(f"{what}: {e}", "give numbers only") from None


def numbers(buffer: bytes, code: str = "d") -> Any:
    """A column from bytes: a numpy array where pandas is installed, else an ``array``."""
    if np is not None:
        return np.frombuffer(buffer, dtype=code).copy()
    column = array(code)
    column.frombytes(buffer)
    return column


def columns(what: str, table: Table, *names: str) -> dict[str, Any]:
    """The named columns of a table (all without names), each as it stands there."""
    if hasattr(table, "to_pandas"):
        table = table.to_pandas()
    elif not hasattr(table, "columns") and hasattr(table, "to_pydict"):
        table = table.to_pydict()
    if hasattr(table, "columns") and hasattr(table, "index"):
        found = {str(name): table[name] for name in table.columns}
    elif isinstance(table, Mapping):
        found = {str(name): column for name, column in table.items()}
    else:
        rows = list(table)
        if not all(isinstance(row, Mapping) for row in rows):
            raise refuse(f"{what} is no table", "give a DataFrame, columns by name, or rows as dictionaries")
        keys = list(rows[0]) if rows else list(names)
        found = {str(key): [row.get(key) for row in rows] for key in keys}
    missing = [name for name in names if name not in found]
    if missing:
        raise refuse(f"{what}: there is no column {missing[0]!r}", f"columns needed: {', '.join(names)}")
    sizes = {len(column) for column in found.values()}
    if len(sizes) > 1:
        raise refuse(f"{what}: columns differ in length", "give one value a row")
    return {name: found[name] for name in names} if names else found


def texts(column: Iterable[Any]) -> list[str]:
    """A column as texts."""
    return [value if isinstance(value, str) else str(value) for value in column]


def frame(found: Mapping[str, Any], index: Sequence[Any] | None = None, name: str = "place") -> Frame:
    """A table from columns, its rows named by ``index``."""
    if pd is not None:
        labels = None if index is None else pd.Index(list(index), name=name)
        return pd.DataFrame(dict(found), index=labels)
    return dict(found) if index is None else {name: list(index), **found}


def rows_frame(rows: Sequence[Mapping[str, Any]], names: Sequence[str] = (), index: str | None = None) -> Frame:
    """A table from rows with the same keys; ``names`` says which where there may be no row."""
    keys = list(names) or (list(rows[0]) if rows else [])
    found = {key: [row.get(key) for row in rows] for key in keys}
    if index is None:
        return frame(found)
    return frame({k: v for k, v in found.items() if k != index}, found[index], index)


def named_codes(codes: bytes, names: Sequence[str]) -> Any:
    """A column of names from 32-bit positions: categories where pandas is installed."""
    positions = numbers(codes, "I")
    if pd is not None:
        return pd.Categorical.from_codes(positions.astype("int64"), categories=list(names))
    return [names[at] for at in positions]


def square(buffer: bytes, names: Sequence[str], over: Sequence[str] | None = None) -> Frame:
    """A table of rows ``names`` and columns ``over`` (the same without) from bytes, row by row."""
    over = names if over is None else over
    values = numbers(buffer)
    return frame({name: values[at :: len(over)] for at, name in enumerate(over)}, names)


def by_name(what: str, given: Any) -> dict[str, float] | None:
    """Values by name of a dictionary or a Series with names; ``None`` where there are no names."""
    if pd is not None and isinstance(given, pd.Series):
        if isinstance(given.index, pd.RangeIndex):
            return None
        names = texts(given.index)
        if len(set(names)) < len(names):
            raise refuse(f"{what}: a name stands there twice", "give one value a name")
        given = dict(zip(names, given))
    if not isinstance(given, Mapping):
        return None
    return {str(name): float(value) for name, value in given.items()}


def labelled(what: str, given: Any, names: Sequence[str]) -> list[float]:
    """A value for each name: by name where there are names, else in order."""
    found = by_name(what, given)
    if found is not None:
        missing = [name for name in names if name not in found]
        if missing:
            shown = ", ".join(missing[:5])
            remedy = "give every place a value, 0 where it has none"
            raise refuse(f"{what}: {len(missing)} places have no value: {shown}", remedy)
        return [found[name] for name in names]
    values = [float(v) for v in given]
    if len(values) != len(names):
        remedy = "give one value a place, or a dictionary by name"
        raise refuse(f"{what}: {len(values)} values for {len(names)} places", remedy)
    return values


def squared(what: str, table: Table) -> tuple[list[str], bytes]:
    """Names and values, row by row, of a square DataFrame (rows and columns with equal names) or a list of rows."""
    if hasattr(table, "to_pandas"):
        table = table.to_pandas()
    if hasattr(table, "columns") and hasattr(table, "index"):
        names = texts(table.index)
        if names != texts(table.columns):
            remedy = "give a square table with one order of places"
            raise refuse(f"{what}: rows and columns have different names", remedy)
        return names, doubles(what, table)
    rows = [list(row) for row in table]
    if any(len(row) != len(rows) for row in rows):
        raise refuse(f"{what} is not square", "give as many columns as rows")
    return [str(at) for at in range(len(rows))], doubles(what, rows)
