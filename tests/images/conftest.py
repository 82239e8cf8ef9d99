"""What the tests of the images share: one engine and one build of both images a run, one house a test."""

import uuid

import pytest

from containers import Engine, House


@pytest.fixture(scope="session")
def engine():
    with Engine.running() as running:
        yield running


@pytest.fixture(scope="session")
def images(engine):
    """The ids of both images, built. Where they already are, this takes a second."""
    return engine.build_images()


@pytest.fixture
def house(engine, images):  # pylint: disable=unused-argument
    made = House(engine, f"lockkeeper-{uuid.uuid4().hex[:8]}")
    yield made
    made.close()
