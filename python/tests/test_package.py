"""The packages: built without the net, complete, and of use where they are installed."""

import os
import re
import shutil
import subprocess
import tarfile
import zipfile

import pytest

import lockkeeper
from conftest import ROOT

PACKAGE = ROOT / "python"
VERSION = lockkeeper.__version__
MODULES = sorted(path.name for path in (PACKAGE / "src/lockkeeper").iterdir() if path.suffix in (".py", ".typed"))


def run(*command, **rest):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=300, check=False, **rest)
    assert done.returncode == 0, (command, done.stdout, done.stderr)
    return done.stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The folder with both, made as docs/python.md says. The wheel is made of the sdist."""
    folder = tmp_path_factory.mktemp("packages")
    shutil.copytree(PACKAGE, folder / "python")  # building leaves things behind
    run("/usr/bin/python3", "-m", "build", "--no-isolation", "python", "--outdir", "dist", cwd=folder)
    return folder / "dist"


def test_both_packages_are_built_and_complete(built):
    assert sorted(path.name for path in built.iterdir()) == [
        f"lockkeeper-{VERSION}-py3-none-any.whl", f"lockkeeper-{VERSION}.tar.gz"]
    with zipfile.ZipFile(built / f"lockkeeper-{VERSION}-py3-none-any.whl") as wheel:
        names = wheel.namelist()
        assert sorted(name.removeprefix("lockkeeper/") for name in names if name.startswith("lockkeeper/")) == MODULES
        told = wheel.read(f"lockkeeper-{VERSION}.dist-info/METADATA").decode()
    for line in ("Name: lockkeeper", f"Version: {VERSION}", "Requires-Python: >=3.9"):
        assert line in told.splitlines()
    assert re.findall(r"^Requires-Dist: (.*)$", told, re.M) in (["httpx>=0.23"], ["httpx (>=0.23)"])
    assert "AsyncClient" in told, "its page comes along"
    with tarfile.open(built / f"lockkeeper-{VERSION}.tar.gz") as sdist:
        there = {name.partition("/")[2] for name in sdist.getnames()}
    tests = {f"tests/{path.name}" for path in (PACKAGE / "tests").glob("*.py")}
    assert there >= {f"src/lockkeeper/{name}" for name in MODULES} | {"pyproject.toml", "README.md"} | tests
    assert not [name for name in there if "__pycache__" in name or name.endswith(".pyc")]


def test_the_wheel_is_installed_and_locks(built, server, tmp_path):
    python = tmp_path / "venv/bin/python"
    run("/usr/bin/python3", "-m", "venv", "--system-site-packages", "--without-pip", tmp_path / "venv")
    run(python, "-m", "pip", "install", "--no-index", "--no-deps", built / f"lockkeeper-{VERSION}-py3-none-any.whl")
    program = """
import lockkeeper, sys
assert lockkeeper.__file__.startswith(sys.prefix), lockkeeper.__file__
with lockkeeper.Client(sys.argv[1]) as client, client.lock("from a wheel") as lease:
    print(client.show("from a wheel").claims[0].token == lease.token, lockkeeper.__version__)
"""
    away = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    assert run(python, "-c", program, server.url, cwd=tmp_path, env=away).split() == ["True", VERSION]


def test_its_types_hold_and_are_of_use_to_others(tmp_path):
    (tmp_path / "program.py").write_text("""
import lockkeeper

def work(client: lockkeeper.Client) -> int:
    with client.lock("a", ttl="30s", wait=lockkeeper.FOREVER, on_wait=lambda place: print(place.position)) as lease:
        return lease.token

async def task(client: lockkeeper.AsyncClient) -> str:
    async with client.lock("a") as lease:
        return lease.token
""")
    done = subprocess.run(
        ["/usr/bin/python3", "-m", "mypy", "--config-file", PACKAGE / "pyproject.toml", "--cache-dir", tmp_path / "cache",
         PACKAGE / "src", tmp_path / "program.py"],
        capture_output=True, text=True, env=os.environ | {"MYPYPATH": str(PACKAGE / "src")}, timeout=300, check=False)
    assert [line.partition(": error: ")[2] for line in done.stdout.splitlines()[:-1]] == [
        'Incompatible return value type (got "int", expected "str")  [return-value]'], done.stdout
