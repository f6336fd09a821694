"""A generated city, and the shared data where they are."""

import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[3]


def write_config(folder, network, flow, **more):
    config = {
        "interval": 1.0,
        "seed": 0,
        "dir": "",
        "roadnetFile": str(network),
        "flowFile": str(flow),
        "rlTrafficLight": True,
        "laneChange": False,
        "saveReplay": False,
        **more,
    }
    path = folder / "config.json"
    path.write_text(json.dumps(config))
    return path


@pytest.fixture(scope="session")
def city(tmp_path_factory):
    """A synthetic city of four signals, made by the program of this repository."""
    folder = tmp_path_factory.mktemp("city")
    binary = os.environ.get("CONURB_BIN")
    command = [binary] if binary else ["cargo", "run", "--quiet", "--package", "conurb", "--"]
    subprocess.run(
        [*command, "gen", "--signals", "4", "--seed", "3", "--span", "15m", "--out", str(folder)],
        cwd=ROOT,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return folder


@pytest.fixture
def config(city, tmp_path):
    return str(write_config(tmp_path, city / "roadnet.json", city / "flow.json"))


@pytest.fixture
def shared(request):
    """The folder shared/data beside the repository; the test is skipped by name without it."""
    given = os.environ.get("CONURB_SHARED")
    places = [pathlib.Path(given)] if given else [p / "shared" for p in ROOT.parents]
    for place in places:
        if (place / "data").is_dir():
            return place / "data"
    pytest.skip(f"skipped: needs ../shared ({request.node.name})")
