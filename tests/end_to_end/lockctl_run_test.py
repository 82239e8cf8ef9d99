"""lockctl run: a command that has a lock while it runs, as a person or a script meets it."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from lockctl_run import Beats, Run, boot_time, children, lives, state
from server import Server, wait_for

BEATS = pathlib.Path(os.environ.get("LOCKKEEPER_BIN", "build/release/bin")).resolve() / "beats"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("server")) as started:
        yield started


@pytest.fixture
def name(request):
    return re.sub(r"\W+", "-", request.node.name)


@pytest.fixture
def run(server, name):
    runs = []

    def start(*command, lock=name, **rest):
        runs.append(Run(server.url, lock, *command, **rest))
        return runs[-1]
    yield start
    for one in runs:
        one.clean_up()


@pytest.fixture
def lock(server, name):
    def look(part=""):
        return json.loads(server.request("GET", f"/lock/{name}{part}").body)
    return look


def history(lock):
    return [event["what"] for event in lock("/history?order=oldest&limit=100")["events"]]


def test_the_command_knows_its_lock_and_its_streams_and_exit_code_are_its_own(run, lock):
    one = run("sh", "-c", 'cat; echo "$LOCK_NAME $LOCK_TOKEN $LOCK_REVISION $OTHER"; echo oh >&2; exit 7',
              stdin=subprocess.PIPE, environment={"OTHER": "kept", "LOCK_TOKEN": "old"})
    out, err = one.process.communicate("through\n\0it\n", timeout=60)
    token = lock("/history?order=oldest")["events"][0]["token"]
    assert (one.process.returncode, out, err) == (
        7, f"through\n\0it\n{lock()['lock']} {token} {token} kept\n", "oh\n")
    assert history(lock) == ["acquired", "released"]


def test_it_holds_the_lock_exactly_while_the_command_runs_and_renews_it(run, lock):
    one = run("cat", stdin=subprocess.PIPE, options=["--ttl", "600ms"])
    wait_for(lambda: history(lock).count("renewed") >= 4, "four renewals")
    claim, = lock()["claims"]
    assert claim["ttl"] == "600ms"
    one.close_input()
    assert one.process.wait(60) == 0
    assert not lock()["claims"]
    assert history(lock)[-1] == "released"


@pytest.mark.parametrize("command,code,said", [
    (["no-such-command"], 127, "lockctl: no-such-command: No such file or directory\n"),
    (["/etc/passwd"], 126, "lockctl: /etc/passwd: Permission denied\n"),
    (["sh", "-c", "kill -9 $$"], 137, ""),
])
def test_it_ends_as_a_shell_would_and_gives_the_lock_back(run, lock, command, code, said):
    assert run(*command).end() == (code, "", said)
    assert history(lock) == ["acquired", "released"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1,
                                    signal.SIGUSR2, signal.SIGWINCH])
def test_signals_are_handed_on(run, number):
    one = run(sys.executable, "-c", f"import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, [{int(number)}])\n"
              f"print('ready', flush=True)\nprint(signal.sigwait([{int(number)}]))\nexit(9)")
    assert one.line() == "ready\n"
    one.signal(number)
    assert one.end() == (9, f"{int(number)}\n", "")


def test_a_command_that_a_signal_ends_gives_the_shells_code(run, lock):
    one = run("sh", "-c", "echo ready; exec sleep 1000")
    assert one.line() == "ready\n"
    one.signal(signal.SIGTERM)
    assert one.end()[0] == 143
    assert history(lock) == ["acquired", "released"]


def test_a_pipe_hears_of_the_commands_end_of_it(run, lock):
    """Neither lockctl nor its guard keeps it open."""
    one = run("sh", "-c", "exec <&- >&-; exec sleep 1000", stdin=subprocess.PIPE)
    assert one.process.stdout.read() == ""
    with pytest.raises(BrokenPipeError):
        one.process.stdin.write("x")
        one.process.stdin.flush()
    assert lock()["claims"], "it still runs"
    one.process.stdin = None
    one.signal(signal.SIGTERM)
    assert one.end()[0] == 143


@pytest.mark.parametrize("closed", ["<&-", ">&-", "<&- >&- 2>&-"])
def test_streams_that_are_closed_stay_closed_and_nothing_else_takes_their_place(run, lock, tmp_path, closed):
    said = tmp_path / "said"
    one = run("sh", "-c", f"for each in 0 1 2; do test -e /proc/$$/fd/$each || closed=$closed$each; done\n"
              f"echo $closed >{said}.new; mv {said}.new {said}; exec sleep 1000", wrapper=["sh", "-c", f'exec "$@" {closed}', "sh"])
    wait_for(said.exists, "it to look")
    assert said.read_text().strip() == "".join({"<": "0", ">": "1", "2": "2"}[each[0]] for each in closed.split())
    one.signal(signal.SIGTERM)
    assert one.end()[::2] == (143, "")
    assert not lock()["claims"]


def test_what_was_ignored_stays_ignored(run):
    one = run("sh", "-c", "echo ready; read line; echo $line", stdin=subprocess.PIPE, wrapper=["nohup"],
              stderr=subprocess.DEVNULL)
    assert one.line() == "ready\n"
    one.signal(signal.SIGHUP)
    one.signal(signal.SIGWINCH)
    one.process.stdin.write("lives\n")
    assert one.end()[:2] == (0, "lives\n")
    plain = subprocess.run(["grep", "^Sig[BIC]", "/proc/self/status"], capture_output=True, text=True,
                           stdin=subprocess.DEVNULL, check=True)
    assert run("grep", "^Sig[BIC]", "/proc/self/status").end()[1] == plain.stdout, "nothing blocked or ignored is new"


def test_what_the_command_leaves_in_its_group_ends_before_the_lock_is_given_back(run, lock, tmp_path):
    """Also what takes no notice of TERM; the grace is over then."""
    beats = Beats(tmp_path / "beats")
    one = run("sh", "-c", f"{BEATS} {beats.paths[0]} ignore-term & echo $!; exit 3", options=["--grace", "50ms"],
              stdout=subprocess.PIPE)
    left = int(one.line())
    assert one.process.wait(60) == 3
    assert not lives(left)
    assert history(lock) == ["acquired", "released"]


def test_a_daemon_of_a_command_that_ended_well_goes_on(run):
    # It tells its number once it has left the group, whose end is the command's.
    one = run("sh", "-c", "(setsid sh -c 'echo $$; exec sleep 1000 >/dev/null 2>&1' &) | { read daemon; echo $daemon; }")
    daemon = int(one.line())
    try:
        assert one.end()[0] == 0
        assert lives(daemon)
    finally:
        os.kill(daemon, signal.SIGKILL)


def test_another_waits_for_its_turn_and_reads_who_is_ahead(run, lock):
    first = run("cat", stdin=subprocess.PIPE, options=["--as", "first"])
    wait_for(lambda: lock()["claims"], "the first")
    second = run("echo", "its turn", options=["--as", "second", "--wait", "1m"])
    wait_for(lambda: lock()["queue"], "the second in the queue")
    first.close_input()
    code, out, err = second.end()
    assert (code, out) == (0, "its turn\n")
    assert f"waiting for {lock()['lock']}: held by first since " in err
    assert "next in the queue" in err
    assert "\x1b" not in err and "\r" not in err, "no terminal"


def test_without_wait_it_says_who_holds_the_lock(run, lock):
    run("cat", stdin=subprocess.PIPE, options=["--as", "first"])
    wait_for(lambda: lock()["claims"], "the first")
    code, out, err = run("echo", "never").end()
    assert (code, out) == (124, "")
    assert "held by first since " in err and "--wait 10m waits for it" in err


def test_the_time_to_wait_can_be_over(run, lock):
    run("cat", stdin=subprocess.PIPE, options=["--as", "first"])
    wait_for(lambda: lock()["claims"], "the first")
    code, out, err = run("echo", "never", options=["--wait", "100ms"]).end()
    assert (code, out) == (124, "")
    assert "it did not come free within 100ms" in err
    assert not lock()["queue"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_who_is_ended_while_it_waits_leaves_the_queue(run, lock, number):
    """Also by its guard, where it had no time to do so itself."""
    run("cat", stdin=subprocess.PIPE)
    wait_for(lambda: lock()["claims"], "the first")
    one = run("echo", "never", options=["--wait", "1m"])
    wait_for(lambda: lock()["queue"], "it to be in the queue")
    one.signal(number)
    code, out, _ = one.end()
    assert (code, out) == (-9 if number == signal.SIGKILL else 128 + number, "")
    wait_for(lambda: not lock()["queue"], "the queue to be empty")
    assert history(lock)[-1] == "withdrawn"


def test_a_lock_that_an_operator_takes_away_ends_the_command_at_once(run, lock, server):
    one = run("sh", "-c", "echo ready; exec sleep 1000", options=["--ttl", "1500ms"])
    assert one.line() == "ready\n"
    server.request("POST", f"/lock/{lock()['lock']}/force-release", b'{"reason":"mine now"}')
    code, _, err = one.end()
    assert (code, err) == (123, f"lockctl: the lease on {lock()['lock']} is lost: an operator ended it: 'sleep' is "
                                "ended\n".replace("'sleep'", "'sh'"))


def test_what_becomes_another_process_all_the_time_is_ended_too(run, lock, server, tmp_path):
    """Faster than anybody can look through all processes."""
    beats, hops = Beats(tmp_path / "beats"), Beats(tmp_path / "beats.hop")
    one = run(BEATS, beats.paths[0], "hop", options=["--ttl", "1500ms"])
    wait_for(lambda: hops.last() and beats.last(), "it to hop")
    server.request("POST", f"/lock/{lock()['lock']}/force-release", b'{"reason":"mine now"}')
    assert one.end()[0] == 123
    ended, last = boot_time(), hops.last()
    assert not beats.alive() and last < ended
    wait_for(lambda: boot_time() > ended + 0.3, "hundreds of hops")
    assert hops.last() == last, "it still hops"


def test_a_server_that_lets_nobody_hold_for_as_long_as_the_ttl_bounds_the_command(tmp_path):
    with Server(tmp_path, args=["--max-hold", "3s"]) as own:
        assert Run(own.url, "a", "echo", "it runs").end() == (0, "it runs\n", "")
        one = Run(own.url, "a", "sh", "-c", "echo $$; exec sleep 1000")
        command = int(one.line())
        code, _, err = one.end()
        assert (code, err) == (123, "lockctl: the lease on a is lost: its time is over: 'sh' is ended\n")
        assert not lives(command)


def test_who_comes_under_its_claims_name_takes_over_and_keeps_the_lock(run, lock):
    first = run("sh", "-c", "echo ready; exec sleep 1000",
                options=["--ttl", "900ms", "--claim", "nightly", "--key", "k", "--as", "me"])
    assert first.line() == "ready\n"
    second = run("cat", stdin=subprocess.PIPE, options=["--claim", "nightly", "--key", "k", "--as", "me"])
    code, _, err = first.end()
    assert code == 123 and "another intention has taken the claim over" in err
    assert [claim["claim"] for claim in lock()["claims"]] == ["nightly"], "it gave nothing back that is not its own"
    second.close_input()
    assert second.end()[0] == 0
    assert not lock()["claims"]


def test_no_server_no_command(run, tmp_path):
    one = run("touch", tmp_path / "started", environment={"LOCKCTL_SERVER": "http://127.0.0.1:1"},
              options=["--timeout", "100ms"])
    code, _, err = one.end()
    assert code == 125 and re.search(r"^lockctl: .*check --server", err, re.M)
    assert not (tmp_path / "started").exists()


def test_a_lock_that_cannot_be_given_back_does_not_change_the_exit_code(tmp_path):
    with Server(tmp_path) as own:
        one = Run(own.url, "a", "sh", "-c", "echo ready; read line; exit 4", options=["--ttl", "1500ms"],
                  stdin=subprocess.PIPE)
        assert one.line() == "ready\n"
        own.kill()
        one.process.stdin.write("\n")
        code, _, err = one.end()
    assert code == 4
    assert "a could not be given back: " in err and "its ttl ends the hold within 1s500ms" in err


def test_a_killed_lockctl_costs_the_others_no_ttl(run, lock):
    one = run("sh", "-c", "echo $$; exec sleep 1000", options=["--ttl", "1h"])
    command = int(one.line())
    one.signal(signal.SIGKILL)
    wait_for(lambda: not lives(command), "the command to be ended")
    wait_for(lambda: not lock()["claims"], "the lock to be given back")
    assert history(lock) == ["acquired", "released"]


def test_a_guard_takes_the_command_along_also_while_lockctl_stands_still(run):
    one = run("sh", "-c", "echo $$; exec sleep 1000", options=["--ttl", "1h"])
    command = int(one.line())
    guard = one.guard()
    one.signal(signal.SIGSTOP)
    wait_for(lambda: state(one.pid) == "T", "it to stand still")
    os.kill(guard, signal.SIGKILL)
    wait_for(lambda: not lives(command), "the command to be ended")
    one.signal(signal.SIGCONT)
    assert one.end()[0] == 123


def test_a_guard_that_is_stopped_while_lockctl_waits_starts_the_command_all_the_same(run, lock):
    first = run("cat", stdin=subprocess.PIPE)
    wait_for(lambda: lock()["claims"], "the first")
    one = run("echo", "it runs", options=["--wait", "1m", "--ttl", "1h"])
    wait_for(lambda: lock()["queue"], "it to be in the queue")
    guard = one.guard()
    os.kill(guard, signal.SIGSTOP)
    wait_for(lambda: state(guard) == "T", "it to stand still")
    first.close_input()
    assert one.end()[:2] == (0, "it runs\n")


def test_a_guard_that_is_stopped_is_woken(run, lock):
    one = run("cat", stdin=subprocess.PIPE, options=["--ttl", "900ms"])
    wait_for(lambda: history(lock).count("renewed") >= 1, "a renewal")
    guard = one.guard()
    command, = children(guard)
    os.kill(guard, signal.SIGSTOP)
    wait_for(lambda: state(guard) == "S", "it to be woken")
    renewed = history(lock).count("renewed")
    wait_for(lambda: history(lock).count("renewed") > renewed + 3, "more renewals")
    assert lives(command[0])
    one.close_input()
    assert one.end()[0] == 0
