#!/usr/bin/env bash
# Builds the image, runs its own command in a container and asks it signed questions; `make image-test`.
# Needs root on Debian or Ubuntu; installs buildah and debootstrap where they are missing. A base image that had to
# be made is kept in $COPPICE_IMAGE_CACHE, so that only the first run takes long.
set -euo pipefail
cd "$(dirname "$0")/../.."
here=tests/image
started=$SECONDS

CACHE=${COPPICE_IMAGE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/coppice-image}
PYTHON=${PYTHON:-.venv/bin/python}
WORK=$(mktemp -d)
BUILDAH=buildah
STORAGE=(--root "$CACHE/storage" --runroot "$WORK/run")
IMAGE=localhost/coppice:test
container=
server=

fail() {
    echo "image-test: FAILED: $*" >&2
    exit 1
}

fail_with_logs() {
    tail -n 30 "$WORK/server.log" "$WORK"/state/*.log >&2 || true
    fail "$@"
}

clean_up() {
    if [ -n "$server" ]; then kill -TERM -- "-$server" 2>/dev/null || true; fi
    if [ -n "$container" ]; then "$BUILDAH" "${STORAGE[@]}" rm "$container" >/dev/null 2>&1 || true; fi
    rm -rf "$WORK"
}
trap clean_up EXIT

[ "$(id -u)" = 0 ] || fail "needs root (chroot isolation)"
[ -x "$PYTHON" ] || fail "$PYTHON is missing: make test sets it up"
missing=()
for tool in buildah debootstrap curl; do command -v "$tool" >/dev/null || missing+=("$tool"); done
if [ ${#missing[@]} -gt 0 ]; then
    export DEBIAN_FRONTEND=noninteractive
    { apt-get update && apt-get install --yes --no-install-recommends "${missing[@]}"; } >"$WORK/apt.log" 2>&1 ||
        { tail -n 20 "$WORK/apt.log" >&2; fail "apt-get install ${missing[*]}"; }
fi
mkdir -p "$CACHE"

buildah_build() {
    # The docker format keeps HEALTHCHECK, which OCI's does not know. Short names are Docker Hub's, as for docker.
    "$BUILDAH" "${STORAGE[@]}" build --isolation chroot --format docker --layers "$@"
}

. "$here/base.sh"
base=$(base_image) || fail "no base image"
mapfile -t mounts < <("$PYTHON" "$here/pip_mounts.py" "$WORK/pip.conf" | sed 's/^/--volume=/')
buildah_build "${mounts[@]}" --build-arg "BASE=$base" --tag "$IMAGE" . >"$WORK/build.log" 2>&1 ||
    { tail -n 30 "$WORK/build.log" >&2; fail "the build"; }
built=$((SECONDS - started))

# What the image itself says is to be run: buildah applies neither CMD nor HEALTHCHECK by itself.
configured() {
    "$BUILDAH" "${STORAGE[@]}" inspect --type image "$IMAGE" | "$PYTHON" -c \
        'import json, sys; c = json.load(sys.stdin)["Docker"]["config"]; print("\n".join(eval(sys.argv[1], {"c": c})))' "$1"
}
mapfile -t command < <(configured 'c["Cmd"]')
mapfile -t healthcheck < <(configured 'c["Healthcheck"]["Test"][1:]')
container=$("$BUILDAH" "${STORAGE[@]}" from --pull=never "$IMAGE")
port=$("$PYTHON" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
mkdir "$WORK/state"
chown 10001:10001 "$WORK/state"
chmod 755 "$WORK"
inside() {
    "$BUILDAH" "${STORAGE[@]}" run --isolation chroot --env "PORT=$port" \
        --volume "$WORK/state:/var/lib/coppice" "$container" -- "$@"
}

[ "$(inside id -u)" = 10001 ] || fail "the image's user is not its own"
! inside sh -c 'command -v gcc cc make' 2>/dev/null || fail "the image holds build tools"
! inside sh -c 'touch /srv/coppice/x' 2>/dev/null || fail "the program can change itself"
! inside "${healthcheck[@]}" 2>/dev/null || fail "the health check passes with nothing running"

setsid bash -c "$(declare -f inside); $(declare -p BUILDAH STORAGE WORK container port command); inside \"\${command[@]}\"" \
    >"$WORK/server.log" 2>&1 &
server=$!
for _ in $(seq 100); do
    if inside "${healthcheck[@]}" 2>/dev/null; then break; fi
    kill -0 "$server" 2>/dev/null || fail_with_logs "the server ended"
done
inside "${healthcheck[@]}" 2>/dev/null || fail_with_logs "the health check"
env -u AWS_ENDPOINT_URL "$PYTHON" "$here/ask.py" "http://127.0.0.1:$port" "$WORK/state/coppice.env" >"$WORK/answer" ||
    fail_with_logs "the signed requests"
[ "$(stat -c %u:%a "$WORK/state/coppice.env")" = 10001:600 ] || fail "the key file is not its user's alone"
ps --no-headers -o uid,args --sid "$server" | grep 'python.*[ /]wsgi\.py' | grep -v buildah >"$WORK/processes" || true
[ -s "$WORK/processes" ] && ! grep -qv '^ *10001 ' "$WORK/processes" ||
    { cat "$WORK/processes" >&2; fail "the server does not run as the image's user"; }
kill -TERM -- "-$server"
wait "$server" 2>/dev/null || true
server=
echo "image-test: ok: built on $base in ${built} s, $(cat "$WORK/answer"), non-root, health check; $((SECONDS - started)) s in all"
