"""Regions: which places form one, what ties and separates them, who pays and who gains.

>>> from conurb import region
>>> region.gini([1.0, 1.0, 2.0])                                        # doctest: +SKIP
>>> w = region.k_nearest(places[["lat", "lon"]], k=4).row_standardised()  # doctest: +SKIP
>>> region.local_moran(places["gdp"], w, seed=1)                        # doctest: +SKIP

Tables are DataFrames, Arrow tables, dictionaries of columns or rows as dictionaries. Formulas, sources and where
they hold: docs/region.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from . import _conurb
from ._conurb import Weights
from ._tables import Frame, Numbers, Table, columns, doubles, frame, numbers, refuse, rows_frame, square, squared, texts

__all__ = [
    "Game",
    "Percolation",
    "Weights",
    "atkinson",
    "bankruptcy",
    "beta_convergence",
    "blocks",
    "centrality",
    "cluster_cities",
    "clusters",
    "corridors",
    "coupling",
    "dagum",
    "distance_band",
    "fit_gravity",
    "from_neighbours",
    "g_star",
    "geary",
    "getis_ord_g",
    "gini",
    "gravity",
    "k_nearest",
    "krugman",
    "lattice",
    "leiden",
    "local_moran",
    "lq",
    "max_cover",
    "mean_log_deviation",
    "moran",
    "nucleolus",
    "p_median",
    "palma",
    "percolation",
    "rank_size",
    "reference_places",
    "river_shares",
    "shapley",
    "sigma_convergence",
    "similarity",
    "spatial_lag",
    "targets",
    "theil",
    "travel_time_band",
]


# Spatial weights.


def from_neighbours(neighbours: Sequence[Iterable[Any]]) -> Weights:
    """Weights from one list a unit: positions of its neighbours, or (position, weight)."""
    lists = [[pair if isinstance(pair, tuple) else (int(pair), 1.0) for pair in row] for row in neighbours]
    return Weights.from_lists(lists)


def blocks(groups: Iterable[Any]) -> Weights:
    """Binary block weights: units of one group are neighbours of one another."""
    return Weights.blocks(texts(groups))


def lattice(rows: int, cols: int, rule: str = "queen") -> Weights:
    """Binary weights of a lattice numbered row by row; ``queen`` shares a point, ``rook`` an edge."""
    return Weights.lattice(rows, cols, rule)


def _points(points: Any) -> bytes:
    if hasattr(points, "to_pandas"):
        points = points.to_pandas()
    if hasattr(points, "columns") and {"lat", "lon"} <= set(points.columns):
        points = points[["lat", "lon"]]
    return doubles("points", points)


def k_nearest(points: Any, k: int, *, plane: bool = False) -> Weights:
    """Binary weights to the ``k`` nearest others. ``points``: a table with lat and lon, or rows (lat, lon) in degrees
    (great circles, km); with ``plane`` rows (x, y)."""
    return Weights.near(_points(points), k, 0.0, plane)


def distance_band(points: Any, limit: float, *, plane: bool = False) -> Weights:
    """Binary weights to all others at most ``limit`` away: km on great circles, the unit of x and y with ``plane``."""
    return Weights.near(_points(points), None, float(limit), plane)


def travel_time_band(minutes: Table, limit_min: float) -> Weights:
    """Binary weights to the places reached within ``limit_min``, from a square table such as
    ``TimeMatrix.frame()``; NaN is not reached. The way there decides."""
    names, values = squared("minutes", minutes)
    n = len(names)
    pairs = [(at // n, at % n, float(v)) for at, v in enumerate(numbers(values)) if v == v and at // n != at % n]
    return Weights.travel_time(n, pairs, float(limit_min))


def spatial_lag(values: Numbers, weights: Weights) -> Any:
    """For each unit the weighted sum of its neighbours' values."""
    return numbers(weights.lag(doubles("values", values)))


# Autocorrelation.


def moran(values: Numbers, weights: Weights, permutations: int = 999, seed: int = 0) -> dict[str, Any]:
    """Moran's I = n/S0 sum w_ij z_i z_j / sum z_i^2: i, expected, ``normal`` and ``randomised`` (variance, z, p;
    Cliff and Ord 1981), islands, and ``p_permuted`` of shuffled values (0 permutations leave it out)."""
    return _conurb.global_autocorrelation("moran", doubles("values", values), weights, permutations, seed)


def geary(values: Numbers, weights: Weights) -> dict[str, Any]:
    """Geary's C = (n-1) sum w_ij (y_i - y_j)^2 / (2 S0 sum z_i^2); below 1 is positive autocorrelation."""
    return _conurb.global_autocorrelation("geary", doubles("values", values), weights, 0, 0)


def getis_ord_g(values: Numbers, weights: Weights) -> dict[str, Any]:
    """General G: the share of all products of pairs that neighbours have (Getis and Ord 1992); values of at least 0."""
    return _conurb.global_autocorrelation("getis_ord_g", doubles("values", values), weights, 0, 0)


def local_moran(values: Numbers, weights: Weights, permutations: int = 999, seed: int = 0) -> Frame:
    """Local Moran (Anselin 1995) of every unit, in order: i; quadrant 1 high-high, 2 low-high, 3 low-low, 4 high-low;
    p by conditional permutation, folded to the smaller tail (NaN for an island). The same seed gives the same p at any
    number of threads."""
    i, quadrant, p = _conurb.local_moran(doubles("values", values), weights, permutations, seed)
    return frame({"i": numbers(i), "quadrant": numbers(quadrant, "B"), "p": numbers(p)})


def g_star(values: Numbers, weights: Weights) -> Any:
    """Getis and Ord's G* of every unit as z-score (Ord and Getis 1995)."""
    return numbers(_conurb.g_star(doubles("values", values), weights))


# Inequality and convergence.


def _index(name: str, values: Numbers, population: Numbers | None = None, parameter: float = 0.0) -> float:
    persons = None if population is None else doubles("population", population)
    return _conurb.inequality_index(name, doubles("values", values), persons, parameter)


def gini(values: Numbers, population: Numbers | None = None) -> float:
    """Gini index sum_ij |y_i - y_j| / (2 n^2 mean). With ``population`` values are per head and pairs weigh p_i p_j."""
    return _index("gini", values, population)


def theil(values: Numbers, population: Numbers | None = None, groups: Iterable[Any] | None = None) -> Any:
    """Theil's T = sum s_i ln(n s_i), s the shares of the total; with ``population`` sum s_i ln(s_i / p_i) of totals.

    With ``groups`` a dictionary: total = between + within, and ``groups`` as a table (group, units, share, base_share,
    within); parts that do not add up are an error."""
    if groups is None:
        return _index("theil", values, population)
    persons = None if population is None else doubles("population", population)
    parts = _conurb.inequality_groups("theil", doubles("values", values), persons, texts(groups))
    return {**parts, "groups": rows_frame(parts["groups"], index="group")}


def dagum(values: Numbers, groups: Iterable[Any]) -> dict[str, float]:
    """Dagum's decomposition: gini = within + net_between + transvariation (Dagum 1997)."""
    return _conurb.inequality_groups("dagum", doubles("values", values), None, texts(groups))


def mean_log_deviation(values: Numbers) -> float:
    """Mean log deviation, mean of ln(mean / y) (Theil's L)."""
    return _index("mean_log_deviation", values)


def atkinson(values: Numbers, aversion: float = 0.5) -> float:
    """Atkinson index 1 - (mean y^(1-e))^(1/(1-e)) / mean."""
    return _index("atkinson", values, None, float(aversion))


def palma(values: Numbers, population: Numbers | None = None) -> float:
    """Palma ratio: share of the richest tenth of persons over share of the poorest four tenths; values per head."""
    return _index("palma", values, population)


def beta_convergence(first: Numbers, last: Numbers, years: float) -> dict[str, Any]:
    """(1/T) ln(y_T / y_0) = a + b ln y_0: a, b, b_standard_error, speed_per_year, half_life_years, the fit
    (Barro and Sala-i-Martin 1992)."""
    return _conurb.beta_convergence(doubles("first", first), doubles("last", last), float(years))


def sigma_convergence(panel: Any) -> list[float]:
    """Coefficient of variation of each period; ``panel`` has one row a unit, one column a period."""
    if hasattr(panel, "to_pandas"):
        panel = panel.to_pandas()
    periods = panel.shape[1] if hasattr(panel, "shape") else len(panel[0])
    return _conurb.sigma_convergence(doubles("panel", panel), periods)


def rank_size(sizes: Numbers) -> dict[str, Any]:
    """Rank-size ln(R - 1/2) = a - b ln S with se b sqrt(2/n) (Gabaix and Ibragimov 2011); q of ln S = c - q ln R;
    primacy S1/S2, four_city S1/(S2+S3+S4), hhi."""
    return _conurb.rank_size(doubles("sizes", sizes))


def coupling(scores: Any, weights: Numbers | None = None, variant: str = "standard") -> Frame:
    """Coupling coordination of places: c (coupling), t = sum a_i U_i, d = sqrt(c t). ``scores``: one row a place, one
    column a subsystem, each 0..1. ``variant``: ``standard``, ``wang`` (Wang et al. 2021, spread over 0..1), ``fan``."""
    if hasattr(scores, "to_pandas"):
        scores = scores.to_pandas()
    count = scores.shape[1] if hasattr(scores, "shape") else len(scores[0])
    given = [1.0 / count] * count if weights is None else weights
    rows = _conurb.coupling(doubles("scores", scores), doubles("weights", given), variant)
    made = {key: [row[key] for row in rows] for key in ("c", "t", "d")}
    return frame(made, texts(scores.index)) if hasattr(scores, "index") and hasattr(scores, "columns") else frame(made)


# Flows and networks.


def gravity(
    pop_10k: Numbers, gdp_100m_yuan: Numbers, between: Table, separation: str = "km", exponent: float = 2.0
) -> dict[str, Any]:
    """Gravity ties R_ij = sqrt(P_i G_i) sqrt(P_j G_j) / d_ij^exponent: ``ties`` (square table), ``total`` R_i,
    ``membership`` R_ij / R_i. Persons in 10^4, product in 10^8 yuan, ``between`` square in km or minutes (``min``)."""
    names, values = squared("between", between)
    persons, product = doubles("pop_10k", pop_10k), doubles("gdp_100m_yuan", gdp_100m_yuan)
    found = _conurb.gravity(persons, product, values, separation, float(exponent))
    return {
        "ties": square(found["ties"], names),
        "total": frame({"total": numbers(found["total"])}, names),
        "membership": square(found["membership"], names),
    }


def fit_gravity(flows: Table, design: str = "unconstrained", decay: str = "power") -> dict[str, Any]:
    """Poisson gravity regression (Flowerdew and Aitkin 1982): ln mu = k + a ln O + c ln D + b ln d.

    ``flows``: origin, destination, flow, separation, origin_mass, destination_mass. ``design``: ``unconstrained``,
    ``production``, ``attraction``, ``doubly``; ``decay``: ``power`` (b ln d) or ``exponential`` (b d). Gives ``terms``
    (value, se, z, p by name), ``fitted`` in the order of rows, ``statistics`` (llf, aic, deviance, d2, srmse, ssi)."""
    needed = ("origin", "destination", "flow", "separation", "origin_mass", "destination_mass")
    found = columns("flows", flows, *needed)
    table: dict[str, Any] = {name: texts(found[name]) for name in needed[:2]}
    table |= {name: doubles(name, found[name]) for name in needed[2:]}
    fit = _conurb.fit_gravity(table, design, decay)
    fit["terms"] = rows_frame(fit["terms"], index="name")
    fit["fitted"] = numbers(doubles("fitted", fit["fitted"]))
    return fit


def centrality(flows: Table) -> Frame:
    """Positions of places in a square table of flows, made symmetric: strength, alternative centrality and power (Neal
    2011), eigenvector (unit norm), closeness and betweenness over lengths 1/flow (Wasserman and Faust 1994)."""
    names, values = squared("flows", flows)
    found = _conurb.centrality(len(names), values)
    return frame({key: numbers(column) for key, column in found.items()}, names)


def leiden(
    edges: Table,
    *,
    directed: bool = True,
    resolution: float = 1.0,
    seed: int = 0,
    runs: int = 10,
    method: str = "leiden",
) -> dict[str, Any]:
    """Communities of greatest modularity (Traag, Waltman, van Eck 2019; ``method="louvain"``: Blondel et al. 2008).

    ``edges``: from, to, weight; directed flows count as (A + A^T)/2. Gives ``communities`` (a table by place),
    ``count``, ``modularity``. The best of ``runs`` orders; the same seed gives the same partition."""
    found = columns("edges", edges, "from", "to", "weight")
    origin, to = texts(found["from"]), texts(found["to"])
    names = sorted({*origin, *to})
    at = {name: n for n, name in enumerate(names)}
    rows = [(at[a], at[b], float(w)) for a, b, w in zip(origin, to, found["weight"])]
    made = _conurb.communities(len(names), rows, directed, (method, float(resolution), seed, runs))
    table = frame({"community": made["community"]}, names)
    return {"communities": table, "count": made["count"], "modularity": made["modularity"]}


# Industry.


def _jobs(jobs: Table) -> tuple[list[str], list[str], bytes]:
    if hasattr(jobs, "to_pandas"):
        jobs = jobs.to_pandas()
    if not (hasattr(jobs, "columns") and hasattr(jobs, "index")):
        if not isinstance(jobs, Mapping):
            raise refuse("jobs is no table", "give a DataFrame (rows cities, columns sectors), or rows of jobs by city")
        cities = texts(jobs)
        return cities, [str(n) for n in range(len(next(iter(jobs.values()))))], doubles("jobs", list(jobs.values()))
    return texts(jobs.index), texts(jobs.columns), doubles("jobs", jobs)


def lq(jobs: Table, nation: Numbers | None = None) -> Frame:
    """Location quotients (e_is / e_i) / (E_s / E). ``jobs``: rows cities, columns sectors. ``nation``: jobs of each
    sector; without it the table is the nation. NaN where the nation has no job in a sector."""
    cities, sectors, values = _jobs(jobs)
    reference = None if nation is None else doubles("nation", nation)
    return square(_conurb.location_quotients(cities, sectors, values, reference), cities, sectors)


def krugman(jobs: Table) -> Frame:
    """Krugman's index K_ij = sum_s |a_is - a_js| of all pairs of cities: 0 (equal structures) to 2."""
    cities, sectors, values = _jobs(jobs)
    return square(_conurb.structure_pairs(cities, sectors, values, "krugman"), cities)


def similarity(jobs: Table, measure: str = "similarity") -> Frame:
    """Structures of all pairs of cities: ``similarity`` (UNIDO, cosine) or ``finger_kreinin`` (overlap, 1 - K/2)."""
    cities, sectors, values = _jobs(jobs)
    return square(_conurb.structure_pairs(cities, sectors, values, measure), cities)


# Delineation.


class Percolation:
    """The percolation of places; made by :func:`percolation`."""

    def __init__(self, names: list[str], native: _conurb.Percolation) -> None:
        self._names = names
        self._native = native
        curve = native.curve()
        self.pop_persons: float = curve["pop_persons"]
        self._curve = curve

    def steps(self) -> Frame:
        """The curve: from ``d_km`` on so many components; core, places, persons and span (km) of the largest."""
        rows = []
        for step in self._curve["steps"]:
            largest, second = step["largest"], step["second"]
            rows.append(
                {
                    "d_km": step["d_km"],
                    "components": step["components"],
                    "core": self._names[largest["core"]],
                    "places": largest["places"],
                    "pop_persons": largest["pop_persons"],
                    "span_km": largest["span_km"],
                    "second_pop_persons": None if second is None else second["pop_persons"],
                }
            )
        return rows_frame(rows)

    def links(self) -> Frame:
        """The minimum spanning tree: from, to, km, by length."""
        names, links = self._names, self._curve["links"]
        rows = [{"from": names[x["from"]], "to": names[x["to"]], "km": x["km"]} for x in links]
        return rows_frame(rows, ["from", "to", "km"])

    def jumps(self, count: int = 5) -> Frame:
        """The greatest gains of the largest component: d_km, gain_share of all persons, its core before and after."""
        rows = [
            {
                "d_km": jump["d_km"],
                "gain_share": jump["gain_share"],
                "before": self._names[jump["before"]["core"]],
                "after": self._names[jump["after"]["core"]],
                "places": jump["after"]["places"],
            }
            for jump in self._native.jumps(count)
        ]
        return rows_frame(rows, ["d_km", "gain_share", "before", "after", "places"])

    def members(self, d_km: float) -> list[list[str]]:
        """Names of the places of each component at a distance, largest list first."""
        return [[self._names[at] for at in component] for component in self._native.members(float(d_km))]


def percolation(places: Table) -> Percolation:
    """Links places closer than a distance, for every distance (Arcaute et al. 2016): clusters as components of the
    minimum spanning tree. ``places``: name, lat, lon (degrees), pop_persons."""
    found = columns("places", places, "name", "lat", "lon", "pop_persons")
    names = texts(found["name"])
    rows = [
        {"name": n, "lat": float(a), "lon": float(b), "pop_persons": float(p)}
        for n, a, b, p in zip(names, found["lat"], found["lon"], found["pop_persons"])
    ]
    return Percolation(names, _conurb.Percolation(rows))


# Cooperation.


class Game:
    """A cooperative game: players and the value of every coalition, costs or benefits.

    ``values``: a function of the tuple of members, or a dictionary by such tuples (in the order of ``players``, nobody
    left out); what is not there is 0 only for nobody."""

    def __init__(
        self,
        players: Sequence[str],
        values: Callable[[tuple[str, ...]], float] | Mapping[tuple[str, ...], float],
        kind: str = "cost",
    ) -> None:
        self.players = texts(players)
        n = len(self.players)
        if n > 20:
            raise refuse(f"game: {n} players are more than 20", "group players")
        table = [0.0]
        for mask in range(1, 1 << n):
            members = tuple(p for i, p in enumerate(self.players) if mask >> i & 1)
            if callable(values):
                table.append(float(values(members)))
                continue
            if members not in values:
                raise refuse(f"game: the coalition {members} has no value", "give one for every coalition")
            table.append(float(values[members]))
        self._native = _conurb.Game(self.players, kind, doubles("values", table))

    def shapley(self) -> dict[str, float]:
        """Shapley value: the mean contribution over all orders (Shapley 1953), exact."""
        return dict(zip(self.players, self._native.shapley()))

    def nucleolus(self) -> dict[str, Any]:
        """Nucleolus (Schmeidler 1969): ``shares`` by player, ``excess_levels``, ``core_not_empty``."""
        found = self._native.nucleolus()
        return {**found, "shares": dict(zip(self.players, found["shares"]))}

    def core_test(self, shares: Mapping[str, float]) -> dict[str, Any]:
        """Whether no coalition does better alone: in_core, imbalance, violations, and the worst of them."""
        return self._native.core_test(doubles("shares", [shares[p] for p in self.players]))


def shapley(players: Sequence[str], values: Any, kind: str = "cost") -> dict[str, float]:
    """Shapley value of a game; see :class:`Game`."""
    return Game(players, values, kind).shapley()


def nucleolus(players: Sequence[str], values: Any, kind: str = "cost") -> dict[str, float]:
    """Shares of the nucleolus of a game; see :class:`Game`."""
    return Game(players, values, kind).nucleolus()["shares"]


def bankruptcy(estate: float, claims: Mapping[str, float], rule: str = "talmud") -> dict[str, float]:
    """Divides an estate smaller than the claims: ``talmud`` (Aumann and Maschler 1985), ``proportional``,
    ``equal_awards``, ``equal_losses``."""
    return dict(zip(claims, _conurb.bankruptcy(rule, float(estate), doubles("claims", list(claims.values())))))


def river_shares(river: Table, rule: str = "upstream_equal") -> Frame:
    """Who pays for a clean river (Dong, Ni, Wang 2012): ``local`` pays its own segment; ``upstream_equal`` shares a
    segment among its agent and all upstream; ``downstream_equal`` among its agent and all downstream.

    ``river``: name, downstream (name of the next; empty for the lake), cost. Shares are in the unit of the cost."""
    found = columns("river", river, "name", "downstream", "cost")
    names = texts(found["name"])
    at = {name: n for n, name in enumerate(names)}
    after: list[int | None] = []
    for name in found["downstream"]:
        if name is None or name != name or name == "":
            after.append(None)
        elif str(name) in at:
            after.append(at[str(name)])
        else:
            remedy = "name an agent of the table, or leave it empty for the lake"
            raise refuse(f"river: there is no agent {name!r}", remedy)
    shares = _conurb.river_shares(names, after, doubles("cost", found["cost"]), rule)
    return frame({"share": numbers(shares)}, names)


def _plan(plan: dict[str, Any], cost: Table) -> dict[str, Any]:
    labels = texts(cost.columns) if hasattr(cost, "columns") and hasattr(cost, "index") else None
    if labels is not None:
        plan["open"] = [labels[site] for site in plan["open"]]
        plan["nearest"] = [None if site is None else labels[site] for site in plan["nearest"]]
    return plan


def p_median(cost: Table, weight: Numbers, p: int, seed: int = 1) -> dict[str, Any]:
    """``p`` sites with the least weighted cost to the nearest (Hakimi 1964). ``cost``: rows demands, columns sites,
    e.g. minutes; ``weight``: one a demand, e.g. persons. Gives ``open``, ``nearest``, ``certificate``: objective,
    bound, gap, whether proved. Exact up to 2,500 cells, else interchange with a Lagrangean bound."""
    cost = cost.to_pandas() if hasattr(cost, "to_pandas") else cost
    return _plan(_conurb.p_median(doubles("cost", cost), doubles("weight", weight), p, seed), cost)


def max_cover(cost: Table, weight: Numbers, p: int, radius: float, seed: int = 1) -> dict[str, Any]:
    """``p`` sites that have the most weight within ``radius`` (Church and ReVelle 1974); else as :func:`p_median`."""
    cost = cost.to_pandas() if hasattr(cost, "to_pandas") else cost
    plan = _conurb.max_cover(doubles("cost", cost), doubles("weight", weight), p, float(radius), seed)
    return _plan(plan, cost)


# Facts that ship, each row with its source and year.


def _sourced(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [{**{k: v for k, v in row.items() if k != "origin"}, **row["origin"]} for row in rows]


def clusters() -> Frame:
    """Lists of Chinese city clusters: id, cluster, names, members, source, year; ``whole`` stands for the cluster."""
    return rows_frame(_sourced(_conurb.fact_table("cluster_lists")), index="id")


def cluster_cities(id: str | None = None) -> Frame:
    """Cities of a cluster or list (all without ``id``): prefecture code, names, province, lists, source, year."""
    rows = _conurb.fact_table("cluster_cities") if id is None else _conurb.cluster_members(id)
    return rows_frame(_sourced(rows), index="code")


def corridors() -> Frame:
    """The 16 corridors of the national rail plan, one row a part: id, orientation, names, kind of the part,
    cities_zh, cities_en, status, source, year. What is not known is empty, never assumed."""
    rows = []
    for corridor in _sourced(_conurb.fact_table("corridors")):
        parts = corridor.pop("parts")
        rows += [{**corridor, **part} for part in parts]
    return rows_frame(rows)


def targets() -> Frame:
    """National targets: id, what, target_year, value, unit, base, source, year."""
    return rows_frame(_conurb.fact_table("targets"), index="id")


def reference_places(belt: str) -> Frame:
    """Cities of a reference belt, ``boswash`` or ``taiheiyo``: names, lat, lon, source, year."""
    return rows_frame(_conurb.reference_places(belt))
