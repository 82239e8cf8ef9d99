"""The Dockerfile builds, with the builder that every engine has."""

from containers import RESOURCE, ROOT, SERVER, SERVER_GRPC


def test_one_dockerfile_builds_all_images(images):
    assert len({images[SERVER], images[SERVER_GRPC], images[RESOURCE]}) == 3


def test_the_resource_is_what_a_plain_build_gives(engine, images):
    engine.docker("build", "--network", "host", "--tag", "lockkeeper:test", ROOT, timeout=600)

    assert engine.inspect("lockkeeper:test")["Id"] == images[RESOURCE]


def test_building_again_builds_nothing(engine, images):
    assert engine.build_images() == images
