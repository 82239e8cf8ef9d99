"""Plays recorded cases of stormlock (their format: tests/end_to_end/recorded/README.md), against what stands in them."""

import base64
import collections
import functools
import os
import pathlib
import pty
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

BIN = pathlib.Path(os.environ["LOCKKEEPER_BIN"])
PATH = f"{BIN}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
NOBODY = 65534
PATIENCE = 60

# What stands for what differs from run to run.
ANY = {"<LEASE>": r"[0-9a-fA-F][0-9a-fA-F-]{5,35}", "<TIME>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}"}

Ended = collections.namedtuple("Ended", "exit stdout stderr")


class Case:
    """A folder with the case's files, and the names that stand for values."""

    def __init__(self, case, places):
        self.case = case
        self.names = {}
        for place in places:
            self.names |= place.names
        self.folder = tempfile.TemporaryDirectory(prefix="stormlock-case-")

    def __enter__(self):
        self.root = pathlib.Path(self.folder.__enter__())
        self.root.chmod(0o755)
        self.names["CASE"] = str(self.root)
        for name in ("work", "home"):
            (self.root / name).mkdir()
        files = dict(self.case["files"])
        if self.case["config"] is not None:
            files["work/.stormlock.cfg"] = self.case["config"]
        for name, content in files.items():
            self.write(self.root / name, name, content)
        for name, mode in self.case.get("modes", {}).items():
            (self.root / name).chmod(int(mode, 8))
        return self

    def __exit__(self, *ended):
        self.folder.__exit__(*ended)

    def write(self, path, name, content):
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith("/"):
            path.mkdir()
        elif isinstance(content, dict):
            path.write_bytes(base64.b64decode(content["base64"]))
        else:
            path.write_text(self.filled(content), encoding="utf-8", newline="")

    def filled(self, text):
        for name, value in self.names.items():
            text = text.replace("{%s}" % name, value)
        return text

    # ---- running

    def play(self, different):
        """`different`: number of a step -> what must stand there instead; None as stderr_kind: stderr is exact."""
        for number, step in enumerate(self.case["steps"]):
            expected = self.expected(step) | different.get(number, {})
            time.sleep(step.get("sleep_before_s", 0))
            where = f"step {number}: {step['argv']}"
            if "parallel" in step:
                self.check_crowd(step, expected, where)
            else:
                self.check(self.run(step), expected, where)
            if expected.get("then") == "stop":
                return

    def expected(self, step):
        """What must stand there: as recorded, unless it was a defect."""
        if self.case["copy"] == "no" and "want" in step:
            # Of a message that a sound program gives, only its being there counts.
            return step["want"] | {key: step[key] for key in ("capture",) if key in step}
        return {key: value for key, value in step.items() if key != "want"}

    def command(self, step):
        argv = [self.filled(word) for word in step["argv"]]
        if argv[0] == "stormlock":
            argv[0] = str(BIN / "stormlock")
        return (isolation() if self.case.get("isolated_net") else []) + argv

    def options(self, step):
        environment = {"PATH": PATH, "HOME": str(self.root / "home"), "LANG": "C.UTF-8", "TZ": "UTC"}
        for more in (self.case["env"], step.get("env", {})):
            environment |= {name: self.filled(value) for name, value in more.items()}
        if step.get("tool"):
            environment["ETCDCTL_API"] = "3"
        options = {"cwd": self.root / "work", "env": environment}
        if self.case.get("unprivileged") and os.geteuid() == 0:
            options |= {"user": NOBODY, "group": NOBODY, "extra_groups": []}
        closed = [number for number, name in ((1, "stdout_to"), (2, "stderr_to")) if step.get(name) == "closed"]
        if closed:
            options["preexec_fn"] = lambda: [os.close(number) for number in closed]
        return options

    def start(self, step, stdout):
        stdin = subprocess.PIPE if "stdin" in step else subprocess.DEVNULL
        return subprocess.Popen(self.command(step), stdin=stdin, stdout=stdout, stderr=subprocess.PIPE,
                                **self.options(step))

    def run(self, step):
        if step.get("stdout_to") == "tty":
            return self.run_on_terminal(step)
        if step.get("stdout_to") == "full":
            with open("/dev/full", "wb") as full:
                process = self.start(step, full)
        else:
            process = self.start(step, subprocess.PIPE)
        return self.end(process, step)

    def end(self, process, step):
        given = step["stdin"].encode() if "stdin" in step else None
        if "signal" in step:
            time.sleep(step["kill_after_s"])
            assert process.poll() is None, f"{step['argv']} has ended before it got its signal"
            process.send_signal(getattr(signal, step["signal"]))
        try:
            out, err = process.communicate(given, timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            raise AssertionError(f"{step['argv']} did not end") from None
        code = process.returncode
        return Ended(code if code >= 0 else 128 - code, (out or b"").decode(), err.decode())

    def run_on_terminal(self, step):
        master, slave = pty.openpty()
        with open(master, "rb", buffering=0) as terminal:
            process = self.start(step, slave)
            os.close(slave)
            shown = b""
            try:
                while part := terminal.read(4096):
                    shown += part
            except OSError:  # nobody has it open any more
                pass
            ended = self.end(process, step)
        return ended._replace(stdout=shown.decode().replace("\r\n", "\n"))

    # ---- comparing

    def pattern(self, text):
        """A text with its placeholders as a regular expression."""
        pattern = re.escape(self.filled(text))
        for name, meaning in ANY.items():
            pattern = pattern.replace(re.escape(name), f"(?:{meaning})")
        return pattern

    def check(self, ended, expected, where):
        told = f"{where}\nexit {ended.exit}\nstdout {ended.stdout!r}\nstderr {ended.stderr!r}\nexpected {expected}"
        if "exit" in expected:
            assert ended.exit == expected["exit"], told
        self.check_stdout(ended.stdout, expected, told)
        if expected.get("stderr_kind"):
            assert ended.stderr.strip(), told
        elif "stderr" in expected:
            assert re.fullmatch(self.pattern(expected["stderr"]), ended.stderr), told
        assert "lockkeeper-stormlock-" not in ended.stderr, f"a backend is not built\n{told}"
        assert "Traceback" not in ended.stderr and "terminate called" not in ended.stderr, told
        for name, pattern in expected.get("capture", {}).items():
            if found := re.search(pattern, ended.stdout):
                self.names[name] = found[1]

    def check_stdout(self, stdout, expected, told):
        recorded = expected.get("stdout")
        if recorded is not None and recorded.startswith("PRINCIPAL  "):
            self.check_columns(stdout, recorded, told)
        elif recorded is not None:
            assert re.fullmatch(self.pattern(recorded), stdout), told
        for word in expected.get("stdout_contains", []):
            assert self.filled(word) in stdout, told
        if "stdout_re" in expected:
            pattern = expected["stdout_re"]
            for name, meaning in ANY.items():
                pattern = pattern.replace(name, f"(?:{meaning})")
            assert re.search(self.filled(pattern), stdout), told
        if "stdout_range" in expected:
            least, most = expected["stdout_range"]
            assert least <= float(stdout) <= most, told

    def check_columns(self, stdout, recorded, told):
        """The padding depends on the longest of the real values."""
        cells = [cell for cell in re.split(" {4,}\n?", recorded) if cell]
        found = re.fullmatch("( +)".join(f"({self.pattern(cell)})" for cell in cells[:3]) + "( +)\n" +
                             "( +)".join(f"({self.pattern(cell)})" for cell in cells[3:]) + "( +)\n", stdout)
        assert len(cells) == 6 and found, told
        parts = found.groups()
        values, padding = parts[::2], parts[1::2]
        width = max(len(value) for value in values) + 4
        assert [len(value) + len(blanks) for value, blanks in zip(values, padding)] == [width] * 6, told

    def check_crowd(self, step, expected, where):
        crowd = [self.start(step, subprocess.PIPE) for _ in range(step["parallel"])]
        ended = [self.end(process, step) for process in crowd]
        told = f"{where}\n{ended}\nexpected {expected}"
        assert collections.Counter(str(one.exit) for one in ended) == collections.Counter(expected["exits"]), told
        assert len({one.stdout for one in ended}) == expected.get("distinct_stdout", 1), told
        for one in ended:
            assert re.fullmatch(self.pattern(expected.get("stdout", "<LEASE>\n")), one.stdout), told
            said = expected.get("stderr_by_exit", {"0": [""], "2": ["Lock held\n"]})
            assert one.stderr in said[str(one.exit)], told


@functools.cache
def isolation():
    """A command's beginning for a network of its own; where that is not allowed, nothing listens anyway."""
    loopback = ["sh", "-c", 'ip link set lo up 2>/dev/null; exec "$@"', "isolated"]
    for unshare in (["unshare", "-n"], ["unshare", "-rn"]):
        if shutil.which("unshare") and subprocess.run([*unshare, "true"], capture_output=True).returncode == 0:
            return unshare + loopback
    for port in (6379, 2379):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0, f"something listens on {port}, and no network of our own"
    return []
