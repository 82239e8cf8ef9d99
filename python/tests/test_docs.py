"""What the pages say is so."""

import ast
import logging
import re

import pytest

import lockkeeper
from conftest import ROOT

PAGE = ROOT / "docs/python.md"
SOURCES = sorted((ROOT / "python/src/lockkeeper").glob("*.py"))


def blocks(page):
    return re.findall(r"```python\n(.*?)```", page.read_text(), re.S)


def here(server, text):
    """The page's addresses, where this server really is."""
    text = re.sub(r"http://127\.0\.0\.1:3000|https://locks\.example\.com", server.url, text)
    return text.replace("LockdClient()", f'LockdClient("{server.url}/lockd")')


def played(server, page, names):
    """All blocks of the page, one after the other, as one program; yields each with what it knows."""
    for block in blocks(page):
        exec(compile(here(server, block), page.name, "exec"), names)  # noqa: S102
        yield block


def test_every_example_of_the_page_runs(server, capsys, caplog):
    caplog.set_level(logging.WARNING, "lockkeeper")
    names = {}
    story = played(server, PAGE, names)
    assert "A first" not in next(story) and "deploying, with token" in capsys.readouterr().out
    with lockkeeper.Client(server.url, patience=0) as client:
        names["client"] = client
        held = client.acquire("production", holder="ada")
        next(story)  # who comes second
        said = capsys.readouterr().out
        assert "not now: production is held by ada since" in said and "ask ada" in said and "never" not in said
        held.release()
        next(story)
        assert capsys.readouterr().out == "our turn\n"
        next(story)  # asyncio
        next(story)
        assert re.fullmatch(r"step 0 of (\d+)\nstep 1 of \1\nstep 2 of \1\n", capsys.readouterr().out)
        next(story)
        assert capsys.readouterr().out == "alone\n"
        lease = client.acquire("production")
        next(story)  # looking, and cleaning up
        with pytest.raises(lockkeeper.LeaseLost, match="an operator ended it"):
            lease.release()
    assert "lockd_client.Lock" in next(story)
    assert next(story, None) is None, "no block is left"
    assert not caplog.records


def test_lockds_session_is_as_the_page_says(server):
    names = {}
    (block,) = [block for block in blocks(PAGE) if "LockdClient" in block]
    for line in here(server, block).splitlines():
        code, _, expected = line.partition("  # ")
        if expected:
            assert eval(code, names) is (expected.strip() == "True"), line  # noqa: S307
        else:
            exec(line, names)  # noqa: S102


def test_the_example_of_the_packages_page_runs(server, capsys):
    (block,) = played(server, ROOT / "python/README.md", {})
    assert "it is ours, with token" in capsys.readouterr().out


def test_every_public_name_is_in_order_and_every_error_is_on_the_page():
    page = PAGE.read_text()
    assert lockkeeper.__all__ == sorted(lockkeeper.__all__)
    for name in lockkeeper.__all__:
        one = getattr(lockkeeper, name)
        if isinstance(one, type) and issubclass(one, lockkeeper.LockkeeperError):
            assert f"`{name}`" in page, name


def test_every_link_of_the_page_leads_somewhere():
    for link in re.findall(r"\]\(([^)]+)\)", PAGE.read_text()):
        name, _, anchor = link.partition("#")
        target = (PAGE.parent / name).resolve() if name else PAGE
        assert target.exists(), link
        headings = re.findall(r"^#+ (.*)$", target.read_text(), re.M) if anchor else ()
        assert not anchor or anchor in [re.sub(r"[^\w\- ]", "", one.lower()).replace(" ", "-") for one in headings], link


def test_the_version_is_the_projects():
    told = re.search(r"project\(lockkeeper VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text())[1]
    assert lockkeeper.__version__ == told


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_the_oldest_python_reads_it(source):
    ast.parse(source.read_text(), feature_version=(3, 9))
    assert "from __future__ import annotations" in source.read_text() or source.name.startswith("_")
    assert len(source.read_text().splitlines()) <= 400 and max(map(len, source.read_text().splitlines())) <= 130
