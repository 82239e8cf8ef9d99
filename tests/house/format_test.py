"""clang-format has nothing to say about any source file, and clang-tidy's short list finds nothing."""

import concurrent.futures
import json
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ["LOCKKEEPER_BIN"]).parent


def ours():
    folders = "locks wire engine stores http server client resource check in out cli agent tests bench".split()
    for folder in folders:
        yield from sorted(p for p in (ROOT / folder).rglob("*") if p.suffix in (".h", ".cpp"))


def test_sources_are_formatted():
    files = [str(p) for p in ours()]
    assert len(files) > 40
    done = subprocess.run(["clang-format-16", "--dry-run", "-Werror", *files], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]


# The analyzer walks 225,000 steps of a function's paths unless told, and half of the time goes into the last three
# quarters of them.
EXTRA = [f"--extra-arg={word}" for word in
         ("-Wno-unknown-warning-option", "-Xclang", "-analyzer-config", "-Xclang", "max-nodes=50000")]


def tidy(file):
    done = subprocess.run(["clang-tidy-16", "--quiet", *EXTRA, "-p", str(BUILD), file], capture_output=True, text=True)
    return file, done.returncode, done.stdout


def test_clang_tidy_finds_nothing():
    commands = json.loads((BUILD / "compile_commands.json").read_text())
    # Tests are held to the format, the product to the list as well; gtest's macros cost more than they find.
    # What protoc wrote is in the build tree.
    product = sorted({c["file"] for c in commands if "/tests/" not in c["file"] and "/bench/" not in c["file"]
                      and BUILD not in pathlib.Path(c["file"]).parents})
    assert len(product) > 25
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        found = [out for _, code, out in pool.map(tidy, product) if code != 0]
    assert not found, "\n".join(found)[-6000:]
