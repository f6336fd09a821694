"""Replays phases in the reference simulator and measures both travel times.

Prints `[approach_s, network_s]`. The first is the published definition: per vehicle and signalised
junction from the first second on its entering lanes to the last second at which it was found gone.
"""

import json
import os
import sys

import cityflow


def entering_lanes(network):
    roads = {road["id"]: road for road in network["roads"]}
    lanes = {}
    for node in network["intersections"]:
        if not node["virtual"]:
            lanes[node["id"]] = [
                f"{name}_{k}"
                for name in node["roads"]
                if roads[name]["endIntersection"] == node["id"]
                for k in range(len(roads[name]["lanes"]))
            ]
    return lanes


class Approach:
    """The published travel time, with its quirks."""

    def __init__(self, lanes):
        self.lanes = lanes
        self.before = {node: set() for node in lanes}
        self.entered = {node: {} for node in lanes}
        self.left = {node: {} for node in lanes}
        self.now = 0

    def observe(self, by_lane, now):
        self.now = now
        for node, lanes in self.lanes.items():
            here = {vehicle for lane in lanes for vehicle in by_lane[lane]}
            before = self.before[node]
            for vehicle in here - before:
                self.entered[node].setdefault(vehicle, now)
            for vehicle in before - here if before else here:
                if vehicle in self.entered[node]:
                    self.left[node][vehicle] = now
            self.before[node] = here

    def average(self):
        spent = {}
        for node, entered in self.entered.items():
            for vehicle, since in entered.items():
                until = self.left[node].get(vehicle, self.now)
                spent[vehicle] = spent.get(vehicle, 0.0) + until - since
        return sum(spent.values()) / len(spent)


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        task = json.load(file)
    with open(task["network"], encoding="utf-8") as file:
        meter = Approach(entering_lanes(json.load(file)))
    engine = cityflow.Engine(task["config"], thread_num=1)
    for second, phases in enumerate(task["phases"]):
        for junction, phase in zip(task["junctions"], phases, strict=True):
            engine.set_tl_phase(junction, phase)
        engine.next_step()
        # The copies made while a vehicle changes lanes count as the vehicle they copy.
        seen = {
            lane: [vehicle.removesuffix("_shadow") for vehicle in vehicles]
            for lane, vehicles in engine.get_lane_vehicles().items()
        }
        meter.observe(seen, second + 1)
    print(json.dumps([meter.average(), engine.get_average_travel_time()]), flush=True)
    # The engine's destructor may hang.
    os._exit(0)


main()
