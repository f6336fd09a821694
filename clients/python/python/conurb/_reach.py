"""Profiles and travel times between places, and the measures of reach; `conurb.transit` shows them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import _conurb
from ._tables import (
    Frame,
    Numbers,
    Table,
    doubles,
    frame,
    labelled,
    named_codes,
    numbers,
    refuse,
    square,
    squared,
    texts,
)

#: 07:00 to 19:00, s after midnight.
DAY_S = (7 * 3600, 19 * 3600)


def basis_of(basis: str, window_s: tuple[int, int], percentile: float | None) -> Any:
    """The basis as the native half reads it."""
    window = {"from_s": int(window_s[0]), "to_s": int(window_s[1])}
    if basis == "fastest":
        return "fastest"
    if basis == "mean":
        return {"mean": window}
    if basis == "percentile":
        return {"percentile": [window, 0.5 if percentile is None else float(percentile)]}
    raise refuse(f"basis: there is no {basis!r}", "choose fastest, mean or percentile")


@dataclass(frozen=True)
class Mass:
    """What is counted at each place: ``values`` by name (or in the order of the places), with unit, year and source.

    A number without its source is not shown, so the four belong together.
    """

    values: Any
    unit: str
    year: int
    source: str


class _Asked:
    """What measures share: positions of places by name, and rows of results."""

    places: list[str]

    def _at(self, what: str, names: Iterable[str] | None) -> list[int]:
        at = {name: n for n, name in enumerate(self.places)}
        if names is None:
            return list(range(len(self.places)))
        wanted = texts(names)
        unknown = [name for name in wanted if name not in at]
        if unknown:
            raise refuse(f"{what}: there is no place {unknown[0]!r}", "see .places for the names")
        return [at[name] for name in wanted]

    def _question(
        self,
        mass: Mass,
        origins: Iterable[str] | None,
        destinations: Iterable[str] | None,
        own_min: Any = None,
        label: str | None = None,
    ) -> dict[str, Any]:
        members = self._at("destinations", destinations)
        own = None if own_min is None else doubles("own_min", labelled("own_min", own_min, self.places))
        values = doubles("mass", labelled("mass", mass.values, self.places))
        return {
            "mass": (values, mass.unit, int(mass.year), mass.source),
            "label": label or f"{len(members)} places",
            "members": members,
            "origins": self._at("origins", origins),
            "own_min": own,
        }

    def _reach(self, rows: Sequence[Mapping[str, Any]], unit: str) -> Frame:
        """A measure by place: value, reached, lost (names), lost_mass."""
        name = [self.places[row["place"]] for row in rows]
        value = numbers(doubles("value", [row["value"] for row in rows]))
        lost = [[self.places[at] for at in row["lost"]] for row in rows]
        lost_mass = [row["lost_mass"] for row in rows]
        reached = [row["reached"] for row in rows]
        return frame({unit: value, "reached": reached, "lost": lost, "lost_mass": lost_mass}, name)


class Profiles(_Asked):
    """Every journey of a day worth taking between places; made by :meth:`Timetable.profiles`."""

    def __init__(self, native: _conurb.Profiles) -> None:
        self._native = native
        self.places = native.places()

    def table(self) -> Frame:
        """All journeys: from, to, ready_s (latest time to be ready), arrive_s. By pair, then time."""
        origin, to, ready, arrive = self._native.table()
        named = {"from": named_codes(origin, self.places), "to": named_codes(to, self.places)}
        return frame({**named, "ready_s": numbers(ready, "i"), "arrive_s": numbers(arrive, "i")})

    def matrix(
        self, basis: str = "fastest", *, window_s: tuple[int, int] = DAY_S, percentile: float | None = None
    ) -> TimeMatrix:
        """Travel times, minutes. ``basis``: ``fastest`` of the day; ``mean`` over times to be ready within
        ``window_s`` (of the part after which a journey leaves, see :meth:`TimeMatrix.covered`); ``percentile`` over
        the window, a share from 0 to 1."""
        return TimeMatrix(self._native.times(basis_of(basis, window_s, percentile)))

    def day_trip(
        self,
        mass: Mass,
        *,
        leave_s: int = 6 * 3600,
        home_s: int = 22 * 3600,
        stay_h: float = 5.0,
        origins: Iterable[str] | None = None,
        destinations: Iterable[str] | None = None,
    ) -> Frame:
        """Day trips by place: sum of M over destinations where (latest time to be ready for being back by ``home_s``)
        - (earliest arrival when ready at ``leave_s``) >= ``stay_h``; in the unit of the mass. A place itself is out."""
        question = self._question(mass, origins, destinations)
        found = self._native.day_trip(question, (int(leave_s), int(home_s)), float(stay_h))
        return self._reach(found["reach"], f"day_trip_{mass.unit}")


class TimeMatrix(_Asked):
    """Travel times between places; made by :meth:`Timetable.matrix` or :meth:`TimeMatrix.from_minutes`.

    Every measure gives a table by place with its value, how many destinations were ``reached``, which were ``lost``
    and their ``lost_mass``: what the value knows nothing of. A place is no destination of its own unless ``own_min``
    gives the minutes within each place.
    """

    def __init__(self, native: _conurb.Times) -> None:
        self._native = native
        self.places = native.places()

    @classmethod
    def from_minutes(cls, minutes: Table) -> TimeMatrix:
        """From a square table of minutes (rows are origins; NaN: no journey)."""
        names, values = squared("minutes", minutes)
        return cls(_conurb.Times.from_minutes(names, values))

    def frame(self) -> Frame:
        """Minutes: rows are origins, columns destinations; NaN for no journey and on the diagonal."""
        return square(self._native.minutes(), self.places)

    def covered(self) -> Frame:
        """Share of the window within which a journey still leaves, for ``mean`` and ``percentile``."""
        return square(self._native.covered(), self.places)

    def watt(
        self,
        mass: Mass,
        *,
        origins: Iterable[str] | None = None,
        destinations: Iterable[str] | None = None,
        own_min: Any = None,
    ) -> Frame:
        """Weighted average travel time, min: sum of T M / sum of M over destinations reached (Gutierrez 2001)."""
        question = self._question(mass, origins, destinations, own_min)
        return self._reach(self._native.measure("watt", question, 0.0), "watt_min")

    def potential(
        self,
        mass: Mass,
        exponent: float = 1.0,
        *,
        origins: Iterable[str] | None = None,
        destinations: Iterable[str] | None = None,
        own_min: Any = None,
    ) -> Frame:
        """Economic potential: sum of M / T^exponent, mass per minute where the exponent is 1 (Harris 1954)."""
        question = self._question(mass, origins, destinations, own_min)
        return self._reach(self._native.measure("potential", question, float(exponent)), "potential")

    def exponential_potential(
        self,
        mass: Mass,
        b_per_min: float,
        *,
        origins: Iterable[str] | None = None,
        destinations: Iterable[str] | None = None,
        own_min: Any = None,
    ) -> Frame:
        """Exponential potential: sum of M exp(-b T), in the unit of the mass; b per minute."""
        question = self._question(mass, origins, destinations, own_min)
        return self._reach(self._native.measure("exponential_potential", question, float(b_per_min)), "potential")

    def contour(
        self,
        mass: Mass,
        limit_min: float,
        *,
        origins: Iterable[str] | None = None,
        destinations: Iterable[str] | None = None,
        own_min: Any = None,
    ) -> Frame:
        """Contour ("daily accessibility"): sum of M over destinations within ``limit_min``, in the unit of the mass.
        ``own_min=0`` for every place counts its own mass."""
        question = self._question(mass, origins, destinations, own_min)
        return self._reach(self._native.measure("contour", question, float(limit_min)), f"within_{mass.unit}")

    def efficiency(
        self, mass: Mass, lat_lon: Any, speed_km_h: float, *, destinations: Iterable[str] | None = None
    ) -> Frame:
        """Network efficiency: mass-weighted mean of T / T*, T* = great circle / ``speed_km_h``; 1 is a straight line at
        that speed (Gutierrez, Monzon, Pinero 1998). ``lat_lon``: (lat, lon) in degrees by name of place."""
        points = [list(dict(lat_lon)[name]) for name in self.places]
        question = self._question(mass, None, destinations)
        rows = self._native.efficiency(question, doubles("lat_lon", points), float(speed_km_h))
        return self._reach(rows, "efficiency")

    def inside_and_out(self, mass: Mass, cluster: Iterable[str], label: str) -> Frame:
        """WATT, min, of each member to the members of a cluster (``intra_min``) and to all others (``inter_min``)."""
        rows = self._native.inside_and_out(self._question(mass, None, None), label, self._at("cluster", cluster))
        names = [self.places[row["place"]] for row in rows]
        intra = [row["intra"]["value"] for row in rows]
        inter = [None if row["inter"] is None else row["inter"]["value"] for row in rows]
        made = {"intra_min": intra, "inter_min": inter}
        return frame({k: numbers(doubles(k, v)) for k, v in made.items()}, names)

    def __repr__(self) -> str:
        return f"<conurb TimeMatrix: {len(self.places)} places>"


def equity(values: Numbers, weights: Numbers) -> dict[str, Any]:
    """Balance of a measure over places, weighted (usually with persons): mean, gini, theil, cv, palma, least,
    least_place (position), places, without (positions of places cut off). NaN is a place without a value."""
    return _conurb.transit_equity(doubles("values", values), doubles("weights", weights))
