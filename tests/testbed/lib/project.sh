# shellcheck shell=bash
# An operator's project folder: compose file, env files, the external network.

VARIANTS=(started flow none worker-pinned env-tag migration-memory restart-on-failure restart-always)

cmd_project() {
    local dir=${1:-} name='' registry='' namespace='' tag=latest worker_tag='' variants=' ' settings=()
    [[ -n $dir && $dir != -* ]] || die 'project: the folder comes first'
    shift
    while (($#)); do
        (($# >= 2)) || die "project: $1 needs a value"
        case $1 in
        --name) name=$2 ;;
        --registry) registry=$2 ;;
        --namespace) namespace=$2 ;;
        --tag) tag=$2 ;;
        --worker-tag) worker_tag=$2 ;;
        --variant)
            [[ " ${VARIANTS[*]} " == *" $2 "* ]] || die "no variant $2; there are: ${VARIANTS[*]}"
            variants+="$2 "
            ;;
        --set)
            [[ $2 == [A-Za-z_]*=* ]] || die "project: --set KEY=VALUE, not $2"
            settings+=("$2")
            ;;
        *) die "project: unknown option $1" ;;
        esac
        shift 2
    done
    [[ -n $name && -n $registry && -n $namespace ]] || die 'project: --name, --registry and --namespace are needed'
    [[ $variants != *' worker-pinned '* || -n $worker_tag ]] || die 'project: worker-pinned needs --worker-tag'

    mkdir -p "$dir"
    write_compose_file "$dir" "$name" "$(<"$registry/address")/$namespace" "$tag" "$worker_tag" "$variants"
    write_env_files "$dir"
    set_backend "$dir/env_backend.env" "${settings[@]}"
    docker network inspect "${name}_proxy_tier" >/dev/null 2>&1 ||
        docker network create "${name}_proxy_tier" >/dev/null
}

write_compose_file() {
    local dir=$1 name=$2 images=$3 tag=$4 worker_tag=$5 variants=$6 text
    text=$(<"$HERE/project/docker-compose.yml")
    if [[ $variants == *' env-tag '* ]]; then
        printf '# The one place to change for an upgrade\nENEO_VERSION=%s\n' "$tag" >"$dir/.env"
        # shellcheck disable=SC2016  # Compose expands it
        tag='${ENEO_VERSION}'
    fi
    text=${text//@NAME@/$name}
    text=${text//@IMAGES@/$images}
    text=${text//@TAG@/$tag}
    text=${text//@WORKER_TAG@/${worker_tag:-$tag}}
    text=${text//@BACKEND_DEPENDS_ON@/$(backend_depends_on "$variants")}
    text=${text//@DB_INIT_OPTIONS@/$(db_init_options "$variants")}
    if [[ $variants == *' none '* ]]; then
        text=${text//@WORKER_DEPENDS_ON@$'\n'/}
    else
        text=${text//@WORKER_DEPENDS_ON@/    depends_on: [backend]}
    fi
    printf '%s\n' "$text" >"$dir/docker-compose.yml"
}

backend_depends_on() {
    if [[ $1 == *' flow '* ]]; then
        echo '    depends_on: [db, redis]   # order of start'
        return
    fi
    cat <<'YAML'
    depends_on:
      db:
        condition: service_healthy
      redis:
        condition: service_healthy
YAML
    [[ $1 == *' started '* ]] || printf '      db-init:\n        condition: service_completed_successfully   # migrations first\n'
}

db_init_options() {
    case $1 in
    *' restart-on-failure '*) echo '    restart: on-failure' ;;
    *' restart-always '*) echo '    restart: always' ;;
    *) echo '    restart: "no"' ;;
    esac
    [[ $1 != *' migration-memory '* ]] || printf '    mem_limit: 128m\n    memswap_limit: 128m\n'
}

# The last line of each file lacks its newline, as files do that people edited.
write_env_files() {
    local dir=$1 file text postgres jwt fernet
    postgres=$(random_hex 16)
    jwt=$(random_hex 24)
    fernet=$(head -c 32 /dev/urandom | base64 -w0 | tr '+/' '-_')
    for file in env_backend.env env_db.env env_frontend.env; do
        text=$(<"$HERE/project/$file")
        text=${text//@POSTGRES_PASSWORD@/$postgres}
        text=${text//@JWT_SECRET@/$jwt}
        text=${text//@ENCRYPTION_KEY@/$fernet}
        (umask 077 && printf '%s' "$text" >"$dir/$file")
    done
}

# Replaces a variable where it stands, comment and all, or adds it before the last line.
set_backend() {
    local file=$1 setting lines
    shift
    for setting in "$@"; do
        lines=$(awk -v key="${setting%%=*}" -v setting="$setting" '
            index($0, key "=") == 1 { $0 = setting; done = 1 }
            NR > 1 { print held }
            { held = $0 }
            END { if (!done) print setting; printf "%s", held }' "$file")
        (umask 077 && printf '%s' "$lines" >"$file")
    done
}
