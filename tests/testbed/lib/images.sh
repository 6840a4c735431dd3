# shellcheck shell=bash
# Images, each tagged with the hash of what it is made of: a tag that exists is never built again.
#
# Debian packages -> root file system (one layer, shared) -> Dockerfile on top. What the builds
# produce is pushed once into a registry storage in the cache; every registry of a test starts
# from a copy of that, so that publishing there moves names, not bytes.

SUITE=trixie

# Packages of the root file systems; `edge` serves traefik and the frontend.
packages_of() {
    case $1 in
    postgres) echo postgresql-17 postgresql-17-pgvector locales ;;
    edge) echo nginx-light redis-server ;;
    python) echo python3 alembic python3-sqlalchemy python3-psycopg python3-cryptography \
        python3-jwt python3-starlette python3-uvicorn gunicorn ;;
    esac
}

# The images: NAME, what it is built on, folder, release.
image_table() {
    echo postgres postgres images/postgres -
    echo redis edge images/redis -
    echo traefik edge images/traefik -
    local release
    for release in "${RELEASES[@]}"; do
        echo "eneo-frontend-$release" edge images/frontend "$release"
        case $release in
        *-heads) echo "eneo-backend-$release" eneo-backend-v1.7.0 images/heads "$release" ;;
        *) echo "eneo-backend-$release" python eneo "$release" ;;
        esac
    done
}

cmd_images() {
    with_lock images
}

images() {
    local name base folder release table storage
    table=$(image_table)
    storage=$(storage)
    # The list says that all was built; Docker may have been pruned since.
    if [[ -e $storage/list ]] && all_present <"$storage/list"; then return 0; fi

    tools
    fetch_wheels
    while read -r name base folder release; do
        [[ $base == eneo-backend-* ]] || rootfs "$base"
        build "$name" "$base" "$folder" "$release"
    done <<<"$table"
    [[ -e $storage/list ]] || fill_storage "$storage"
    find "$CACHE" -maxdepth 1 -name 'storage-*' -mtime +30 -exec rm -rf {} +
}

all_present() {
    local wanted
    mapfile -t wanted
    docker image inspect --format . "${wanted[@]}" >/dev/null 2>&1
}

# Where a registry's storage with all images lies ready, and the list of their local names.
storage() { echo "$CACHE/storage-$(hash_of "$HERE/images" "$HERE/eneo" "$HERE/lib/images.sh" -- "$SUITE")"; }

rootfs_ref() { echo "$IMAGE_PREFIX/rootfs-$1:$(hash_of -- "$SUITE" "$(packages_of "$1")" "$(declare -f make_rootfs)")"; }

# A root file system or, for a release of one layer more, the backend of another.
base_ref() {
    case $1 in
    eneo-backend-*) image_ref "$1" python eneo "${1#eneo-backend-}" ;;
    *) rootfs_ref "$1" ;;
    esac
}

image_ref() { echo "$IMAGE_PREFIX/$1:$(hash_of "$HERE/$3" -- "$(base_ref "$2")" "$4")"; }

image_exists() { docker image inspect --format . "$1" >/dev/null 2>&1; }

rootfs() {
    local ref
    ref=$(rootfs_ref "$1")
    image_exists "$ref" || {
        say "building the root file system $1 from Debian packages"
        make_rootfs "$1" | docker import - "$ref" >/dev/null
    }
}

# Without apt, manuals and, for PostgreSQL, the 130 MB compiler behind its JIT, which it does without.
make_rootfs() {
    local packages
    packages=$(packages_of "$1")
    # shellcheck disable=SC2016  # $1 is mmdebstrap's, expanded in its own shell
    mmdebstrap --quiet --variant=essential --include="${packages// /,}" \
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/info/*' \
        --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
        --customize-hook='! test -e "$1/usr/share/i18n/locales/en_US" || chroot "$1" localedef -i en_US -f UTF-8 en_US.UTF-8' \
        --customize-hook='rm -rf "$1"/usr/share/i18n "$1"/usr/lib/*/libLLVM* "$1"/usr/lib/*/libz3* "$1"/usr/lib/postgresql/*/lib/bitcode "$1"/usr/lib/postgresql/*/lib/llvmjit*' \
        --customize-hook='rm -rf "$1"/var/lib/apt/lists "$1"/var/cache/* "$1"/var/lib/postgresql/*/main "$1"/etc/postgresql/*/main' \
        "$SUITE" - "$(debian_mirror)"
}

# ARQ is not in Debian; it and the redis client that it asks for come from the machine's pip.
fetch_wheels() {
    [[ ! -e $CACHE/wheels/complete ]] || return 0
    say 'fetching the wheels of arq and redis'
    python3 -m pip --quiet download --no-deps --only-binary :all: --dest "$CACHE/wheels" \
        'arq==0.28.*' 'redis>=5,<6' >&2
    touch "$CACHE/wheels/complete"
}

# The folder is the context; a backend's also gets the wheels.
build() {
    local name=$1 base=$2 folder=$3 release=$4 ref context
    ref=$(image_ref "$name" "$base" "$folder" "$release")
    image_exists "$ref" || {
        say "building $name"
        context=$(mktemp -d "$CACHE/context.XXXXXX")
        cp -a "$HERE/$folder/." "$context"
        [[ $base != python ]] || cp -a "$CACHE/wheels" "$context/wheels"
        DOCKER_BUILDKIT=0 docker build --quiet --network none --build-arg ROOTFS="$(base_ref "$base")" \
            --build-arg RELEASE="$release" --tag "$ref" "$context" >/dev/null 2>"$context.log" || {
            cat "$context.log" >&2
            die "building $name failed"
        }
        rm -rf "$context" "$context.log"
    }
}

# What is pushed where when the cache's storage is filled: `testbed/IMAGE:RELEASE`.
stored_as() {
    case $1 in
    eneo-*-v*) echo "testbed/${1%-v*}:v${1##*-v}" ;;
    *) echo "testbed/$1:latest" ;;
    esac
}

fill_storage() {
    local dir name base folder release local_ref remote host
    dir=$(mktemp -d "$CACHE/registry.XXXXXX")
    say 'pushing the images into the cached registry storage'
    mkdir -p "$dir/storage"
    host=$(registry_start "$dir")
    registry_docker_config "$dir" "$dir/docker"
    while read -r name base folder release; do
        local_ref=$(image_ref "$name" "$base" "$folder" "$release")
        remote=$host/$(stored_as "$name")
        docker tag "$local_ref" "$remote"
        docker --config "$dir/docker" push --quiet "$remote" >/dev/null
        docker rmi --no-prune "$remote" >/dev/null
        echo "$local_ref" >>"$dir/storage/list"
    done < <(image_table)
    registry_stop "$dir"
    mv -T "$dir/storage" "$1"
    rm -rf "$dir"
}
