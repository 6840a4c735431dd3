# shellcheck shell=bash
# Everything the test bed runs that the machine may not have: a few packages, and, unpacked
# into the cache so that nothing is installed and no service starts, a registry server and two
# Compose plugins.

FLOOR=2.26

cmd_tools() {
    with_lock tools
}

tools() {
    install_packages
    unpack_registry
    unpack_compose
    rm -rf "$CACHE/apt"
}

install_packages() {
    local pair missing=()
    for pair in mmdebstrap:mmdebstrap age:age htpasswd:apache2-utils curl:curl jq:jq openssl:openssl \
        flock:util-linux setsid:util-linux; do
        command -v "${pair%%:*}" >/dev/null || missing+=("${pair#*:}")
    done
    # Only looked at when something is to be downloaded: starting pip takes a second.
    [[ -n $(compgen -G "$CACHE/wheels/arq-*.whl") ]] ||
        python3 -m pip --version >/dev/null 2>&1 || missing+=(python3-pip)
    ((${#missing[@]})) || return 0
    say "installing ${missing[*]}"
    apt-get -qq update >&2
    DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends \
        install "${missing[@]}" >/dev/null
}

# apt with sources and state of its own: the machine's mirror, but other suites than the machine's.
# A mirror that stands still for a while is as good; signatures are checked all the same.
private_apt() {
    local root=$CACHE/apt command=$1
    shift
    "$command" -o Dir::Etc::sourcelist="$root/sources.list" -o Dir::Etc::sourceparts=/dev/null \
        -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
        -o Dir::State="$root/state" -o Dir::State::status="$root/status" -o Dir::Cache="$root/cache" \
        -o APT::Sandbox::User=root -o Acquire::Languages=none -o Acquire::Check-Valid-Until=false "$@"
}

private_apt_update() {
    local root=$CACHE/apt mirror suite
    [[ -z ${lists_read:-} ]] || return 0
    rm -rf "$root"
    mkdir -p "$root/state/lists/partial" "$root/cache/archives/partial"
    mirror=$(debian_mirror)
    for suite in trixie forky sid; do
        printf 'deb %s %s main\n' "$mirror" "$suite"
    done >"$root/sources.list"
    : >"$root/status"
    say "reading the package lists of trixie, forky and sid"
    private_apt apt-get -qq update >&2
    lists_read=1
}

# unpack PACKAGE VERSION PATH TARGET: one file out of a package, placed whole or not at all.
unpack() {
    local work
    work=$(mktemp -d "$CACHE/unpack.XXXXXX")
    say "fetching $1 $2"
    (cd "$work" && private_apt apt-get -qq download "$1=$2")
    dpkg-deb -x "$work"/*.deb "$work/root"
    mkdir -p "$(dirname "$4")"
    mv "$work/root/$3" "$4"
    rm -rf "$work"
}

# All versions of a package that the private lists carry, newest first.
versions_of() {
    private_apt apt-cache madison "$1" | awk '{ print $3 }' | sort -Vru
}

unpack_registry() {
    [[ ! -x $CACHE/bin/docker-registry ]] || return 0
    private_apt_update
    unpack docker-registry "$(versions_of docker-registry | head -n 1)" \
        usr/bin/docker-registry "$CACHE/bin/docker-registry"
}

unpack_compose() {
    [[ ! -e $CACHE/compose/complete ]] || return 0
    private_apt_update
    local versions floor newest version plain
    versions=$(versions_of docker-compose)
    floor=$(grep "^$FLOOR\." <<<"$versions" | head -n 1) || die "no docker-compose $FLOOR.x found"
    newest=$(head -n 1 <<<"$versions")
    for version in "$floor" "$newest"; do
        plain=$(grep -oE '^[0-9]+\.[0-9]+\.[0-9]+' <<<"$version")
        unpack docker-compose "$version" usr/libexec/docker/cli-plugins/docker-compose \
            "$CACHE/compose/$plain/docker-compose"
    done
    touch "$CACHE/compose/complete"
}

# compose_version floor|newest|x.y.z
compose_version() {
    local all
    all=$(find "$CACHE/compose" -mindepth 1 -maxdepth 1 -type d -printf '%f\n' | sort -V)
    case $1 in
    floor) head -n 1 <<<"$all" ;;
    newest) tail -n 1 <<<"$all" ;;
    *) grep -Fx -- "$1" <<<"$all" || die "no Compose $1 here; there are: ${all//$'\n'/ }" ;;
    esac
}
