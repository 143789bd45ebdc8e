# bash completion for zonectl(1)                            -*- shell-script -*-

# The names of zones or images, one a line; nothing where the service does not answer.
_zonectl_names() {
    case $1 in
        zones) zonectl list --all --no-headings --output name 2>/dev/null ;;
        images) zonectl image list --no-headings --output name 2>/dev/null ;;
        jobs) zonectl jobs --no-headings --output id 2>/dev/null ;;
    esac
}

# The keys of a definition that are no list's element.
_zonectl_keys() {
    zonectl help definition 2>/dev/null | sed -n 's/^\([a-z][a-z.-]*\) (.*/\1/p'
}

_zonectl() {
    local cur prev words cword names typed
    _init_completion || return

    local verbs='create set verify install uninstall delete boot ready halt shutdown reboot clear list show stat
        events wait login exec console log image host jobs cancel help'
    local image_verbs='build import list show delete'

    # It stands before the verb, whose words are looked at as if it were not there.
    if [[ ${words[1]} == --no-ask-password ]] && ((cword > 1)); then
        words=("${words[0]}" "${words[@]:2}")
        ((cword--))
    fi

    # What follows "--" is a command of the zone or arguments of its init.
    local i
    for ((i = 1; i < cword; i++)); do
        [[ ${words[i]} == -- ]] && return
    done

    if ((cword == 1)); then
        mapfile -t COMPREPLY < <(compgen -W "$verbs --help --version --no-ask-password" -- "$cur")
        return
    fi

    local verb=${words[1]}
    if [[ $verb == image ]]; then
        if ((cword == 2)); then
            mapfile -t COMPREPLY < <(compgen -W "$image_verbs" -- "$cur")
            return
        fi
        verb="image ${words[2]}"
    elif [[ $verb == host ]]; then
        if ((cword == 2)); then
            mapfile -t COMPREPLY < <(compgen -W 'boot shutdown' -- "$cur")
            return
        fi
        verb="host ${words[2]}"
    fi

    case $prev in
        --image | -i)
            if [[ $verb == create ]]; then
                mapfile -t COMPREPLY < <(compgen -W "$(_zonectl_names images)" -- "$cur")
                return
            fi
            ;;&
        --init | -i)
            if [[ $verb == 'image build' ]]; then
                mapfile -t COMPREPLY < <(compgen -W 'systemd sysvinit openrc none' -- "$cur")
                return
            fi
            ;;
        --file | -f)
            if [[ $verb == create ]]; then
                _filedir
                return
            fi
            ;;
        --resources | -r)
            # a list: what was typed of it stays in front
            typed=''
            [[ $cur == *,* ]] && typed=${cur%,*},
            mapfile -t COMPREPLY < <(compgen -P "$typed" -W 'cpu memory swap processes io net pressure' -- "${cur##*,}")
            return
            ;;
        --output | -o)
            case $verb in
                stat) names='name state up cpu cpu-cap cpu-host memory memory-cap memory-host oom-kills swap processes read write rx tx' ;;
                list) names='name state image addresses note' ;;
                *) return ;;
            esac
            typed=''
            [[ $cur == *,* ]] && typed=${cur%,*},
            mapfile -t COMPREPLY < <(compgen -P "$typed" -W "$names" -- "${cur##*,}")
            return
            ;;
        --unset)
            mapfile -t COMPREPLY < <(compgen -W "$(_zonectl_keys)" -- "$cur")
            return
            ;;
        --suite)
            mapfile -t COMPREPLY < <(compgen -W 'bookworm trixie sid' -- "$cur")
            return
            ;;
        --set | --user | -l | --cwd | --env | --timeout | --escape | --lines | --mirror | --include)
            return
            ;;
    esac

    local options='' operands=''
    case $verb in
        create) options='--image --file --set --boot --wait' ;;
        set)
            options='--runtime --stored --unset'
            if ((cword == 2)); then
                operands=zones
            elif [[ $cur != -* ]]; then
                mapfile -t COMPREPLY < <(compgen -S = -W "$(_zonectl_keys)" -- "$cur")
                compopt -o nospace
                return
            fi
            ;;
        verify) _filedir && return ;;
        install | ready | halt | clear) operands=zones ;;
        uninstall | delete | reboot) options='--force' operands=zones ;;
        boot) options='--dry-run --console --wait' operands=zones ;;
        shutdown) options='--timeout' operands=zones ;;
        list) options='--all --json --no-headings --output' ;;
        show) options='--json --definition' operands=zones ;;
        login) options='--user' operands=zones ;;
        exec) options='--user --cwd --env --tty --' operands=zones ;;
        console) options='--escape' operands=zones ;;
        log) options='--follow --lines --console --service' operands=zones ;;
        'image build') options='--suite --mirror --include --init' ;;
        'image import')
            if ((cword == 4)); then
                _filedir
                return
            fi
            ;;
        'host boot') options='--no-wait' ;;
        'image list') options='--json --no-headings --output' ;;
        'image show') options='--json' operands=images ;;
        'image delete') options='--force' operands=images ;;
        jobs) options='--json --no-headings --output' ;;
        stat) options='--resources --output --json --no-headings --openmetrics --http' operands=zones ;;
        events) options='--json' operands=zones ;;
        wait)
            options='--timeout' operands=zones
            if ((cword > 2)) && [[ $prev != -* && $cur != -* ]]; then
                mapfile -t COMPREPLY < <(compgen -W 'configured incomplete installed unavailable ready running
                    shutting-down down booted gone' -- "$cur")
                return
            fi
            ;;
        cancel) operands='jobs' ;;
        help)
            mapfile -t COMPREPLY < <(compgen -W "$verbs definition" -- "$cur")
            return
            ;;
    esac

    if [[ $cur == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options --help" -- "$cur")
    elif [[ -n $operands ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_zonectl_names "$operands")" -- "$cur")
    fi
}

complete -F _zonectl zonectl
