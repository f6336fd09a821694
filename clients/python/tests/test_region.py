"""Regions from Python: closed forms, published values, and PySAL's where the data are."""

import json
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from conurb import ConurbError, region


def test_inequality_is_its_formulas():
    y = [1.0, 2.0, 3.0, 10.0]
    wanted = sum(abs(a - b) for a in y for b in y) / (2 * 16 * 4.0)
    for given in (y, np.array(y), pd.Series(y), pa.array(y)):
        assert region.gini(given) == pytest.approx(wanted)
    assert region.theil(y) == pytest.approx(sum(v / 16 * math.log(4 * v / 16) for v in y))
    parts = region.theil(y, groups=["a", "a", "b", "b"])
    assert parts["between"] + parts["within"] == pytest.approx(parts["total"]) == region.theil(y)
    assert list(parts["groups"].index) == ["a", "b"]
    assert region.gini([1.0, 3.0], population=[3.0, 1.0]) == pytest.approx(region.gini([1.0, 1.0, 1.0, 3.0]))
    dagum = region.dagum(y, ["a", "a", "b", "b"])
    assert dagum["within"] + dagum["net_between"] + dagum["transvariation"] == pytest.approx(dagum["gini"])
    assert region.palma([1.0] * 10) == pytest.approx(0.25)
    fast = region.beta_convergence([1.0, 2.0, 4.0], [2.0, 3.0, 4.5], 10.0)
    assert fast["b"] < 0.0 < fast["speed_per_year"]
    assert region.sigma_convergence([[1.0, 1.0], [3.0, 1.0]]) == pytest.approx([0.5, 0.0])
    zipf = region.rank_size([1.0 / n for n in range(1, 101)])
    assert zipf["n"] == 100 and zipf["primacy"] == pytest.approx(2.0) and abs(zipf["q"] - 1.0) < 1e-9


def test_autocorrelation_sees_a_chessboard_and_repeats():
    board = region.lattice(6, 6, "rook")
    values = [float((r + c) % 2) for r in range(6) for c in range(6)]
    moran = region.moran(values, board, seed=7)
    assert moran["i"] == pytest.approx(-1.0) and moran["p_permuted"] <= 0.01
    halves = [float(c > 2) for _ in range(6) for c in range(6)]
    local = region.local_moran(halves, board, permutations=199, seed=7)
    assert len(local) == 36 and (local["i"] >= 0.0).all() and set(local["quadrant"]) == {1, 3}
    assert local.equals(region.local_moran(pd.Series(halves), board, permutations=199, seed=7))
    assert region.geary(halves, board)["c"] < 1.0
    points = pd.DataFrame({"name": list("abc"), "lat": [31.0, 31.0, 32.0], "lon": [120.0, 120.1, 121.0]})
    nearest = region.k_nearest(points, 1)
    assert nearest.links() == [(0, 1, 1.0), (1, 0, 1.0), (2, 1, 1.0)]
    assert list(region.spatial_lag([1.0, 2.0, 3.0], nearest)) == [2.0, 1.0, 2.0]
    assert region.distance_band(points, 20.0).islands() == [2]
    minutes = pd.DataFrame([[0, 30, 90], [30, 0, np.nan], [90, np.nan, 0]], index=list("abc"), columns=list("abc"))
    assert region.travel_time_band(minutes, 60.0).islands() == [2]


def test_pysal_agrees(shared):
    path = shared / "region" / "reference" / "pysal_reference.json"
    reference = json.loads(path.read_text(encoding="utf-8"))["stl"]
    at = {name: n for n, name in enumerate(reference["order"])}
    neighbours = [[at[name] for name in reference["neighbors"][unit]] for unit in reference["order"]]
    w = region.from_neighbours(neighbours).row_standardised()
    moran = region.moran(reference["y"], w, permutations=0)
    assert moran["i"] == pytest.approx(reference["moran"]["I"], rel=1e-9)
    assert moran["randomised"]["p"] == pytest.approx(reference["moran"]["p_rand"], rel=1e-6)
    local = region.local_moran(reference["y"], w, permutations=99)
    assert list(local["quadrant"]) == reference["local_q"]


def test_flows_and_industry():
    ids = ["a", "b", "c", "d"]
    rows = []
    mass = {"a": 100.0, "b": 200.0, "c": 50.0, "d": 400.0}
    for i, o in enumerate(ids):
        for j, d in enumerate(ids):
            if o != d:
                km = 10.0 + 7.0 * abs(i - j) + 3.0 * i
                flow = 0.5 * mass[o] ** 0.8 * mass[d] ** 0.9 * km**-1.5
                rows.append((o, d, flow, km, mass[o], mass[d]))
    names = ["origin", "destination", "flow", "separation", "origin_mass", "destination_mass"]
    fit = region.fit_gravity(pa.Table.from_pandas(pd.DataFrame(rows, columns=names)))
    found = fit["terms"]["value"]
    assert list(found) == pytest.approx([math.log(0.5), 0.8, 0.9, -1.5], abs=1e-6)
    assert len(fit["fitted"]) == 12 and fit["statistics"]["d2"] == pytest.approx(1.0)
    between = pd.DataFrame(100.0, index=ids, columns=ids)
    ties = region.gravity([100.0] * 4, [400.0] * 4, between)
    assert ties["ties"].loc["a", "b"] == pytest.approx(200.0 * 200.0 / 100.0**2)
    assert ties["membership"].sum(axis=1).tolist() == pytest.approx([1.0] * 4)
    star = pd.DataFrame(0.0, index=ids, columns=ids)
    star.loc["a", ["b", "c", "d"]] = star.loc[["b", "c", "d"], "a"] = 1.0
    position = region.centrality(star)
    assert position["betweenness_share"].tolist() == [1.0, 0.0, 0.0, 0.0]
    jobs = pd.DataFrame({"steel": [90, 10], "tea": [10, 90]}, index=["Iron", "Leaf"])
    assert region.lq(jobs).loc["Iron", "steel"] == pytest.approx(0.9 / 0.5)
    assert region.krugman(jobs).loc["Iron", "Leaf"] == pytest.approx(1.6)
    assert region.similarity(jobs, "finger_kreinin").loc["Iron", "Leaf"] == pytest.approx(0.2)
    good = region.coupling(pd.DataFrame({"economy": [0.8, 0.9], "water": [0.8, 0.1]}, index=["even", "uneven"]))
    assert good.loc["even", "c"] == pytest.approx(1.0) and good.loc["uneven", "d"] < good.loc["even", "d"]


def test_delineation():
    edges = [(a, b, 1.0) for group in ("abc", "xyz") for a in group for b in group if a < b] + [("c", "x", 0.1)]
    found = region.leiden(pd.DataFrame(edges, columns=["from", "to", "weight"]), directed=False, seed=3)
    group = found["communities"]["community"]
    assert found["count"] == 2 and group["a"] == group["b"] == group["c"] != group["x"]
    places = pd.DataFrame(
        {
            "name": ["A", "B", "C", "Far"],
            "lat": [31.0, 31.0, 31.0, 35.0],
            "lon": [120.0, 120.1, 120.2, 110.0],
            "pop_persons": [5e6, 1e6, 2e6, 9e6],
        }
    )
    curve = region.percolation(places)
    assert curve.members(12.0) == [["A", "B", "C"], ["Far"]] and curve.pop_persons == 17e6
    steps = curve.steps()
    assert steps["components"].iloc[0] == 4 and steps["components"].iloc[-1] == 1
    assert curve.jumps(1)["gain_share"][0] > 0.4 and len(curve.links()) == 3


def test_cooperation_keeps_the_published_shares():
    # Three authorities of the Tennessee Valley (Straffin and Heaney 1981).
    cost = {
        ("a",): 163520.0, ("b",): 140826.0, ("c",): 250096.0,
        ("a", "b"): 301607.0, ("a", "c"): 378821.0, ("b", "c"): 367370.0, ("a", "b", "c"): 412584.0,
    }  # fmt: skip
    game = region.Game(["a", "b", "c"], cost)
    assert list(game.shapley().values()) == pytest.approx([117829.0, 100756.5, 193998.5])
    assert list(game.nucleolus()["shares"].values()) == pytest.approx([116234.0, 93540.0, 202810.0])
    assert region.nucleolus(["a", "b", "c"], cost) == game.nucleolus()["shares"]
    assert game.core_test(game.shapley())["in_core"]
    glove = region.shapley(["l", "r", "s"], lambda s: float("l" in s and len(s) > 1), "benefit")
    assert list(glove.values()) == pytest.approx([2 / 3, 1 / 6, 1 / 6])
    assert list(region.bankruptcy(200.0, {"x": 100.0, "y": 200.0, "z": 300.0}).values()) == [50.0, 75.0, 75.0]
    river = pd.DataFrame({"name": list("1234"), "downstream": ["2", "3", "4", None], "cost": [6.0, 3.0, 9.0, 12.0]})
    assert region.river_shares(river)["share"].tolist() == pytest.approx([13.5, 7.5, 6.0, 3.0])
    assert region.river_shares(river, "local")["share"].tolist() == [6.0, 3.0, 9.0, 12.0]
    line = pd.DataFrame([[abs(i - j) for j in range(5)] for i in range(5)], columns=list("abcde"))
    plan = region.p_median(line, [1.0] * 5, 1)
    assert plan["open"] == ["c"] and plan["certificate"]["objective"] == 6.0 and plan["certificate"]["proved"]
    assert len(region.max_cover(line, [1.0] * 5, 2, 1.0)["open"]) == 2


def test_facts_have_their_source():
    lists = region.clusters()
    assert lists["whole"].sum() == 5 and lists["source"].str.len().min() > 0
    assert len(region.cluster_cities("yrd41")) == 41
    assert region.corridors()["id"].nunique() == 16
    assert {2030, 2060} <= set(region.targets()["target_year"].dropna())
    assert set(region.reference_places("boswash")["name_en"]) >= {"Boston", "Philadelphia"}


def test_errors_carry_code_and_remedy():
    w = region.lattice(2, 2)
    for code, wrong in {
        "CNB-REGION": lambda: region.gini([-1.0, 2.0]),
        "CNB-PYTHON-0001": lambda: region.gini(["much", "more"]),
        "CNB-REGION-": lambda: region.moran([1.0, 2.0], w),
        "CNB-PYTHON": lambda: region.river_shares({"name": ["a"], "downstream": ["b"], "cost": [1.0]}),
        "CNB-PYTHON-": lambda: region.lattice(2, 2, "bishop"),
        "CNB-REGION-0": lambda: region.cluster_cities("yrd4l"),
    }.items():
        with pytest.raises(ConurbError) as caught:
            wrong()
        assert caught.value.code.startswith(code) and caught.value.remedy
