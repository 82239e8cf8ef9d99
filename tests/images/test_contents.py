"""What is in the images, and what is not."""

import ssl

import pytest
from containers import RESOURCE, SERVER, SERVER_GRPC
from store_redis import RealStore

MEGABYTE = 1_000_000
LIMITS = {RESOURCE: 30 * MEGABYTE, SERVER: 40 * MEGABYTE, SERVER_GRPC: 60 * MEGABYTE}
PROGRAMS = {
    RESOURCE: {"/opt/resource/check", "/opt/resource/in", "/opt/resource/out"},
    SERVER: {"/usr/bin/lockkeeper", "/usr/bin/lockctl", "/usr/bin/stormlock", "/usr/bin/lockcli", "/usr/bin/lockagt"},
}

PROGRAMS[SERVER_GRPC] = PROGRAMS[SERVER]
# Which the server loads when it is asked for a store or for gRPC, and stormlock for a backend.
MODULES = {RESOURCE: set(), SERVER: {"store-postgresql", "store-redis", "store-dynamodb", "stormlock-postgresql",
                                     "stormlock-redis", "stormlock-dynamodb", "stormlock-mysql",
                                     "stormlock-lockkeeper"}}
MODULES[SERVER_GRPC] = MODULES[SERVER] | {"grpc", "store-etcd", "stormlock-etcd"}

each = pytest.mark.parametrize("image", [RESOURCE, SERVER, SERVER_GRPC], ids=["resource", "server", "server-grpc"])


@pytest.fixture(scope="module")
def files(engine, images):
    return {image: engine.files(image) for image in images}


@each
def test_an_image_is_small(files, image):
    size = sum(member.size for member, _ in files[image].values())

    assert size <= LIMITS[image], f"{size / MEGABYTE:.1f} MB of files"


@each
def test_an_image_has_its_programs_and_no_other_not_even_a_shell(files, image):
    # What docker itself lays into a container (.dockerenv, mount points of files) is empty. A library
    # may have its x bit set, like libc.so.6, and is still no shell.
    programs = {path for path, (member, content) in files[image].items()
                if content and member.mode & 0o111 and ".so" not in path}

    assert programs == PROGRAMS[image]


@each
def test_an_image_has_libraries_and_a_few_words_about_the_system_only(files, image):
    rest = {path for path, (_, content) in files[image].items()
            if content and path not in PROGRAMS[image] and not (path.startswith(("/lib", "/usr/lib")) and ".so" in path)}

    letters = set() if image == RESOURCE else {"/usr/lib/locale/C.utf8/LC_CTYPE"}
    assert rest == letters | {"/etc/group", "/etc/ld.so.cache", "/etc/nsswitch.conf", "/etc/passwd",
                              "/etc/ssl/certs/ca-certificates.crt"}


def modules(image):
    return {f"/usr/lib/lockkeeper/lockkeeper-{name}.so" for name in MODULES[image]}


@each
def test_an_image_has_the_modules_that_are_small_there(files, image):
    assert {path for path, (_, content) in files[image].items() if content and "/lockkeeper-" in path} == modules(image)


def test_mysql_s_users_can_log_in_from_it(files):
    # libmariadb loads these by name.
    plugins = {path.rsplit("/", 1)[1] for path in files[SERVER] if "/libmariadb3/plugin/" in path}

    assert plugins == {"caching_sha2_password.so", "sha256_password.so", "client_ed25519.so"}


@each
def test_a_program_carries_no_symbols(files, image):
    assert not [path for path in PROGRAMS[image] | modules(image) if b".symtab" in files[image][path][1]]


@each
def test_an_image_trusts_the_authorities_that_debian_trusts(files, image):
    _, bundle = files[image]["/etc/ssl/certs/ca-certificates.crt"]

    assert len(ssl.create_default_context(cadata=bundle.decode()).get_ca_certs()) > 100
    # Where OpenSSL itself looks, for what does not ask libcurl.
    assert files[image]["/usr/lib/ssl/certs"][0].linkname == "/etc/ssl/certs"
    assert files[image]["/usr/lib/ssl/cert.pem"][0].linkname == "/etc/ssl/certs/ca-certificates.crt"


@pytest.mark.parametrize("image", [SERVER, SERVER_GRPC], ids=["server", "server-grpc"])
def test_redis_over_tls_is_trusted_where_the_system_s_authorities_vouch_for_it(engine, images, tmp_path, image):
    with RealStore(tmp_path, tls=True) as redis:
        configuration = tmp_path / "stormlock.cfg"
        configuration.write_text("[default]\nttl = 1 hour\nprincipal = somebody\nbackend = redis\n"
                                 f"[backend.redis]\nurl = rediss://localhost:{redis.port}/\n")

        def acquire(*options):
            return engine.docker("run", "--rm", "--network", "host", "--volume", f"{configuration}:/cfg:ro", *options,
                                 "--entrypoint", "/usr/bin/stormlock", images[image], "-c", "/cfg", "acquire", "deploy",
                                 check=False)

        refused = acquire()
        taken = acquire("--volume", f"{redis.certificate}:/etc/ssl/certs/ca-certificates.crt:ro")

        assert refused.returncode == 1 and "certificate" in refused.stderr, refused
        assert taken.returncode == 0 and taken.stdout.strip(), taken


@each
def test_an_image_has_what_its_runners_want_of_it(files, image):
    # Concourse's houdini runtime wants an /etc; programs want a /tmp that everybody may write to.
    assert files[image]["/etc"][0].isdir()
    assert files[image]["/tmp"][0].mode & 0o7777 == 0o1777


def test_the_server_is_nobody_s_root_and_owns_its_state(engine, images, files):
    config = engine.inspect(images[SERVER])["Config"]
    state, _ = files[SERVER]["/var/lib/lockkeeper"]

    assert config["User"] == "65532:65532"
    assert (state.uid, state.gid) == (65532, 65532)
    assert list(config["Volumes"]) == ["/var/lib/lockkeeper"]
    assert list(config["ExposedPorts"]) == ["3000/tcp"]
    assert config["Entrypoint"] == ["/usr/bin/lockkeeper"]


def test_the_resource_is_the_same_in_each_way_that_concourse_starts_it(engine, images):
    # From a base type Concourse ignores these, from a registry-image type it doesn't.
    config = engine.inspect(images[RESOURCE])["Config"]

    assert not config["User"]
    assert not config["Entrypoint"]
    assert not config["WorkingDir"] or config["WorkingDir"] == "/"
    assert [name for name in config["Env"] or [] if not name.startswith("PATH=")] == []
