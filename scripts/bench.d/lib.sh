# shellcheck shell=bash
# What measurements on real stacks share: a registry, projects of the test bed, and taking them away.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"

WORK=$(mktemp -d "${TMPDIR:-/tmp}/eneo-upgrade-bench.XXXXXX")
PREFIX=bench$(random_id)
REGISTRY=${ENEO_TESTBED_REGISTRY:-$WORK/registry}

tear_down() {
    local code=$? journal run
    trap - EXIT
    trap '' INT TERM HUP
    for journal in "$WORK"/stack*/.eneo-upgrade; do
        for run in $(runs_in "$journal"); do remove_tags "eneo-upgrade/$run/"; done
    done
    remove_left "$PREFIX" "$WORK"
    rm -rf "$WORK"
    exit "$code"
}
trap tear_down EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# bench_begin COMPOSE: builds what is missing.
bench_begin() {
    need_docker
    if [[ -z ${ENEO_UPGRADE:-} ]]; then
        need_rust
        (cd "$REPO" && cargo build --quiet --release --locked)
        ENEO_UPGRADE=$(target_folder)/release/eneo-upgrade
    fi
    ENEO_UPGRADE=$(realpath "$ENEO_UPGRADE")
    [[ -n ${ENEO_TESTBED_REGISTRY:-} ]] || "$TESTBED" registry start "$REGISTRY" >/dev/null
    # shellcheck disable=SC2034  # printed by those who source this
    COMPOSE_VERSION=$("$TESTBED" docker-config "$WORK/docker" --compose "$1" --registry "$REGISTRY")
    export DOCKER_CONFIG=$WORK/docker
}

# quietly WHAT COMMAND...
quietly() {
    local what=$1
    shift
    "$@" >"$WORK/said" 2>&1 || die "$what failed" "$(tail -n 5 "$WORK/said")"
}

# stack_up NUMBER OPTION...: a project at the old release, with data; its folder is the current one
# then, NAME its name.
stack_up() {
    local number=$1
    shift
    NAME=$PREFIX$number
    quietly 'making the stack' "$TESTBED" publish-infra "$REGISTRY" "$NAME"
    quietly 'publishing' "$TESTBED" publish "$REGISTRY" "$NAME" v1.6.3 latest
    quietly 'making the stack' "$TESTBED" project "$WORK/stack$number" --name "$NAME" \
        --registry "$REGISTRY" --namespace "$NAME" "$@"
    cd "$WORK/stack$number" || exit
    quietly 'docker compose up' docker compose up -d
}

# seed ROWS: rows of each large table per tenant, two tenants.
seed() { quietly 'seeding' docker compose exec -T backend python3 seed.py --tenants 2 --rows "$1"; }

publish_new() { quietly 'publishing' "$TESTBED" publish "$REGISTRY" "$NAME" v1.7.0 latest; }

stack_down() {
    cd "$WORK" || exit
    quietly 'taking the stack away' "$TESTBED" down --project "$NAME" --namespace "$NAME"
}

# What was written before is on disk, and the machine has its memory: some virtual machines are
# handed theirs when it is first touched, slower than any disk.
settle() {
    sync
    quietly 'touching the free memory' python3 - <<'PYTHON'
import mmap

facts = dict(line.split(":") for line in open("/proc/meminfo"))
size = int(facts["MemAvailable"].split()[0]) * 1024 * 3 // 4
memory = mmap.mmap(-1, size)
for at in range(0, size, mmap.PAGESIZE):
    memory[at] = 1
PYTHON
}
