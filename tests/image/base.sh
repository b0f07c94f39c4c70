# A base image for the Dockerfile where no registry answers: this machine's own Debian or Ubuntu release with its
# Python, made by debootstrap from the mirror that apt uses here. Sourced by run.sh.

registry_answers() {
    local code
    code=$(curl --silent --max-time 5 --output /dev/null --write-out '%{http_code}' https://registry-1.docker.io/v2/ || true)
    [ "$code" = 401 ] || [ "$code" = 200 ]
}

apt_mirror() {
    apt-get indextargets --format '$(CODENAME)|$(COMPONENT)|$(REPO_URI)' 'Created-By: Packages' |
        awk -F'|' -v release="$1" '$1 == release && $2 == "main" { print $3; exit }'
}

# Print the name of the base image to build on; made once, then kept.
base_image() {
    if registry_answers; then
        echo python:3.12-slim
        return
    fi
    local release name root
    release=$(. /etc/os-release && echo "$VERSION_CODENAME")
    name=localhost/coppice-base:$release
    if ! "$BUILDAH" "${STORAGE[@]}" inspect --type image "$name" >/dev/null 2>&1; then
        root=$WORK/root
        debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv \
            "$release" "$root" "$(apt_mirror "$release")" >"$WORK/debootstrap.log" 2>&1 ||
            { tail -n 20 "$WORK/debootstrap.log" >&2; return 1; }
        rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/*
        tar -C "$root" -cf "$WORK/base.tar" .
        rm -rf "$root"
        printf 'FROM scratch\nADD base.tar /\nCMD ["bash"]\n' >"$WORK/Dockerfile.base"
        buildah_build --tag "$name" --file "$WORK/Dockerfile.base" "$WORK" >"$WORK/base.log" 2>&1 ||
            { tail -n 20 "$WORK/base.log" >&2; return 1; }
        rm -f "$WORK/base.tar"
    fi
    echo "$name"
}
