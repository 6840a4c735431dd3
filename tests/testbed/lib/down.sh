# shellcheck shell=bash
# Taking a project away, whatever state it is in, and nothing else.

cmd_down() {
    local dir='' name='' namespace=''
    while (($#)); do
        case $1 in
        --project)
            name=$2
            shift
            ;;
        --namespace)
            namespace=$2
            shift
            ;;
        -*) die "down: unknown option $1" ;;
        *) dir=$1 ;;
        esac
        shift
    done
    if [[ -n $dir ]]; then
        name=$(sed -n 's/^name: *//p' "$dir/docker-compose.yml")
        [[ -n $name ]] || die "the compose file in $dir has no name; use --project"
        (
            cd "$dir"
            docker compose down --volumes --remove-orphans --timeout 0
        ) </dev/null >/dev/null 2>&1 || say "compose could not take $name down; going by labels"
    fi
    [[ -n $name ]] || die 'down: a folder or --project NAME'
    remove_by_label "$name"
    remove_network "$name"
    [[ -z $namespace ]] || remove_tags "$namespace"
}

remove_by_label() {
    local filter="label=com.docker.compose.project=$1" ids
    mapfile -t ids < <(docker ps -aq --filter "$filter")
    ((${#ids[@]} == 0)) || docker rm --force --volumes "${ids[@]}" >/dev/null
    mapfile -t ids < <(docker volume ls -q --filter "$filter")
    ((${#ids[@]} == 0)) || docker volume rm --force "${ids[@]}" >/dev/null
    mapfile -t ids < <(docker network ls -q --filter "$filter")
    ((${#ids[@]} == 0)) || docker network rm "${ids[@]}" >/dev/null
}

remove_network() {
    local network=${1}_proxy_tier
    ! docker network inspect "$network" >/dev/null 2>&1 || docker network rm "$network" >/dev/null
}

remove_tags() {
    local tags
    # An image whose tag has moved on is known by its digest alone.
    mapfile -t tags < <(docker images --digests --format '{{.Repository}} {{.Tag}} {{.Digest}}' |
        awk -v ns="/$1/" 'index($1, ns) { print $1 ($2 == "<none>" ? "@" $3 : ":" $2) }')
    ((${#tags[@]} == 0)) || docker rmi --no-prune "${tags[@]}" >/dev/null
}
