"""The package without pandas and numpy: tables are dictionaries of columns."""

import subprocess
import sys

PROGRAM = """
import sys
sys.modules["pandas"] = sys.modules["numpy"] = None
from conurb import region, transit
w = region.lattice(3, 3)
local = region.local_moran([float(n) for n in range(9)], w, permutations=99)
assert isinstance(local, dict) and len(local["p"]) == 9 and local["quadrant"][0] == 3
assert region.lq({"a": [1, 3], "b": [3, 1]})["0"][0] == 0.5
times = transit.TimeMatrix.from_minutes([[0, 30], [40, 0]])
watt = times.watt(transit.Mass([1.0, 2.0], "persons", 2020, "synthetic"))
assert watt["place"] == ["0", "1"] and list(watt["watt_min"]) == [30.0, 40.0]
assert times.frame()["1"][0] == 30.0
assert len(region.cluster_cities("yrd41")["code"]) == 41
"""


def test_tables_are_columns_without_pandas():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
