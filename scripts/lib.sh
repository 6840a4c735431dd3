# shellcheck shell=bash
# What the scripts share: where things are, how they speak, what they need from the machine,
# and taking away what was left.

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
# shellcheck disable=SC2034  # used by those who source this
TESTBED=$REPO/tests/testbed/testbed

if [[ -t 1 && -z ${NO_COLOR:-} && ${TERM:-dumb} != dumb ]]; then
    BOLD=$'\e[1m' RED=$'\e[31m' GREEN=$'\e[32m' PLAIN=$'\e[0m'
else
    BOLD='' RED='' GREEN='' PLAIN=''
fi

heading() { printf '\n%s== %s%s\n' "$BOLD" "$*" "$PLAIN"; }
say() { printf '%s\n' "$*"; }
good() { printf '%sok%s    %s\n' "$GREEN" "$PLAIN" "$*"; }
bad() { printf '%sFAIL%s  %s\n' "$RED" "$PLAIN" "$*"; }
die() {
    printf '%s%s: %s%s\n' "$RED" "${0##*/}" "$1" "$PLAIN" >&2
    shift
    (($# == 0)) || printf '  %s\n' "$@" >&2
    exit 1
}

# ---- what the machine must have ---------------------------------------------

# install_packages WHAT PACKAGE...: by apt as root, else say what to type.
install_packages() {
    local what=$1
    shift
    if [[ $(id -u) != 0 ]] || ! command -v apt-get >/dev/null; then
        die "$what is missing" "install it (on Debian: apt-get install $*) and start again"
    fi
    say "installing $what ($*)" >&2
    {
        [[ -n ${apt_updated:-} ]] || apt-get -qq update
        apt_updated=1
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 --no-install-recommends install "$@"
    } </dev/null >/dev/null || die "installing $* failed" 'install it by hand and start again'
}

need_rust() {
    local wanted found
    wanted=$(sed -n 's/^rust-version *= *"\(.*\)"/\1/p' "$REPO/Cargo.toml")
    command -v cargo >/dev/null || PATH=$PATH:$HOME/.cargo/bin
    if ! command -v cargo >/dev/null || ! command -v rustc >/dev/null; then
        die "Rust is missing (version $wanted or newer is needed)" \
            'install it with rustup: https://rustup.rs, then start again'
    fi
    found=$(rustc --version | awk '{ print $2 }')
    [[ $(printf '%s\n' "$wanted" "${found%%-*}" | sort -V | head -n 1) == "$wanted" ]] ||
        die "Rust $found is too old (version $wanted or newer is needed)" 'rustup update stable'
    command -v cc >/dev/null || install_packages 'a C compiler' gcc libc6-dev
}

need_docker() {
    local packages=(docker.io) _
    if ! command -v docker >/dev/null; then
        # Newer Debian has the command in a package of its own.
        ! apt-cache show docker-cli >/dev/null 2>&1 || packages+=(docker-cli)
        install_packages 'Docker' "${packages[@]}"
    fi
    ! engine_answers || return 0
    if [[ $(id -u) == 0 ]]; then
        say 'starting the Docker engine' >&2
        if [[ -d /run/systemd/system ]]; then
            systemctl start docker </dev/null >/dev/null 2>&1 || true
        elif command -v service >/dev/null; then
            service docker start </dev/null >/dev/null 2>&1 || true
        fi
        for _ in {1..20}; do
            ! engine_answers || return 0
            sleep 1
        done
    fi
    die 'the Docker engine does not answer' "$(docker info 2>&1 >/dev/null | tail -n 1)" \
        'start it (systemctl start docker, or dockerd in another terminal), check that you may use it,' \
        'and start again'
}

engine_answers() { docker info --format . >/dev/null 2>&1; }

target_folder() {
    (cd "$REPO" && cargo metadata --no-deps --format-version 1) |
        sed -n 's/.*"target_directory":"\([^"]*\)".*/\1/p'
}

# ---- small words ------------------------------------------------------------

random_id() { od -An -N3 -tx1 /dev/urandom | tr -d ' \n'; }

duration() { printf '%d:%02d' $(($1 / 60)) $(($1 % 60)); }

# ---- taking away what was left ----------------------------------------------

# left_of PREFIX FOLDER: what projects whose names begin with PREFIX, and registries in FOLDER,
# have left, a line each: "container ID NAME", "network NAME", "volume NAME", "process PID ...".
left_of() {
    local process
    docker ps -a --format '{{.ID}} {{.Names}} {{.Label "com.docker.compose.project"}} {{.Label "eneo-upgrade.reading"}}' |
        awk -v p="$1" '{ for (i = 2; i <= NF; i++) if (index($i, p) == 1) { print "container", $1, $2; next } }'
    docker network ls --format '{{.Name}}' | awk -v p="$1" 'index($0, p) == 1 { print "network", $0 }'
    docker volume ls --format '{{.Name}}' | awk -v p="$1" 'index($0, p) == 1 { print "volume", $0 }'
    for process in $(registries_in "$2"); do
        echo "process $process docker-registry"
    done
    awk -v folder="$2/" 'index($2, folder) == 1 { print "mount", $2 }' /proc/mounts
}

# The registries that serve from a folder.
registries_in() {
    local line pid
    for pid in /proc/[0-9]*; do
        line=$(tr '\0' ' ' 2>/dev/null <"$pid/cmdline") || continue
        [[ $line != *docker-registry*" $1/"* ]] || echo "${pid#/proc/}"
    done
}

# remove_left PREFIX FOLDER: takes all of that away, and the tags and locks that belong to it.
remove_left() {
    local kind name rest
    left_of "$1" "$2" | while read -r kind name rest; do
        case $kind in
        container) docker rm --force --volumes "$name" ;;
        process) kill -TERM "$name" ;;
        mount) umount "$name" ;;
        esac
    done >/dev/null 2>&1 || true
    left_of "$1" "$2" | while read -r kind name rest; do
        case $kind in
        network) docker network rm "$name" ;;
        volume) docker volume rm --force "$name" ;;
        esac
    done >/dev/null 2>&1 || true
    remove_tags "/$1"
    remove_locks "$2"
}

# Tags that contain a text: `/NAMESPACE`, or `eneo-upgrade/RUN/`.
remove_tags() {
    local tags
    mapfile -t tags < <(docker images --digests --format '{{.Repository}} {{.Tag}} {{.Digest}}' |
        awk -v text="$1" 'index($1, text) { print $1 ($2 == "<none>" ? "@" $3 : ":" $2) }')
    ((${#tags[@]} == 0)) || docker rmi --no-prune "${tags[@]}" >/dev/null 2>&1 || true
}

# The runs whose tags a state folder's journal names.
runs_in() {
    grep -aohE 'eneo-upgrade/[0-9a-z]{10}/' "$1"/journal.db* 2>/dev/null | cut -d/ -f2 | sort -u
}

# The machine's locks of projects whose state was in a folder.
remove_locks() {
    local lock
    for lock in /var/lib/eneo-upgrade/*.lock /run/lock/eneo-upgrade/*.lock; do
        [[ ! -f $lock || $(<"$lock") != "$1"/* ]] || rm -f "$lock"
    done
}
