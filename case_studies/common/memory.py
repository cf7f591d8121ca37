"""How many bytes a training needs, by torch's own accounts."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

from torch import nn
from torch.profiler import profile


def peak_bytes(network: nn.Module, train: Callable[[], object]) -> int:
    """What the network holds, and the most that its training adds to it, the optimiser's part included."""
    held = sum(tensor.nbytes for tensor in (*network.parameters(), *network.buffers()))
    os.environ.setdefault("KINETO_LOG_LEVEL", "6")  # else torch's profiler prints when it starts and stops
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.json"
        with profile(profile_memory=True) as profiler:
            train()
        profiler.export_chrome_trace(str(trace))
        events = json.loads(trace.read_text(encoding="utf-8"))["traceEvents"]
    changes = sorted((event["ts"], event["args"]["Bytes"]) for event in events if event["name"] == "[memory]")
    return held + max(accumulate(change for _, change in changes))
