# Sourced by scripts/test and scripts/demo from the root of the repository: the environment in .venv.

seconds_since() {  # EPOCHREALTIME: seconds with a fraction
    awk -v from="${1/,/.}" -v to="${EPOCHREALTIME/,/.}" 'BEGIN { printf "%.2f", to - from }'
}

find_python() {  # prints a Python that is new enough
    local python
    for python in "${PYTHON:-python3}" python3 python3.14 python3.13 python3.12 python3.11; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$python"
            return 0
        fi
    done
    echo "edged needs Python 3.11 or newer, and python3 here is $(python3 -V 2>&1 || echo missing). Set PYTHON=/path/to/python3.11." >&2
    return 1
}

make_venv() {
    local python
    python=$(find_python) || return 1
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        if [[ $(id -u) -eq 0 ]] && command -v apt-get >/dev/null; then
            apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends python3-venv
        else
            echo "$python cannot make environments. Install that with: sudo apt-get install python3-venv" >&2
            return 1
        fi
    fi
    "$python" -m venv .venv
}

ensure_venv() {  # EXTRA: .venv with edged[EXTRA] in it; nothing to do when pyproject.toml has not changed since
    local extra=$1 stamp wanted
    stamp=.venv/.edged-$extra
    wanted=$(cksum <pyproject.toml)
    if [[ -x .venv/bin/pip && "$(cat "$stamp" 2>/dev/null)" == "$wanted" ]]; then
        return 0
    fi
    [[ -x .venv/bin/pip ]] || make_venv || return 1
    echo "Installing edged[$extra] into .venv"
    rm -f "$stamp"
    .venv/bin/python -m pip install -qq --disable-pip-version-check -e ".[$extra]" || return 1
    echo "$wanted" >"$stamp"
}
