"""Ten thousand leases that nobody renews, all at about the same time: each ends on time, and none early."""

import json

from crowd import Crowd, connections_that_fit
from server import Server

LEASES = connections_that_fit(10_000)


def test_ten_thousand_leases_end_on_time_and_never_early(tmp_path):
    with Server(tmp_path, args=["--log-level", "warn"]) as server, \
            Crowd("lapses", server, connections=LEASES, ttl_ms=8000, within_ms=3000) as crowd:
        figures = json.loads(crowd.line())
        print(figures)
        assert crowd.exit_code() == 0
    assert figures["leases"] == LEASES
    assert figures["early_in_history"] == 0
    assert figures["least_from_request_ms"] >= 0
    assert figures["late_ms"]["p99"] <= 1000
