"""lockd's client, in its words."""

import doctest

import pytest

import lockkeeper
from lockkeeper import LockdClient
from server import PATIENCE
from stories import beside, happened, put, show, wait_for_queue


@pytest.fixture
def lockd(server):
    with LockdClient(f"http://127.0.0.1:{server.door_ports['lockd']}") as one:
        yield one


def test_the_session_of_lockds_readme(server, monkeypatch):
    """As it stands in the documentation of the class, at the port that this server has."""
    monkeypatch.setattr(LockdClient.__init__, "__defaults__", (f"http://127.0.0.1:{server.door_ports['lockd']}",))
    (told,) = doctest.DocTestFinder().find(LockdClient, "LockdClient", module=lockkeeper.lockd)[:1]
    assert len(told.examples) == 5
    assert doctest.DocTestRunner().run(told).failed == 0


def test_what_is_locked_is_locked_for_all_and_anybody_unlocks(server, lockd, lock):
    with LockdClient(f"{server.url}/lockd") as another:
        assert not lockd.IsLocked(lock) and not lockd.Unlock(lock)
        assert lockd.Lock(lock)
        assert not lockd.Lock(lock) and not another.Lock(lock)
        assert another.IsLocked(lock) and another.Unlock(lock)
        assert not lockd.IsLocked(lock) and not lockd.Unlock(lock)


@pytest.mark.parametrize("name", ["a/b", "a b?c#d", "Zürich", "x" * 512])
def test_any_name_is_a_name_as_over_grpc(lockd, name):
    assert lockd.Lock(name) and lockd.IsLocked(name) and lockd.Unlock(name)


def test_a_client_with_an_id_unlocks_its_own(server, lockd, lock):
    with LockdClient(f"{server.url}/lockd", client_id="web-7") as mine:
        assert mine.Lock(lock)
        assert not lockd.Unlock(lock) and lockd.IsLocked(lock)
        assert lockd.Unlock(lock, override=True)
        assert mine.Lock(lock) and mine.Unlock(lock)


def test_what_is_held_through_another_door_is_locked_here(lockd, client, lock):
    with client.lock(lock):
        assert lockd.IsLocked(lock) and not lockd.Lock(lock) and not lockd.Unlock(lock)
    assert lockd.Lock(lock) and lockd.Unlock(lock)


def test_it_waits_in_the_queue_and_leaves_it(server, lockd, lock):
    put(server, lock, "k")
    assert not lockd.Lock(lock, wait=0.2)
    assert show(server, lock)["queue"] == []
    with beside() as run:
        waiting = run(lockd.Lock, lock, wait="1m")
        wait_for_queue(server, lock, 1)
        server.request("DELETE", f"/lock/{lock}", '{"key":"k"}')
        assert waiting.result(PATIENCE)
    assert lockd.Unlock(lock)


def test_a_ttl_frees_it(server, lockd, client, lock):
    assert lockd.Lock(lock, ttl="200ms")
    with client.lock(lock, wait=60):
        assert "lapsed" in happened(server, lock)


def test_what_is_no_name_is_told(lockd):
    with pytest.raises(lockkeeper.ServerError, match="400"):
        lockd.Lock("")
