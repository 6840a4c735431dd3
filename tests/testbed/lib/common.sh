# shellcheck shell=bash
# What every subcommand needs: talking, dying, the cache folder, one lock for builds.

CACHE=${ENEO_TESTBED_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/eneo-upgrade-testbed}
# shellcheck disable=SC2034  # used by the other parts
RELEASES=(v1.6.3 v1.7.0 v1.7.1-heads)
# Local images live under a name that no registry has, tagged with the hash of their inputs.
# shellcheck disable=SC2034
IMAGE_PREFIX=eneo-testbed

say() { printf '%s\n' "$*" >&2; }
die() {
    say "testbed: $*"
    exit 1
}

# Two callers must never build at once; the second finds everything made by the first.
# The lock is released when the process ends; children must not inherit it (see `9>&-`).
with_lock() {
    mkdir -p "$CACHE"
    exec 9>"$CACHE/lock"
    flock 9
    "$@"
    exec 9>&-
}

# One hash over the names and bytes of files and folders, and over plain words after `--`.
hash_of() {
    local paths=()
    while (($#)) && [[ $1 != -- ]]; do
        paths+=("$1")
        shift
    done
    {
        ((${#paths[@]} == 0)) ||
            find "${paths[@]}" -type f ! -name '*.pyc' -print0 | LC_ALL=C sort -z |
            while IFS= read -r -d '' file; do
                printf '%s ' "${file#"$HERE"/}"
                sha256sum <"$file"
            done
        printf '%s\n' "$@"
    } | sha256sum | cut -c1-12
}

# The machine's own Debian mirror, whatever file and format names it.
debian_mirror() {
    local codename uri
    codename=$(. /etc/os-release && printf '%s' "$VERSION_CODENAME")
    # shellcheck disable=SC2016  # apt expands these, not the shell
    uri=$(apt-get indextargets --format '$(RELEASE) $(COMPONENT) $(REPO_URI)' 'Identifier: Packages' |
        awk -v want="$codename" '$1 == want && $2 == "main" { print $3; exit }')
    [[ -n $uri ]] || die "apt's configuration names no mirror for $codename main"
    printf '%s\n' "$uri"
}

random_hex() { head -c "$1" /dev/urandom | od -An -tx1 | tr -d ' \n'; }
