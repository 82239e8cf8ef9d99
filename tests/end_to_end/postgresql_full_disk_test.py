"""A full disk at PostgreSQL, for real: its tables are on a small tmpfs (so this test needs to be root)."""

import os
import subprocess

from ask import ask, get
from server import Server, wait_for
from with_store import real_store


def test_a_full_disk_at_postgresql_is_503_and_room_again_is_enough(tmp_path):
    with real_store("postgresql", tmp_path, settings={"max_wal_size": "64MB"}) as store:
        disk = store.folder / "small"
        disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", disk], check=True)
        try:
            subprocess.run(["chown", "postgres:postgres", disk], check=True)
            store.sql(f"CREATE TABLESPACE small LOCATION '{disk}'")
            store.sql(f"GRANT CREATE ON TABLESPACE small TO {store.user}")
            store.sql(f"ALTER DATABASE {store.database} SET default_tablespace = small")
            ballast = disk / "ballast"
            ballast.write_bytes(b"b" * 1_000_000)
            with Server(tmp_path, store_url=store.url("full")) as server:
                acknowledged, refused = [], 0
                for number in range(5000):
                    name = f"full-{number}"
                    status, body, headers = ask(server, "PUT", f"/lock/{name}", {
                        "key": "k", "metadata": {"pad": os.urandom(1000).hex()}})
                    if status == 200:
                        acknowledged.append(name)
                        continue
                    assert status == 503 and body["error"] and headers["Retry-After"], (status, body)
                    refused += 1
                    if refused == 10:
                        break
                assert refused == 10 and len(acknowledged) > 20
                assert sorted(get(server, "/locks")) == sorted(acknowledged), "a refusal locked nothing"
                ballast.unlink()
                wait_for(lambda: ask(server, "PUT", "/lock/room-again", {"key": "k"})[0] == 200, "the server to go on")
        finally:
            store.kill()
            subprocess.run(["umount", "-l", disk], check=True)
