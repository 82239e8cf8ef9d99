"""The arrows between the folders point one way: every #include is read against the table.

An include path at the root would let a wrong include compile, so this test is what keeps the house in order.
"""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]

# folder -> the project folders it may include from, besides itself
ARROWS = {
    "locks": set(),
    "wire": {"locks"},
    "engine": {"locks"},
    "stores": {"locks", "wire", "engine"},
    "http": set(),
    "server": {"locks", "wire", "engine", "stores", "http"},
    "client": {"locks", "wire", "http"},
    "resource": {"locks", "wire", "http", "client"},
    "check": {"resource"},
    "in": {"resource"},
    "out": {"resource"},
    "cli": {"locks", "wire", "http", "client"},
    "agent": {"locks", "wire", "http", "client"},
}

# Of a folder with many arrows, a part that has one more.
PARTS = {"stores/dynamodb": {"http"}, "cli/stormlock": {"stores"}}

# Of stores/, what stormlock's backends may include: the low-level clients, not the stores.
CLIENTS = re.compile(r"stores/(shared_object\.h|etcd/(client|messages|transport)\.h|dynamodb/(attribute|client|credentials)\.h"
                     r"|postgresql/(connection|parameters|result)\.h|redis/(command|connection|loop|reply|transport)\.h)")

# third-party headers -> the folders whose files (.cpp) may see them; headers only where noted below
OWNERS = {
    r"rapidjson/": {"wire", "resource", "stores", "agent", "cli"},
    r"sqlite3\.h": {"stores"},
    r"curl/": {"http"},
    r"boost/(asio|beast)": {"http", "stores"},
    r"boost/program_options": {"server", "cli", "agent"},
    r"spdlog/": {"server", "agent"},
    r"openssl/": {"stores", "http", "server", "resource", "client", "agent"},
    r"prometheus/": {"http"},
    r"(grpc|grpcpp|google/protobuf)/": {"server", "stores"},
    r"(libpq-fe|libpq-events)\.h": {"stores"},
    r"hiredis/": {"stores"},
    r"(mysql|mariadb)": {"cli"},
    r"yaml-cpp/": {"agent"},
    r"(zlib|zstd)\.h": {"agent", "stores"},
}

# Only these may be included by locks and engine: the standard library (no slash, no .h but our own).
PURE = {"locks", "engine"}

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def sources():
    for folder in ARROWS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix in (".h", ".cpp"):
                yield folder, path


def part_of(path):
    text = str(path)
    return next((more for part, more in PARTS.items() if f"{part}/" in text), set())


def offences(folder, path, text):
    for kind, target in INCLUDE.findall(text):
        first = target.split("/")[0]
        if kind == '"':
            if first not in ARROWS:
                yield f"{path}: \"{target}\" is not written from the root"
            elif first != folder and first not in ARROWS[folder] | part_of(path):
                yield f"{path}: {folder} must not include {target}"
            elif folder == "cli" and first == "stores" and not CLIENTS.fullmatch(target):
                yield f"{path}: {target} is no low-level client"
            continue
        for pattern, owners in OWNERS.items():
            if re.match(pattern, target) and folder not in owners:
                yield f"{path}: {folder} must not see <{target}>"
        if folder in PURE and ("/" in target or target.endswith(".h")):
            yield f"{path}: {folder} is the standard library only, not <{target}>"


def public_headers_leak(folder, path, text):
    """A header that other folders include shows no third-party type."""
    included_elsewhere = str(path.relative_to(ROOT))
    for _, target in INCLUDE.findall(text):
        for pattern in OWNERS:
            if path.suffix == ".h" and re.match(pattern, target):
                yield included_elsewhere, target


def test_every_include_follows_the_arrows():
    found = [o for folder, path in sources() for o in offences(folder, path, path.read_text())]
    assert not found, "\n".join(found)


def test_no_header_used_by_another_folder_leaks_a_third_party_type():
    used = {}
    for folder, path in sources():
        for kind, target in INCLUDE.findall(path.read_text()):
            if kind == '"' and target.split("/")[0] != folder:
                used.setdefault(target, set()).add(folder)
    leaks = [f"{header} shows <{target}> to {sorted(used[header])}"
             for folder, path in sources()
             for header, target in public_headers_leak(folder, path, path.read_text()) if header in used]
    assert not leaks, "\n".join(leaks)


def test_the_check_itself_notices_a_wrong_arrow():
    wrong = '#include "server/options.h"\n#include <sqlite3.h>\n#include <boost/asio.hpp>\n'
    assert len(list(offences("locks", pathlib.Path("locks/x.h"), wrong))) == 5
    assert not list(offences("server", pathlib.Path("server/x.cpp"), '#include "locks/record.h"\n#include <vector>\n'))


def test_mains_are_short():
    for _, main in sources():
        if not main.name.endswith("main.cpp"):
            continue
        lines = len(main.read_text().splitlines())
        assert lines <= 30, f"{main}: {lines} lines"


def test_files_hold_one_idea():
    """400 lines is a question, 800 a fault."""
    long = [f"{path}: {len(path.read_text().splitlines())}" for _, path in sources()
            if len(path.read_text().splitlines()) > 800]
    assert not long, "\n".join(long)
