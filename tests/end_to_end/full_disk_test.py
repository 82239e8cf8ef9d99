"""A full disk, for real: a small tmpfs (so this test needs to be root)."""

import subprocess

from ask import ask, get
from server import Server


def put(server, name):
    status, body, headers = ask(server, "PUT", f"/lock/{name}", {"key": "k", "metadata": {"pad": "x" * 2000}})
    return status, body, headers.get("Retry-After")


def test_a_full_disk_is_503_without_false_success_and_room_again_is_enough(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(disk)], check=True)
    try:
        ballast = disk / "ballast"
        ballast.write_bytes(b"b" * 1_000_000)
        server = Server(tmp_path, store=disk / "locks.db")
        server.start()
        acknowledged = []
        refused = 0
        for number in range(3000):
            status, body, retry_after = put(server, f"full-{number}")
            if status == 200:
                acknowledged.append(f"full-{number}")
                continue
            assert status == 503 and "error" in body and retry_after, (status, body)
            refused += 1
            if refused == 20:
                break
        assert refused == 20 and len(acknowledged) > 50
        assert sorted(get(server, "/locks")) == sorted(acknowledged), "a refusal must not have locked anything"

        ballast.unlink()
        status, body, _ = put(server, "room-again")
        assert status == 200, (status, body)
        acknowledged.append("room-again")
        server.kill()
        server.start()
        assert sorted(get(server, "/locks")) == sorted(acknowledged)
        server.stop()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
