# Sourced by the scripts beside this folder: sets root, and brings .venv up to a lock file when it is not.

root=$(CDPATH='' cd -- "$(dirname -- "$(readlink -f -- "$0")")/.." && pwd)
python=$root/.venv/bin/python

# After an upgrade of the system's Python, .venv links to a version that it has no packages for.
fits_its_packages() {
    name=$(basename -- "$(readlink -f -- "$python")")
    case $name in
    python3.*) [ -d "$root/.venv/lib/$name" ] ;;
    *) true ;;
    esac
}

# A failed or interrupted build leaves no copy of the lock in .venv, so the next call starts it again.
ensure_environment() {
    if cmp -s "$root/$1" "$root/.venv/$1" && [ -x "$python" ] && fits_its_packages; then
        return 0
    fi
    for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            "$candidate" "$root/scripts/lib/make_environment.py" "$root" "$1"
            return
        fi
    done
    echo "error: no Python 3.11 or newer was found" >&2
    echo "fix: install one (Debian: apt install python3 python3-venv), or name it: PYTHON=/path/to/python3 $0" >&2
    exit 1
}

# The npm packages of the tests; without npm the tests that need them are skipped, or fail in CI.
ensure_node_packages() {
    modules=$root/tests/node
    if ! cmp -s "$modules/package-lock.json" "$modules/node_modules/.installed-lock.json" && command -v npm >/dev/null; then
        echo "opsctl: fetching the npm packages of the tests" >&2
        npm ci --prefix "$modules" --ignore-scripts --no-audit --no-fund --silent
        cp "$modules/package-lock.json" "$modules/node_modules/.installed-lock.json"
    fi
}
