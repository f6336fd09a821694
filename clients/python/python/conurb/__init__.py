"""Conurb from Python: the traffic twin, timetables and regions.

>>> import conurb
>>> engine = conurb.Engine("config.json", thread_num=1)   # doctest: +SKIP
>>> engine.next_step()                                    # doctest: +SKIP

`import conurb as cityflow` is enough for code written for the reference simulator. Timetables are in
`conurb.transit`, regions in `conurb.region`; both take and give pandas tables where pandas is installed.
"""

from . import region, transit
from ._conurb import Archive, ConurbError, Engine, __version__

__all__ = ["Archive", "ConurbError", "Engine", "__version__", "region", "transit"]
