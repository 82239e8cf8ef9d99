"""What the tests of the packages share: one making of them, one engine, and an image that has what they depend on."""

import os
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/images"))

# pylint: disable=wrong-import-position
from containers import Engine
from machine import Machine, build_image

TREE = pathlib.Path(os.environ["LOCKKEEPER_BIN"]).parent


def pack(folder):
    """Makes the packages of what is built. Nothing is compiled."""
    done = subprocess.run(["cpack", "--config", TREE / "CPackConfig.cmake", "-B", folder], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, env={**os.environ, "SOURCE_DATE_EPOCH": "1700000000"})
    assert done.returncode == 0, done.stdout
    return by_name(folder)


def by_name(folder):
    return {path.name.split("_")[0]: path for path in folder.glob("*.deb")}


@pytest.fixture(scope="session")
def debs(tmp_path_factory):
    """The packages by name; their files are in one folder, which apt reads by a user of its own."""
    folder = tmp_path_factory.mktemp("debs")
    folder.chmod(0o755)
    return pack(folder)


@pytest.fixture(scope="session")
def newer(debs, tmp_path_factory):
    """The same packages as a newer version would be, whose configuration file has one more line."""
    folder = tmp_path_factory.mktemp("newer")
    folder.chmod(0o755)
    made = {}
    for name, deb in debs.items():
        tree = folder / "tree"
        subprocess.run(["dpkg-deb", "--raw-extract", deb, tree], check=True)
        control = tree / "DEBIAN/control"
        control.write_text(control.read_text().replace("0.1.0-1", "0.1.0-2"))
        for configuration in tree.glob("etc/lockkeeper/lockkeeper.conf"):
            configuration.write_text(configuration.read_text() + "# Of the newer version.\n")
        made[name] = folder / deb.name.replace("0.1.0-1", "0.1.0-2")
        subprocess.run(["dpkg-deb", "-Zgzip", "-z1", "--root-owner-group", "--build", tree, made[name]], check=True,
                       stdout=subprocess.DEVNULL)
        subprocess.run(["rm", "-r", tree], check=True)
    # An archive, too, as apt knows them.
    with (folder / "Packages").open("w", encoding="utf-8") as index:
        subprocess.run(["dpkg-scanpackages", "."], cwd=folder, check=True, stdout=index, stderr=subprocess.DEVNULL)
    (folder / "sources.list").write_text("deb [trusted=yes] file:/newer ./\n")
    return made


@pytest.fixture(scope="session")
def engine():
    with Engine.running() as running:
        yield running


@pytest.fixture(scope="session")
def image(engine, debs):
    needs = ", ".join(line.removeprefix("Depends: ") for deb in debs.values()
                      for line in subprocess.run(["dpkg-deb", "--field", deb, "Depends"], check=True,
                                                 stdout=subprocess.PIPE, text=True).stdout.splitlines())
    ours = tuple(debs)
    build_image(engine, ", ".join(sorted({one.strip() for one in needs.split(",")
                                          if not one.strip().startswith(ours)})))


@pytest.fixture(scope="session")
def new_machine(engine, image, debs, newer):  # pylint: disable=unused-argument
    """A function that makes a Machine, which sees the packages in /debs, and in /newer those of the newer version."""
    made = []

    def make(**options):
        folders = {"debs": debs["lockkeeper"].parent, "newer": newer["lockkeeper"].parent}
        made.append(Machine(engine, folders, **options))
        return made[-1]
    yield make
    for machine in made:
        machine.close()
