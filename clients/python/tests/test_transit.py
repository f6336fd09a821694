"""Timetables from Python: a toy whose answers are plain, and the Delta of 2016 where the data are."""

import json
import zipfile

import pandas as pd
import pyarrow as pa
import pytest

from conurb import ConurbError, region, transit

DAY = "2026-03-16"

# West - Mid - East on one line; a branch Mid - North. Minutes: 30, 60, 45.
TABLES = {
    "agency.txt": "agency_name,agency_url,agency_timezone\nToy,https://example.org,Asia/Shanghai\n",
    "stops.txt": "stop_id,stop_name,stop_lat,stop_lon\n"
    "W,West,31.0,118.0\nM,Mid,31.0,118.5\nE,East,31.0,119.5\nN,North,31.6,118.5\nX,Unused,31.0,121.0\n",
    "routes.txt": "route_id,route_short_name,route_type\nG1,G1,2\nC1,C1,2\n",
    "calendar.txt": "service_id,monday,tuesday,wednesday,thursday,friday,saturday,sunday,start_date,end_date\n"
    "all,1,1,1,1,1,1,1,20260301,20260331\n",
}


def write_feed(path):
    trips, times = ["route_id,service_id,trip_id"], ["trip_id,arrival_time,departure_time,stop_id,stop_sequence"]

    def run(trip, route, calls):
        trips.append(f"{route},all,{trip}")
        for n, (stop, minute) in enumerate(calls):
            at = f"{minute // 60:02}:{minute % 60:02}:00"
            times.append(f"{trip},{at},{at},{stop},{n}")

    for hour in range(7, 20):
        m = hour * 60
        run(f"e{hour}", "G1", [("W", m), ("M", m + 30), ("E", m + 90)])
        run(f"w{hour}", "G1", [("E", m), ("M", m + 60), ("W", m + 90)])
        run(f"n{hour}", "C1", [("M", m + 45), ("N", m + 90)])
        run(f"s{hour}", "C1", [("N", m), ("M", m + 45)])
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in {**TABLES, "trips.txt": "\n".join(trips), "stop_times.txt": "\n".join(times)}.items():
            archive.writestr(name, text)
    return path


@pytest.fixture(scope="module")
def feed(tmp_path_factory):
    return transit.read_gtfs(write_feed(tmp_path_factory.mktemp("feed") / "toy.zip"))


@pytest.fixture(scope="module")
def day(feed):
    return feed.timetable(DAY, change_s=0)


MASS = transit.Mass({"W": 1.0, "M": 2.0, "E": 3.0, "N": 4.0}, "persons", 2020, "synthetic")
PLACES = ["W", "M", "E", "N"]


def test_a_feed_tells_its_size_and_quality(feed, tmp_path):
    assert feed.sizes["stops"] == 5 and feed.sizes["trips"] == 52 and feed.sizes["first_day"] == "2026-03-01"
    assert feed.stops().loc["N", "lat"] == 31.6
    # 60 minutes over 95 km are fine for trains, and too fast where a limit of 50 km/h is given.
    assert "Q1" not in feed.quality(DAY).counts
    slow = feed.quality(DAY, rail_km_h=50.0)
    assert slow.counts["Q1"] > 0 and {"row", "remedy", "severity"} <= set(slow.findings.columns)
    assert slow.facts["served_stops"] == 4
    feed.write_gtfs(tmp_path / "again.zip")
    assert transit.read_gtfs(tmp_path / "again.zip").sizes["trips"] == 52


def test_travel_times_are_those_of_the_timetable(day):
    minutes = day.matrix(PLACES).frame()
    assert list(minutes.index) == sorted(PLACES) and minutes.isna().to_numpy().sum() == 4
    assert minutes.loc["W", "E"] == 90.0 and minutes.loc["W", "N"] == 90.0 and minutes.loc["M", "E"] == 60.0
    # Access counts at both ends; a table of access gives the same as a dictionary, from Arrow too.
    given = {"w": {"W": 10.0}, "e": {"E": 5.0}}
    table = pd.DataFrame({"city_code": ["w", "e"], "stop_id": ["W", "E"], "minutes": [10.0, 5.0]})
    for places in (given, table, pa.Table.from_pandas(table), table.to_dict("records")):
        assert day.matrix(places).frame().loc["w", "e"] == 105.0
    # Ready at random between 7:00 and 19:00: an hourly service waits half an hour on average.
    assert day.matrix(PLACES, "mean").frame().loc["W", "E"] == pytest.approx(120.0)
    whole = day.door_to_door(PLACES).set_index(["from", "to"]).loc[("W", "N")]
    parts = ["access_s", "wait_s", "ride_s", "change_s", "egress_s"]
    assert whole[parts].sum() == whole["total_s"] == 5400 and whole["trips"] == 2 and whole["change_s"] == 900


def test_profiles_cross_as_columns(day):
    table = day.profiles(PLACES).table()
    west_east = table[(table["from"] == "W") & (table["to"] == "E")]
    assert len(west_east) == 13 and (west_east["arrive_s"] - west_east["ready_s"] == 5400).all()
    assert table["ready_s"].dtype == "int32"


def test_measures_are_their_formulas(day):
    profiles = day.profiles(PLACES)
    times = profiles.matrix()
    t = times.frame()
    watt = times.watt(MASS)["watt_min"]
    m = MASS.values
    for place in PLACES:
        others = [p for p in PLACES if p != place]
        wanted = sum(t.loc[place, p] * m[p] for p in others) / sum(m[p] for p in others)
        assert watt[place] == pytest.approx(wanted)
        wanted = sum(m[p] / t.loc[place, p] ** 2 for p in others)
        assert times.potential(MASS, 2.0).loc[place, "potential"] == pytest.approx(wanted)
        wanted = sum(m[p] for p in others if t.loc[place, p] <= 60) + m[place]
        own = times.contour(MASS, 60.0, own_min=dict.fromkeys(PLACES, 0.0))
        assert own.loc[place, "within_persons"] == wanted
    # West to East and back by 22:00 with five hours there: leave 7:00, there 8:30, last back 19:00.
    trip = profiles.day_trip(MASS, leave_s=7 * 3600, home_s=22 * 3600, stay_h=10.5, origins=["W"], destinations=["E"])
    assert trip.loc["W", "day_trip_persons"] == 3.0
    longer = profiles.day_trip(MASS, leave_s=7 * 3600, home_s=22 * 3600, stay_h=10.6, origins=["W"], destinations=["E"])
    assert longer.loc["W", "day_trip_persons"] == 0.0
    again = transit.TimeMatrix.from_minutes(t)
    assert again.watt(MASS)["watt_min"].equals(watt)
    in_order = transit.Mass(pd.Series([3.0, 2.0, 4.0, 1.0]), "persons", 2020, "synthetic")
    assert times.places == ["E", "M", "N", "W"] and times.watt(in_order)["watt_min"].equals(watt)
    balance = transit.equity(watt, [m[p] for p in sorted(PLACES)])
    assert 0.0 < balance["gini"] < 1.0 and balance["places"] == 4


def test_a_scenario_is_edited_applied_and_compared(day, tmp_path):
    base = day.world(PLACES, MASS)
    scenario = base.scenario("express").add_line(
        "X1", ["W", "E"], [50.0], first="07:00", last="19:00", headway_min=60.0, assumed="50 min"
    )
    scenario.close_station("N")
    assert scenario.undo() == {"kind": "close_station", "stop": "N"} and len(scenario.edits) == 1
    report = transit.compare(base, base.apply(scenario), PLACES)
    changes = report["changes"]
    assert list(changes.index[changes["effect"] == "wins"]) and report["unit"] == "min"
    # 40 minutes less to East, of mass 3 among 9.
    assert changes.loc["W", "change"] == pytest.approx(-40.0 * 3.0 / 9.0)
    assert changes.loc["N", "effect"] == "same" and any("50 min" in note for note in report["notes"])
    closed = transit.compare(base, base.apply(base.scenario("cut").remove_line("C1")), PLACES)["changes"]
    assert closed.index[0] == "N" and closed.iloc[0]["effect"] == "loses"
    impact = transit.leave_one_out(base, PLACES).set_index("route")
    assert impact.loc["C1", "lost"] == 6 and impact.loc["G1", "trips"] == 26
    for name, text in (("s.toml", scenario.to_toml()), ("s.json", scenario.to_json())):
        (tmp_path / name).write_text(text, encoding="utf-8")
        read = transit.read_scenario(tmp_path / name)
        assert read.base == base.hash and base.apply(read).hash == base.apply(scenario).hash
    cities = [
        {"code": "E", "name": "East", "lat": 31.0, "lon": 119.5, "access_min": 0.0},
        {"code": "Q", "name": "Quiet", "lat": 31.0, "lon": 120.0, "access_min": 10.0},
    ]
    edits = base.corridor_edits("toy", cities)
    assert [e["kind"] for e in edits] == ["add_station", "add_line"] and edits[1]["line"]["assumed"]


def test_errors_carry_code_and_remedy(feed, day, tmp_path):
    base = day.world(PLACES, MASS)
    for code, wrong in {
        "CNB-TRANSIT-0001": lambda: transit.read_gtfs(tmp_path / "absent.zip"),
        "CNB-TRANSIT-0005": lambda: day.matrix(["W", "Estt"]),
        "CNB-TRANSIT-0006": lambda: feed.timetable("2027-01-01"),
        "CNB-TRANSIT-0007": lambda: day.matrix(PLACES).contour(MASS, -1.0),
        "CNB-TRANSIT-0008": lambda: base.apply(base.scenario("bad").close_station("Nowhere")),
        "CNB-PYTHON-0001": lambda: feed.timetable("16 March"),
    }.items():
        with pytest.raises(ConurbError) as caught:
            wrong()
        assert caught.value.code == code and caught.value.remedy
    with pytest.raises(ConurbError, match="no value: N"):
        day.matrix(PLACES).watt(transit.Mass({"W": 1, "M": 1, "E": 1}, "persons", 2020, "synthetic"))
    twice = pd.Series([1.0, 2.0], index=["W", "W"])
    with pytest.raises(ConurbError, match="stands there twice"):
        day.matrix(PLACES).watt(transit.Mass(twice, "persons", 2020, "synthetic"))
    with pytest.raises(ConurbError, match="1 places have no value: N"):
        day.world(PLACES, transit.Mass({"W": 1, "M": 1, "E": 1}, "persons", 2020, "synthetic"))
    with pytest.raises(ConurbError, match="no column 'minutes'"):
        day.matrix(pd.DataFrame({"city_code": ["a"], "stop_id": ["W"]}))
    with pytest.raises(ConurbError, match="needs a unit and a source"):
        day.matrix(PLACES).watt(transit.Mass(MASS.values, "persons", 2020, ""))


def test_the_delta_table_of_2016(shared):
    """WATT, contours and potential of the 30 Delta cities with a station, to the digits of the table."""
    reference = shared / "region" / "reference"
    day = transit.read_gtfs(shared / "region" / "gtfs_cn_hsr_2016.zip").timetable("2016-03-15", change_s=600)
    of = json.loads((reference / "station_to_prefecture.json").read_text(encoding="utf-8"))
    stops = day.stops()
    rows = [(of[n], s, 0.0) for s, n in stops["name"].items() if n in of]
    times = day.matrix(pd.DataFrame(rows, columns=["city_code", "stop_id", "minutes"]))
    census = pd.read_csv(
        shared / "region" / "census" / "census_city_2010-2020_v1.csv",
        usecols=["city_code", "popu_2010"],
        dtype=str,
        encoding="utf-8-sig",
    ).set_index("city_code")
    persons = pd.to_numeric(census["popu_2010"], errors="coerce").fillna(0.0)
    mass = transit.Mass(persons[times.places], "persons", 2010, "census")
    delta = region.cluster_cities("yrd41").index
    members = [p for p in times.places if p in delta]
    assert len(members) == 30
    watt = times.watt(mass, origins=members, destinations=members)["watt_min"]
    assert (watt * persons[members]).sum() / persons[members].sum() == pytest.approx(129.9862, abs=5e-5)
    table = pd.read_csv(reference / "yrd_accessibility_2016_change600.csv")
    assert sorted(watt.round(1)) == sorted(table["WATT_min"])
    within = times.contour(mass, 120.0, origins=members, destinations=members, own_min=dict.fromkeys(times.places, 0.0))
    assert sorted((within["within_persons"] / 1e6).round(1)) == sorted(table["DA120_M"])
