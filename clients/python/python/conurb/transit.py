"""Timetables: read, examine, route, measure, edit, compare.

>>> from conurb import transit
>>> feed = transit.read_gtfs("feed.zip")                          # doctest: +SKIP
>>> feed.quality("2016-03-15").findings                           # doctest: +SKIP
>>> day = feed.timetable("2016-03-15", change_s=600)              # doctest: +SKIP
>>> times = day.matrix({"Nanjing": ["NJ South", "NJ"], "Suzhou": {"SZ North": 25.0}})   # doctest: +SKIP
>>> times.watt(transit.Mass({"Nanjing": 8.5e6, "Suzhou": 1.3e7}, "persons", 2020, "census"))  # doctest: +SKIP

Times are seconds after midnight of the service day where a name ends in ``_s``, minutes in ``_min``. A pair without
a journey has no number (NaN), never a guess. Places come in ascending order of their names. Formulas and sources:
docs/transit/model.md; rules of the quality report: docs/transit/quality.md.
"""

from __future__ import annotations

import datetime
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

from . import _conurb
from ._reach import DAY_S, Mass, Profiles, TimeMatrix, basis_of, equity
from ._tables import (
    Frame,
    Table,
    by_name,
    columns,
    frame,
    labelled,
    numbers,
    refuse,
    rows_frame,
    texts,
)

__all__ = [
    "Feed",
    "Mass",
    "Profiles",
    "Quality",
    "Scenario",
    "TimeMatrix",
    "Timetable",
    "World",
    "compare",
    "equity",
    "leave_one_out",
    "read_gtfs",
    "read_rail_table",
    "read_scenario",
]

#: Places: names of stops (each a place); for each place its stops, or its stops with minutes of access; or a table
#: with the columns ``city_code, stop_id, minutes`` (optionally ``source``).
Places = Union[Sequence[str], Mapping[str, Any], Table]


def _day(day: datetime.date | str) -> str:
    return day if isinstance(day, str) else day.strftime("%Y-%m-%d")


def _access(places: Places) -> list[tuple[str, str, float, str]]:
    """Rows (place, stop, minutes, source)."""
    if isinstance(places, Mapping) and not {"city_code", "stop_id", "minutes"} <= set(places):
        rows = []
        for place, stops in places.items():
            if isinstance(stops, str):
                stops = [stops]
            with_minutes = stops.items() if isinstance(stops, Mapping) else ((s, 0.0) for s in stops)
            rows += [(str(place), str(stop), float(minutes), "") for stop, minutes in with_minutes]
        return rows
    if isinstance(places, (list, tuple)) and all(isinstance(p, str) for p in places):
        return [(place, place, 0.0, "") for place in places]
    found = columns("places", places, "city_code", "stop_id", "minutes")
    every = columns("places", places)
    source = texts(every["source"]) if "source" in every else [""] * len(found["minutes"])
    cities, stops = texts(found["city_code"]), texts(found["stop_id"])
    return list(zip(cities, stops, (float(m) for m in found["minutes"]), source))


@dataclass(frozen=True)
class Quality:
    """The quality report of a feed: ``facts``, ``counts`` of findings by rule, ``findings`` as a table with rule,
    severity, file, row, subject, value, message, remedy (the first 100 of each rule)."""

    facts: dict[str, Any]
    counts: dict[str, int]
    findings: Frame


def read_gtfs(path: str | os.PathLike[str]) -> Feed:
    """Reads a GTFS feed from a zip archive or a folder, tolerantly: what was repaired or dropped stands in
    :meth:`Feed.quality` with its row."""
    return Feed(_conurb.read_gtfs(path))


def read_rail_table(
    path: str | os.PathLike[str],
    first_day: datetime.date | str,
    last_day: datetime.date | str,
    lat_lon: Mapping[str, tuple[float, float]] | None = None,
) -> Feed:
    """Reads a station-time table as 12306 has it (CSV, one row per call of a train).

    ``first_day`` and ``last_day`` are what "every day" stands for; ``lat_lon`` has degrees (WGS84) by station name.
    """
    return Feed(_conurb.read_rail_table(path, _day(first_day), _day(last_day), dict(lat_lon or {})))


def _stop_frame(found: Mapping[str, Any]) -> Frame:
    lat, lon = numbers(found["lat"]), numbers(found["lon"])
    return frame({"name": found["name"], "lat": lat, "lon": lon}, found["stop_id"], "stop_id")


class Feed:
    """A timetable of many days; made by :func:`read_gtfs` or :func:`read_rail_table`."""

    def __init__(self, native: _conurb.Feed) -> None:
        self._native = native

    @property
    def sizes(self) -> dict[str, Any]:
        """Numbers of stops, routes, trips, calls, services, transfers; source; first and last day of service."""
        return self._native.sizes()

    def stops(self) -> Frame:
        """Stops by ``stop_id``: name, lat, lon (degrees WGS84; NaN where not known)."""
        return _stop_frame(self._native.stops())

    def quality(self, day: datetime.date | str | None = None, **limits_km_h: float) -> Quality:
        """Examines the feed: implied speed above the limit between calls, homonyms, duplicate trips, unreachable
        stops, calendar gaps, repairs of the reader; each with row and remedy.

        ``day``: tells the stops without service on it. ``rail_km_h=340``, ``metro_km_h=130``, ``bus_km_h=110``,
        ``ferry_km_h=90``, ``air_km_h=1000``: limits of speed. Rules: docs/transit/quality.md.
        """
        report = self._native.quality(None if day is None else _day(day), limits_km_h)
        rows = [row for kept in report["findings"]["kept"].values() for row in kept]
        names = ["rule", "severity", "file", "row", "subject", "value", "message", "remedy"]
        return Quality(report["facts"], report["findings"]["counts"], rows_frame(rows, names))

    def timetable(
        self,
        day: datetime.date | str,
        change_s: int = 600,
        *,
        calendar_day: bool = False,
        complete_transfers: bool = False,
    ) -> Timetable:
        """The timetable of a day.

        ``change_s``: time to change, and to board at the origin, where the feed says nothing. ``calendar_day``: adds
        what of the day before runs after midnight. ``complete_transfers``: adds the ways on foot that follow from
        others.
        """
        return Timetable(self._native.timetable(_day(day), change_s, calendar_day, complete_transfers))

    def write_gtfs(self, path: str | os.PathLike[str]) -> None:
        """Writes GTFS: a zip archive where the name ends in ``.zip``, else a folder."""
        self._native.write_gtfs(path)

    def __repr__(self) -> str:
        sizes = self.sizes
        return f"<conurb Feed {sizes['source']}: {sizes['stops']} stops, {sizes['trips']} trips>"


class Timetable:
    """The timetable of one day; made by :meth:`Feed.timetable`."""

    def __init__(self, native: _conurb.Timetable) -> None:
        self._native = native

    @property
    def sizes(self) -> dict[str, int]:
        """Numbers of stops, served stops, trips, connections."""
        return self._native.sizes()

    def stops(self) -> Frame:
        """Stops by ``stop_id``: name, lat, lon (degrees WGS84)."""
        return _stop_frame(self._native.stops())

    def access_by_rule(self, centres: Table, city_of: Mapping[str, str], speed_km_h: float = 30.0) -> Frame:
        """Minutes between places and their stops: 60 x great circle (km) / ``speed_km_h``.

        ``centres`` has ``city_code, lat, lon, centre_of`` (what the centre is); ``city_of`` gives the code of the
        place a ``stop_id`` belongs to. The table can be given as ``places`` everywhere.
        """
        found = columns("centres", centres, "city_code", "lat", "lon", "centre_of")
        lat, lon = [float(v) for v in found["lat"]], [float(v) for v in found["lon"]]
        rows = list(zip(texts(found["city_code"]), lat, lon, texts(found["centre_of"])))
        return _access_frame(self._native.access_by_rule(rows, dict(city_of), speed_km_h))

    def profiles(self, places: Places) -> Profiles:
        """Every journey of the day worth taking between places: profile connection scan (Dibbelt, Pajor, Strasser,
        Wagner 2018), the whole service day, all threads."""
        return Profiles(self._native.profiles(_access(places)))

    def matrix(
        self,
        places: Places,
        basis: str = "fastest",
        *,
        window_s: tuple[int, int] = DAY_S,
        percentile: float | None = None,
    ) -> TimeMatrix:
        """Travel times between places, minutes; see :meth:`Profiles.matrix`."""
        return self.profiles(places).matrix(basis, window_s=window_s, percentile=percentile)

    def door_to_door(self, places: Places) -> Frame:
        """The fastest journey of the day for each ordered pair that has one: from, to, ready_s, total_s and its parts
        access_s + wait_s + ride_s + change_s + egress_s, and the number of vehicles."""
        rows = self._native.door_to_door(self._native.profiles(_access(places)))
        flat = [{**{k: v for k, v in row.items() if k != "parts"}, **row["parts"]} for row in rows]
        parts = ["access_s", "wait_s", "ride_s", "change_s", "egress_s"]
        return rows_frame(flat, ["from", "to", "ready_s", "total_s", *parts, "trips"])

    def world(self, places: Places, mass: Mass) -> World:
        """A base for scenarios: this timetable, places with their access, and a mass by name of place. Masses of
        places without a stop are kept: an edit may give them one."""
        rows = _access(places)
        names = sorted({row[0] for row in rows})
        values = {**(by_name("mass", mass.values) or {}), **dict(zip(names, labelled("mass", mass.values, names)))}
        native = _conurb.World(self._native, rows, values, mass.unit, mass.year, mass.source)
        return World(native)

    def __repr__(self) -> str:
        sizes = self.sizes
        return f"<conurb Timetable: {sizes['served_stops']} served stops, {sizes['trips']} trips>"


def _access_frame(rows: Iterable[tuple[str, str, float, str]]) -> Frame:
    found = list(zip(*rows)) or [(), (), (), ()]
    return frame(dict(zip(("city_code", "stop_id", "minutes", "source"), map(list, found))))


class Scenario:
    """An ordered list of edits on a base; a text that ``conurb plan`` reads too. Every edit gives the scenario back:
    ``world.scenario("more").frequency(factor=2, prefix="C").close_station("Kunshan")``.
    """

    def __init__(self, name: str, base: str, edits: Iterable[Mapping[str, Any]] = ()) -> None:
        self.name = name
        self.base = base
        self.edits: list[dict[str, Any]] = [dict(edit) for edit in edits]

    def edit(self, kind: str, **members: Any) -> Scenario:
        """Adds an edit of any kind; members that are ``None`` are left out."""
        self.edits.append({"kind": kind, **{k: v for k, v in members.items() if v is not None}})
        return self

    def add_line(
        self,
        name: str,
        stations: Sequence[str],
        run_min: Sequence[float],
        *,
        first: str,
        last: str,
        headway_min: float,
        dwell_min: float = 2.0,
        both_directions: bool = True,
        assumed: str | None = None,
    ) -> Scenario:
        """A new line: minutes between its stations (one fewer), departures ``HH:MM`` from first to last, one every
        ``headway_min``. ``assumed``: what of it is assumed; shown with results."""
        line = {
            "name": name,
            "stations": list(stations),
            "run_min": [float(m) for m in run_min],
            "dwell_min": dwell_min,
            "departures": {"first": first, "last": last, "headway_min": headway_min},
            "both_directions": both_directions,
        }
        if assumed is not None:
            line["assumed"] = assumed
        return self.edit("add_line", line=line)

    def remove_line(self, route: str) -> Scenario:
        """All trips of a route go."""
        return self.edit("remove_line", route=route)

    def remove_trips(self, **which: str) -> Scenario:
        """Trips go: those that fit all of ``route, prefix`` (of the name)``, trip, from_, to`` given."""
        return self.edit("remove_trips", filter=_filter(which))

    def frequency(
        self,
        *,
        factor: float | None = None,
        headway_min: float | None = None,
        window_s: tuple[int, int] = (0, 86_400),
        **which: str,
    ) -> Scenario:
        """Trips that leave within the window are cloned or thinned evenly: ``factor`` times as many, or one every
        ``headway_min``."""
        if (factor is None) == (headway_min is None):
            raise refuse("frequency: how often is not clear", "give factor or headway_min")
        rate = {"factor": factor} if factor is not None else {"headway_min": headway_min}
        window = {"from_s": window_s[0], "to_s": window_s[1]}
        return self.edit("frequency", filter=_filter(which), window=window, rate=rate)

    def speed(self, factor: float, **which: str) -> Scenario:
        """Running times times ``factor`` (0.9 is faster); with ``from_`` and ``to`` only between these stops."""
        return self.edit("speed", filter=_filter(which), factor=factor)

    def add_station(
        self, stop_id: str, name: str, lat: float, lon: float, city: str | None = None, access_min: float | None = None
    ) -> Scenario:
        """A new stop, and optionally the place it belongs to with the minutes between them."""
        return self.edit("add_station", id=stop_id, name=name, lat=lat, lon=lon, city=city, access_min=access_min)

    def close_station(self, stop: str) -> Scenario:
        """Trips pass a stop without calling."""
        return self.edit("close_station", stop=stop)

    def access(self, city: str, stop: str, minutes: float) -> Scenario:
        """Minutes between a place and a stop."""
        return self.edit("access", city=city, stop=stop, minutes=minutes)

    def change_time(self, minutes: float, stop: str | None = None) -> Scenario:
        """Time to change at one stop, or at all that have the default."""
        return self.edit("change_time", stop=stop, minutes=minutes)

    def mass(self, city: str, value: float, source: str) -> Scenario:
        """A place's mass, such as persons of a year to come."""
        return self.edit("mass", city=city, value=value, source=source)

    def undo(self) -> dict[str, Any] | None:
        """Takes the last edit back."""
        return self.edits.pop() if self.edits else None

    def branch(self, name: str, keep: int | None = None) -> Scenario:
        """Another scenario that begins with the first ``keep`` edits of this one (all without)."""
        return Scenario(name, self.base, self.edits[:keep])

    def to_json(self) -> str:
        """As JSON."""
        return json.dumps({"name": self.name, "base": self.base, "edits": self.edits}, ensure_ascii=False)

    def to_toml(self) -> str:
        """As TOML."""
        return _conurb.scenario_convert(self.name, self.to_json(), True)

    def __repr__(self) -> str:
        return f"<conurb Scenario {self.name!r}: {len(self.edits)} edits on {self.base[:12]}>"


def _filter(which: Mapping[str, str]) -> dict[str, str]:
    return {key.rstrip("_"): value for key, value in which.items()}


def read_scenario(path: str | os.PathLike[str]) -> Scenario:
    """Reads a scenario from TOML or JSON (by the end of the name)."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    if not os.fspath(path).endswith(".json"):
        text = _conurb.scenario_convert(os.fspath(path), text, False)
    read = json.loads(text)
    return Scenario(read["name"], read["base"], read.get("edits", []))


class World:
    """A timetable, places with access, and masses: the base of scenarios, and what one makes of it."""

    def __init__(self, native: _conurb.World) -> None:
        self._native = native

    @property
    def hash(self) -> str:
        """SHA-256 of all that it holds; scenarios keep it."""
        return self._native.hash()

    @property
    def notes(self) -> list[str]:
        """What was assumed or had no effect, in the order of edits."""
        return self._native.notes()

    @property
    def timetable(self) -> Timetable:
        """Its timetable."""
        return Timetable(self._native.timetable())

    @property
    def routes(self) -> list[str]:
        """Identifiers of the routes that run."""
        return self._native.routes()

    def places(self) -> Frame:
        """Access: city_code, stop_id, minutes, source."""
        return _access_frame(self._native.access())

    def profiles(self) -> Profiles:
        """Profiles between its places."""
        return Profiles(self._native.profiles())

    def scenario(self, name: str) -> Scenario:
        """A scenario without edits on this base."""
        return Scenario(name, self.hash)

    def apply(self, scenario: Scenario) -> World:
        """Applies the edits; this base stays as it is. An edit that does not fit is named with its number."""
        return World(self._native.apply(scenario.name, scenario.to_json()))

    def corridor_edits(
        self,
        corridor: str,
        cities: Table,
        *,
        first: str = "07:00",
        last: str = "21:00",
        headway_min: float = 60.0,
        model: str = "G",
    ) -> list[dict[str, Any]]:
        """Edits that complete a corridor: stations for places without one, and a line there and back for every leg
        no direct train serves. ``cities``: ``code, name, lat, lon, access_min`` in order. Run minutes follow a model
        fitted to 2016 (``G`` or ``D`` trains) and are marked as assumed."""
        found = columns("cities", cities, "code", "name", "lat", "lon", "access_min")
        rows = [
            {"code": str(c), "name": str(n), "lat_lon": [float(a), float(b)], "access_min": float(m)}
            for c, n, a, b, m in zip(*(found[k] for k in ("code", "name", "lat", "lon", "access_min")))
        ]
        service = {"first": first, "last": last, "headway_min": float(headway_min)}
        return self._native.corridor_edits(corridor, rows, service, model)


def _scenario_question(
    measure: str, parameter: float | None, cities: Iterable[str], label: str | None, basis: Any
) -> dict[str, Any]:
    named = texts(cities)
    if measure == "watt":
        what: Any = "watt"
    elif measure in ("potential", "contour"):
        if parameter is None and measure == "contour":
            raise refuse("contour needs a limit", "give parameter, in minutes")
        what = {measure: 1.0 if parameter is None else float(parameter)}
    else:
        raise refuse(f"measure: there is no {measure!r}", "choose watt, potential or contour")
    return {"measure": what, "basis": basis, "label": label or f"{len(named)} places", "cities": named}


def compare(
    before: World,
    after: World,
    cities: Iterable[str],
    measure: str = "watt",
    parameter: float | None = None,
    *,
    label: str | None = None,
    basis: str = "fastest",
    window_s: tuple[int, int] = DAY_S,
    percentile: float | None = None,
) -> dict[str, Any]:
    """What a scenario changes, losers first.

    ``measure``: ``watt`` (min, less is better), ``potential`` (``parameter`` is the exponent, 1), ``contour``
    (``parameter`` is the limit, min). Gives ``changes`` (a table by place: effect ``loses``, ``wins`` or ``same``,
    before, after, change, lost and gained destinations), ``unit``, ``pairs``, the balance ``before`` and ``after``
    (mean, equity, WATT inside and out) and ``notes`` (what was assumed). The change is over the destinations reached
    both times.
    """
    question = _scenario_question(measure, parameter, cities, label, basis_of(basis, window_s, percentile))
    report = _conurb.scenario_compare(before._native, after._native, question)
    rows = []
    for key, effect in (("losers", "loses"), ("winners", "wins"), ("unchanged", "same")):
        rows += [{"place": row["city"], "effect": effect, **row} for row in report.pop(key)]
    names = ["place", "effect", "before", "after", "change", "interval", "lost", "gained"]
    report["changes"] = rows_frame(rows, names, index="place")
    return report


def leave_one_out(
    world: World,
    cities: Iterable[str],
    routes: Iterable[str] | None = None,
    measure: str = "watt",
    parameter: float | None = None,
) -> Frame:
    """What each route is worth: route, trips, mean_change (of the weighted mean when it is taken away), slower and
    lost ordered pairs. All routes of the day without ``routes``."""
    question = _scenario_question(measure, parameter, cities, None, "fastest")
    wanted = world.routes if routes is None else texts(routes)
    rows = _conurb.scenario_leave_one_out(world._native, question, wanted)
    return rows_frame(rows, ["route", "trips", "mean_change", "slower", "lost"])
