# shellcheck shell=bash
# A real registry on loopback with a password, and publishing releases in it.
#
# DIR/ holds address, pid, password (0600), htpasswd, config.yml, log and storage/.

REGISTRY_USER=testbed

cmd_registry() {
    (($# == 2)) || die 'usage: testbed registry start|stop DIR'
    case $1 in
    start)
        cmd_images
        registry_start "$2"
        ;;
    stop) registry_stop "$2" ;;
    *) die "registry: start or stop, not $1" ;;
    esac
}

registry_start() {
    local dir address attempt
    mkdir -p "$1"
    dir=$(cd "$1" && pwd)
    if registry_pid "$dir" >/dev/null && registry_answers "$dir"; then
        cat "$dir/address"
        return 0
    fi
    [[ -e $dir/storage ]] || copy_storage "$dir"
    if [[ ! -e $dir/htpasswd ]]; then
        (
            umask 077
            random_hex 16 >"$dir/password"
            htpasswd -niB -C 4 "$REGISTRY_USER" <"$dir/password" >"$dir/htpasswd"
        )
    fi
    # A restarted registry keeps its address: images already carry it in their names.
    for attempt in 1 2 3 4 5; do
        if [[ $attempt != 1 || ! -s $dir/address ]]; then
            echo "127.0.0.1:$(free_port)" >"$dir/address"
        fi
        address=$(<"$dir/address")
        registry_spawn "$dir" "$address"
        if registry_answers "$dir"; then
            echo "$address"
            return 0
        fi
        registry_stop "$dir"
    done
    die "no registry came up; see $dir/log"
}

# Blobs are linked, never written again; the small files that move tags are copied.
copy_storage() {
    local from to=$1/storage/docker/registry/v2
    from=$(storage)/docker/registry/v2
    mkdir -p "$to"
    cp -al "$from/blobs" "$to/blobs" 2>/dev/null || {
        rm -rf "$to/blobs"
        cp -a "$from/blobs" "$to/blobs"
    }
    cp -a "$from/repositories" "$to/repositories"
}

# A port that the system gave out and took back: another may take it first, hence the retries.
free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

registry_spawn() {
    local dir=$1 address=$2
    cat >"$dir/config.yml" <<CONFIG
version: 0.1
log: {level: warn, accesslog: {disabled: true}}
storage:
  filesystem: {rootdirectory: $dir/storage}
  delete: {enabled: true}
http: {addr: "$address"}
auth:
  htpasswd: {realm: testbed, path: $dir/htpasswd}
CONFIG
    # In a session of its own and with none of the caller's files open: it outlives the caller,
    # and nobody who waits for the caller's output or lock waits for it.
    (
        close_inherited
        exec setsid "$CACHE/bin/docker-registry" serve "$dir/config.yml" </dev/null >>"$dir/log" 2>&1
    ) &
    echo "$!" >"$dir/pid"
    disown
}

close_inherited() {
    local fd
    for fd in "/proc/$BASHPID/fd/"*; do
        fd=${fd##*/}
        ((fd <= 2)) || eval "exec $fd>&-"
    done
}

# The pid, if that process is this folder's registry and no other that got its number.
registry_pid() {
    local pid
    pid=$(cat "$1/pid" 2>/dev/null) || return 1
    tr '\0' '\n' 2>/dev/null <"/proc/$pid/cmdline" | grep -qFx "$1/config.yml" || return 1
    echo "$pid"
}

registry_answers() {
    local dir=$1 _
    for _ in {1..100}; do
        [[ $(registry_curl "$dir" "/v2/" -o /dev/null -w '%{http_code}') == 200 ]] && return 0
        kill -0 "$(<"$dir/pid")" 2>/dev/null || return 1
        sleep 0.05
    done
    return 1
}

registry_stop() {
    local dir pid
    dir=$(cd "$1" && pwd)
    pid=$(registry_pid "$dir") || return 0
    kill -TERM "$pid"
    while registry_pid "$dir" >/dev/null; do sleep 0.05; done
    rm -f "$dir/pid"
}

# curl with the password, which goes through a pipe and so is in nobody's process list.
registry_curl() {
    local dir=$1 path=$2
    shift 2
    curl -sS --max-time 30 -K <(printf 'user = "%s:%s"\n' "$REGISTRY_USER" "$(<"$dir/password")") \
        "$@" "http://$(<"$dir/address")$path" 2>>"$dir/curl.log"
}

registry_docker_config() {
    local registry=$1 dir=$2
    mkdir -p "$dir"
    (
        umask 077
        jq -n --arg host "$(<"$registry/address")" \
            --arg auth "$(printf '%s:%s' "$REGISTRY_USER" "$(<"$registry/password")" | base64 -w0)" \
            '{auths: {($host): {auth: $auth}}}' >"$dir/config.json"
    )
}

cmd_docker_config() {
    local dir=${1:?DIR} compose=newest registry='' version
    shift
    while (($#)); do
        case $1 in
        --compose) compose=$2 ;;
        --registry) registry=$2 ;;
        *) die "docker-config: unknown option $1" ;;
        esac
        shift 2
    done
    cmd_tools
    version=$(compose_version "$compose")
    [[ -z $registry ]] || registry_docker_config "$registry" "$dir"
    mkdir -p "$dir/cli-plugins"
    ln -sfn "$CACHE/compose/$version/docker-compose" "$dir/cli-plugins/docker-compose"
    echo "$version"
}

cmd_publish() {
    (($# >= 4)) || die 'usage: testbed publish REGISTRY_DIR NAMESPACE RELEASE TAG...'
    local registry=$1 namespace=$2 release=$3 tag app
    shift 3
    [[ " ${RELEASES[*]} " == *" $release "* ]] || die "no release $release; there are: ${RELEASES[*]}"
    for app in eneo-backend eneo-frontend; do
        for tag in "$@"; do
            publish "$registry" "testbed/$app" "$release" "$namespace/$app" "$tag"
        done
    done
}

cmd_publish_infra() {
    (($# == 2)) || die 'usage: testbed publish-infra REGISTRY_DIR NAMESPACE'
    publish "$1" testbed/postgres latest "$2/pgvector" pg17
    publish "$1" testbed/redis latest "$2/redis" 8
    publish "$1" testbed/traefik latest "$2/traefik" v3
}

# publish REGISTRY FROM TAG TO TAG: what a push does whose layers the registry knows already,
# through the registry's own interface, without a detour through the engine's tags.
publish() {
    local registry=$1 from=$2 release=$3 to=$4 tag=$5 manifest digest answer
    local type=application/vnd.docker.distribution.manifest.v2+json
    manifest=$(mktemp "$registry/manifest.XXXXXX")
    registry_curl "$registry" "/v2/$from/manifests/$release" -f -H "Accept: $type" -o "$manifest" ||
        die "the registry does not have $from:$release"
    for digest in $(jq -r '[.config, .layers[]] | map(.digest) | unique[]' "$manifest"); do
        answer=$(registry_curl "$registry" "/v2/$to/blobs/uploads/?mount=$digest&from=$from" -X POST -o /dev/null -w '%{http_code}')
        [[ $answer == 201 ]] || die "mounting $digest into $to was answered $answer"
    done
    registry_curl "$registry" "/v2/$to/manifests/$tag" -f -X PUT -H "Content-Type: $type" --data-binary "@$manifest" ||
        die "$to:$tag was refused; see $registry/curl.log"
    rm -f "$manifest"
}
