"""The resource's own tests once more, with every verb in a container of the image, beside a server outside of it:
ours, and a small fake of the original."""

import functools
import sys

import pytest
from containers import RESOURCE, ROOT

sys.path[:0] = [str(ROOT / "tests/support"), str(ROOT / "tests/end_to_end")]
pytest.register_assert_rewrite("resource_test", "resource_elsewhere_test")

# pylint: disable=wrong-import-position,wildcard-import,unused-wildcard-import,unused-import
import resource_elsewhere_test
import resource_test
from concourse import Build, Image
from resource_elsewhere_test import (
    test_a_repeated_put_at_an_original_server_is_freed_by_one_unlock,
    test_an_aborted_build_gives_back_what_it_won_at_an_original_server,
    test_another_builds_hold_at_an_original_server_stays,
    test_two_builds_and_an_original_server,
    test_versions_of_an_original_server_are_a_digest_of_this_lock_alone,
)
from resource_test import *

# What looks at the process or the binary outside of a container says nothing about the image.
for outside in ("test_a_name_resolver_that_hangs_does_not_either", "test_the_verbs_need_neither_a_shell_nor_a_home"):
    globals().pop(outside, None)


@pytest.fixture(autouse=True)
def in_the_image(monkeypatch, engine, images):  # pylint: disable=unused-argument
    runner = Image(RESOURCE, engine.environment)
    for module in (resource_test, resource_elsewhere_test):
        monkeypatch.setattr(module, "Build", functools.partial(Build, runner=runner))
