"""The resource's own tests once more, with every verb in a container of the image, beside a server outside of it."""

import functools
import sys

import pytest
from containers import RESOURCE, ROOT

sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/end_to_end")]
pytest.register_assert_rewrite("resource_test")

# pylint: disable=wrong-import-position,wildcard-import,unused-wildcard-import
import resource_test
from concourse import Build, Image
from resource_test import *

# What looks at the process or the binary outside of a container says nothing about the image.
for outside in ("test_a_name_resolver_that_hangs_does_not_either", "test_the_verbs_need_neither_a_shell_nor_a_home"):
    globals().pop(outside, None)


@pytest.fixture(autouse=True)
def in_the_image(monkeypatch, engine, images):  # pylint: disable=unused-argument
    runner = Image(RESOURCE, engine.environment)
    monkeypatch.setattr(resource_test, "Build", functools.partial(Build, runner=runner))
