# Three images from one builder:
#
#   docker build -t lockkeeper-resource .                   the Concourse resource type (default)
#   docker build -t lockkeeper --target server .            the server, with lockctl, stormlock, lockcli and lockagt
#   docker build -t lockkeeper-grpc --target server-grpc .  the server with gRPC, for --door lockd-grpc,
#                                                           --store etcd:// and stormlock's etcd
#
# None has a shell or a package manager: only the programs, the libraries they load and the CA
# certificates. Any builder can read this file; nothing here needs BuildKit. Where no registry can be
# reached, script/base-image makes the one image this starts from, and script/engine an engine.

# --- builder: compilers, libraries, all programs ----------------------------------------------------
FROM debian:bookworm-slim AS builder
# So that what older builds left behind can be told from other projects': see the tests of the images.
LABEL org.opencontainers.image.title=lockkeeper-builder
WORKDIR /src

# The packages change rarely, the sources often: in this order an edit costs a compilation only.
COPY script/setup script/setup
RUN script/setup --build-only && rm -rf /var/lib/apt/lists/*

# .dockerignore lets through what the programs are made of, so a change to a test or a page of the
# docs does not build anything again.
COPY . .
RUN cmake --preset release -B /build -DLOCKKEEPER_TESTS=OFF \
 && cmake --build /build --parallel "$(nproc)" --target lockkeeper lockkeeper_grpc lockctl stormlock lockcli lockagt \
      check in out lockkeeper_store_postgresql lockkeeper_store_redis lockkeeper_store_dynamodb lockkeeper_store_etcd \
      lockkeeper_stormlock_postgresql lockkeeper_stormlock_redis lockkeeper_stormlock_dynamodb \
      lockkeeper_stormlock_mysql lockkeeper_stormlock_lockkeeper lockkeeper_stormlock_etcd

# --- roots: what goes into each image ---------------------------------------------------------------
# `programs` changes with every build, `system` only with Debian: as layers of their own, a new
# version of the programs is all that has to be pulled.
FROM builder AS roots

# Each image's programs, without their symbols. The modules for stores are in the server's image, loaded when --store
# asks for one: 1.7 MB, and 0.4 MB for the libraries that only they need; likewise stormlock's for its backends, with
# 1.5 MB and 0.5 MB. etcd's need gRPC, so they are where that is.
RUN mkdir -p /roots/resource/programs/opt/resource /roots/server/programs/usr/bin \
             /roots/server/programs/usr/lib/lockkeeper /roots/server-grpc/programs/usr/lib/lockkeeper \
 && strip -o /roots/resource/programs/opt/resource/check /build/bin/check \
 && strip -o /roots/resource/programs/opt/resource/in /build/bin/in \
 && strip -o /roots/resource/programs/opt/resource/out /build/bin/out \
 && for program in lockkeeper lockctl stormlock lockcli lockagt; do \
        strip -o /roots/server/programs/usr/bin/$program /build/bin/$program; \
    done \
 && for module in store-postgresql store-redis store-dynamodb \
        stormlock-postgresql stormlock-redis stormlock-dynamodb stormlock-mysql stormlock-lockkeeper; do \
        strip -o /roots/server/programs/usr/lib/lockkeeper/lockkeeper-$module.so /build/bin/lockkeeper-$module.so; \
    done \
 && for module in grpc store-etcd stormlock-etcd; do \
        strip -o /roots/server-grpc/programs/usr/lib/lockkeeper/lockkeeper-$module.so /build/bin/lockkeeper-$module.so; \
    done

# Each image's system: every library that ldd names, the loader among them, and a cache of them, which
# saves a starting program its search. What ldd does not know of: libmariadb loads by name how MySQL's
# users log in, and lockctl reads from C.UTF-8 how wide a letter is. Names are resolved by glibc itself
# (`files` and `dns` are built in since 2.34), which asks nsswitch.conf. Concourse mounts its worker's
# certificates on /etc/ssl/certs and wants /etc to be there. OpenSSL, where nobody tells it of a file, looks for cert.pem.
RUN set -eu; \
    for image in resource server server-grpc; do \
        system=/roots/$image/system; \
        mkdir -p $system/etc/ssl/certs $system/usr/lib/ssl; \
        mkdir -m 1777 $system/tmp; \
        of=/roots/$image/programs; [ $image != server-grpc ] || of="$of /roots/server/programs"; \
        find $of -type f -exec ldd {} + > /tmp/ldd; \
        if grep 'not found' /tmp/ldd; then exit 1; fi; \
        awk '$2 == "=>" { print $3 } $1 ~ "^/" && $2 ~ /^\(/ { print $1 }' /tmp/ldd | sort -u > /tmp/libraries; \
        sed 's|/[^/]*$||' /tmp/libraries | sort -u > /tmp/folders; \
        xargs cp -L --parents -t $system < /tmp/libraries; \
        cp /etc/ssl/certs/ca-certificates.crt $system/etc/ssl/certs/; \
        ln -s /etc/ssl/certs $system/usr/lib/ssl/certs; \
        ln -s /etc/ssl/certs/ca-certificates.crt $system/usr/lib/ssl/cert.pem; \
        echo 'hosts: files dns' > $system/etc/nsswitch.conf; \
        printf 'root:x:0:0:root:/:/nonexistent\nlockkeeper:x:65532:65532:lockkeeper:/var/lib/lockkeeper:/nonexistent\n' > $system/etc/passwd; \
        printf 'root:x:0:\nlockkeeper:x:65532:\n' > $system/etc/group; \
        cp /tmp/folders $system/etc/ld.so.conf; \
        ldconfig -X -r $system; \
        rm -rf $system/etc/ld.so.conf $system/var; \
    done; \
    mkdir -p /roots/server/state; \
    for plugin in caching_sha2_password sha256_password client_ed25519; do \
        cp --parents -t /roots/server/system /usr/lib/*/libmariadb3/plugin/$plugin.so; \
    done; \
    cp --parents -t /roots/server/system /usr/lib/locale/C.utf8/LC_CTYPE
# server-grpc is a layer on the server's image: what is in that is not once more in this. gRPC and what it needs are
# 11 MB, three quarters of the server.
RUN set -eu; \
    cd /roots/server-grpc/system; \
    find . ! -type d -exec sh -c 'for file; do cmp -s "$file" "/roots/server/system/$file" && rm "$file"; done; true' sh {} +; \
    rm -f usr/lib/ssl/certs usr/lib/ssl/cert.pem

# --- server -----------------------------------------------------------------------------------------
FROM scratch AS server
LABEL org.opencontainers.image.title=lockkeeper
COPY --from=roots /roots/server/system /
COPY --from=roots --chown=65532:65532 /roots/server/state /var/lib/lockkeeper
COPY --from=roots /roots/server/programs /

# A number and not the name, so that an orchestrator can tell that it isn't root.
USER 65532:65532
WORKDIR /var/lib/lockkeeper
VOLUME /var/lib/lockkeeper
ENV LOCKER_CONFIG=/var/lib/lockkeeper/locks.db
EXPOSE 3000

# As everywhere, the server leaves its own loopback, here the container's, only when it is protected
# or told to. So one of these makes it reachable:
#
#   docker run -p 3000:3000 -v locks:/var/lib/lockkeeper -e AUTH_USER=ci -e AUTH_PASS lockkeeper
#   docker run -p 3000:3000 -v locks:/var/lib/lockkeeper lockkeeper --listen 0.0.0.0:3000
#
# Over a store that servers share, LOCKER_CONFIG is emptied (docs/stores.md):
#
#   docker run -p 3000:3000 -e LOCKER_CONFIG= -e AUTH_USER=ci -e AUTH_PASS -e LOCKKEEPER_STORE lockkeeper
#
# The tools are in it too:
#
#   docker run --rm --entrypoint /usr/bin/lockctl -e LOCKCTL_SERVER -e LOCKCTL_USER -e LOCKCTL_PASSWORD lockkeeper list
ENTRYPOINT ["/usr/bin/lockkeeper"]

# --- server-grpc ------------------------------------------------------------------------------------
FROM server AS server-grpc
LABEL org.opencontainers.image.title=lockkeeper-grpc
COPY --from=roots /roots/server-grpc/system /
COPY --from=roots /roots/server-grpc/programs /
EXPOSE 2080

# --- resource (last, so the default) ----------------------------------------------------------------
# No USER: Concourse starts a base type's programs as root whatever the image says, and `in` writes
# into a folder that Concourse made for root; a USER would take effect in a registry-image type only,
# and there break `in`. No ENV for the same reason: it would be there in one way of use and not in
# the other.
FROM scratch AS resource
LABEL org.opencontainers.image.title=lockkeeper-resource
COPY --from=roots /roots/resource/system /
COPY --from=roots /roots/resource/programs /
