"""What the README of py-message-bus measures: a million queries that give a number twice as large.

Prints nanoseconds for each dispatch, or why it cannot. The package is not on PyPI: put the `src` folder of its repository
(swseo92/py-message-bus) into PYTHONPATH.
"""

import sys
import time
from dataclasses import dataclass

try:
    from message_bus import LocalMessageBus, Query
except ImportError as error:
    print(f"{error}; put the src folder of py-message-bus into PYTHONPATH")
    sys.exit()

DISPATCHES = 1_000_000


@dataclass(frozen=True)
class Double(Query[int]):
    value: int


bus = LocalMessageBus()
bus.register_query(Double, lambda query: query.value * 2)

start = time.perf_counter()
for turn in range(DISPATCHES):
    result = bus.send(Double(value=turn))
print((time.perf_counter() - start) / DISPATCHES * 1e9)
