"""Conurb from Python: the traffic twin under the reference simulator's calls.

>>> import conurb
>>> engine = conurb.Engine("config.json", thread_num=1)   # doctest: +SKIP
>>> engine.next_step()                                    # doctest: +SKIP

`import conurb as cityflow` is enough for code written for the reference simulator.
"""

from ._conurb import Archive, ConurbError, Engine, __version__

__all__ = ["Archive", "ConurbError", "Engine", "__version__"]
