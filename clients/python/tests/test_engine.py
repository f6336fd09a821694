"""The engine under the reference simulator's calls."""

import csv
import json

import pytest
from conftest import write_config

import conurb


def run(engine, seconds):
    for second in range(seconds):
        for junction in engine.get_intersections():
            phases = engine.get_phase_count(junction) - 1
            engine.set_tl_phase(junction, 1 + second // 30 % phases)
        engine.next_step()


def test_a_run_can_be_read(config):
    engine = conurb.Engine(config, thread_num=1)
    assert engine.get_current_time() == 0.0 and engine.get_vehicle_count() == 0
    run(engine, 300)
    names = engine.get_vehicles()
    assert len(names) == engine.get_vehicle_count() > 10
    on_lanes = engine.get_lane_vehicles()
    count = engine.get_lane_vehicle_count()
    waiting = engine.get_lane_waiting_vehicle_count()
    assert set(on_lanes) == set(count) == set(waiting)
    assert {k: len(v) for k, v in on_lanes.items()} == count
    speed, distance = engine.get_vehicle_speed(), engine.get_vehicle_distance()
    assert set(speed) == set(distance) == set(names)
    for lane, vehicles in on_lanes.items():
        assert waiting[lane] == sum(speed[v] < 0.1 for v in vehicles)
        for ahead, behind in zip(vehicles, vehicles[1:]):
            assert distance[ahead] > distance[behind]
            assert engine.get_leader(behind) == ahead
    lane, vehicles = next((k, v) for k, v in on_lanes.items() if v)
    info = engine.get_vehicle_info(vehicles[0])
    assert info["running"] == "1" and info["drivable"] == lane
    assert info["route"].split()[0] == info["road"] == lane.rsplit("_", 1)[0]
    assert float(info["speed"]) == pytest.approx(speed[vehicles[0]], abs=1e-6)


def test_a_snapshot_leads_to_the_same_future(config):
    engine = conurb.Engine(config)
    run(engine, 120)
    kept = engine.snapshot()
    run(engine, 60)
    future = engine.state_hash()
    engine.load(kept)
    assert engine.get_current_time() == 120.0
    run(engine, 60)
    assert engine.state_hash() == future


def test_a_reset_begins_again(config):
    engine = conurb.Engine(config)
    run(engine, 60)
    first = engine.state_hash()
    engine.reset()
    run(engine, 60)
    assert engine.state_hash() == first
    engine.set_random_seed(99)
    engine.reset(seed=True)
    run(engine, 60)
    assert engine.state_hash() != first


def test_errors_say_what_and_what_to_do(config, tmp_path, city):
    engine = conurb.Engine(config)
    for wrong in (
        lambda: engine.set_tl_phase("nowhere", 1),
        lambda: engine.set_tl_phase(engine.get_intersections()[0], 99),
        lambda: engine.get_vehicle_info("flow_9_9"),
        lambda: conurb.Engine(str(tmp_path / "absent.json")),
        lambda: conurb.Engine(config, thread_num=0),
    ):
        with pytest.raises(conurb.ConurbError) as caught:
            wrong()
        assert caught.value.code.startswith("CNB-") and caught.value.remedy
    bad = write_config(tmp_path, city / "roadnet.json", city / "city.json")
    with pytest.raises(conurb.ConurbError, match="city.json"):
        conurb.Engine(bad)
    bad.write_text('{"roadnetFile": 3}')
    with pytest.raises(ValueError, match="roadnetFile"):
        conurb.Engine(bad)
    network, flow = city / "roadnet.json", city / "flow.json"
    programme = write_config(tmp_path, network, flow, rlTrafficLight=False)
    with pytest.raises(conurb.ConurbError, match="programme"):
        conurb.Engine(programme).set_tl_phase(engine.get_intersections()[0], 1)


def test_the_published_fixed_time_to_the_last_digit(shared, tmp_path):
    """FixedTime, t = 15, lane change off, on Hangzhou-1: golden.csv of the reference simulator."""
    folder = shared / "traffic" / "hangzhou_4x4"
    path = write_config(
        tmp_path, folder / "roadnet_4_4.json", folder / "anon_4_4_hangzhou_real.json"
    )
    engine = conurb.Engine(path)
    junctions = engine.get_intersections()
    # Asked every 15 s, it moves on once the phase has been green for 15 s: 25 s green, 5 s clearance.
    phase, green_s, clearance_s = 1, 0, 0
    for second in range(3600):
        if second % 15 == 0 and green_s >= 15:
            phase, green_s, clearance_s = phase % 4 + 1, 0, 5
        for junction in junctions:
            engine.set_tl_phase(junction, 0 if clearance_s else phase)
        engine.next_step()
        if clearance_s:
            clearance_s -= 1
        else:
            green_s += 1
    with open(shared / "traffic" / "reference" / "golden.csv", newline="") as file:
        row = next(
            r
            for r in csv.DictReader(file)
            if (r["set"], r["decision_interval_s"], r["lane_change"]) == ("hangzhou1", "15", "0")
            and r["controller"] == "fixed_time"
        )
    assert f"{engine.get_average_travel_time():.6f}" == row["network_s"]


def test_a_replay_is_written_step_by_step_and_can_be_stopped(city, tmp_path):
    def lines(name):
        return (tmp_path / name).read_text().splitlines()

    path = write_config(
        tmp_path,
        city / "roadnet.json",
        city / "flow.json",
        rlTrafficLight=False,
        saveReplay=True,
        roadnetLogFile=str(tmp_path / "shapes.json"),
        replayLogFile=str(tmp_path / "a.txt"),
    )
    engine = conurb.Engine(str(path))
    shapes = json.loads((tmp_path / "shapes.json").read_text())["static"]
    assert len(shapes["nodes"]) == len(set(n["id"] for n in shapes["nodes"])) > 4
    for _ in range(50):
        engine.next_step()
    assert len(lines("a.txt")) == 50
    vehicles, roads = lines("a.txt")[-1].split(";")
    ids = [v.split(" ")[3] for v in vehicles.split(",") if v]
    assert sorted(ids) == sorted(engine.get_vehicles())
    assert roads.endswith(",")
    engine.set_save_replay(False)
    engine.next_step()
    assert len(lines("a.txt")) == 50
    engine.set_save_replay(True)
    engine.set_replay_file(str(tmp_path / "b.txt"))
    engine.next_step()
    assert len(lines("a.txt")) == 50 and len(lines("b.txt")) == 1


def test_a_replay_without_a_file_name_is_refused(city, tmp_path):
    path = write_config(tmp_path, city / "roadnet.json", city / "flow.json", saveReplay=True)
    with pytest.raises(conurb.ConurbError, match="roadnetLogFile"):
        conurb.Engine(str(path))
    plain = conurb.Engine(
        str(write_config(tmp_path, city / "roadnet.json", city / "flow.json"))
    )
    with pytest.raises(conurb.ConurbError, match="no replay"):
        plain.set_save_replay(True)


def test_vehicles_can_be_pushed_in_and_told_what_to_do(config):
    engine = conurb.Engine(config)
    with open(config) as text:
        settings = json.load(text)
    flow = f"{settings['dir']}{settings['flowFile']}"
    with open(flow) as text:
        route = json.load(text)[0]["route"]
    run(engine, 30)
    before = engine.snapshot()
    engine.push_vehicle({"length": 6.0, "maxSpeed": 9.0, "speed": 3.0}, [route[0], route[-1]])
    run(engine, 60)
    assert "manually_pushed_0" in engine.get_vehicles()
    assert engine.get_vehicle_speed()["manually_pushed_0"] <= 9.0
    old = engine.get_vehicle_speed()["manually_pushed_0"]
    engine.set_vehicle_speed("manually_pushed_0", 1.25)
    run(engine, 1)
    # It brakes by at most 4.5 m/s in a second.
    assert engine.get_vehicle_speed()["manually_pushed_0"] <= max(1.25, old - 4.5) + 1e-9
    here = engine.get_vehicle_info("manually_pushed_0").get("road")
    if here:
        # Nothing leads from a road to itself.
        assert engine.set_vehicle_route("manually_pushed_0", [here]) is False
    engine.load(before)
    run(engine, 60)
    assert "manually_pushed_0" not in engine.get_vehicles()
    with pytest.raises(conurb.ConurbError, match="no road"):
        engine.push_vehicle({}, ["nowhere", route[-1]])
    with pytest.raises(conurb.ConurbError, match="no member"):
        engine.push_vehicle({"colour": 1.0}, [route[0], route[-1]])
    with pytest.raises(conurb.ConurbError, match="length"):
        engine.push_vehicle({"length": 0.0}, [route[0], route[-1]])
    with pytest.raises(conurb.ConurbError):
        engine.set_vehicle_speed("flow_0_0", float("nan"))
