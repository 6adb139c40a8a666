#!/bin/bash
# A bare Debian with Python as an image, from this machine's own package mirror:  base.sh FOLDER TAG
#
# Wants root, debootstrap and buildah; no engine and no registry of images.  FOLDER keeps its files.
set -euo pipefail
folder=$1 tag=$2 suite=bookworm
export STORAGE_DRIVER=${STORAGE_DRIVER:-vfs} BUILDAH_ISOLATION=${BUILDAH_ISOLATION:-chroot}
mirror=$(apt-get indextargets --format '$(REPO_URI)' \
    'Created-By: Packages' "Codename: $suite" 2>/dev/null |
    grep -v security | head -n 1 || true)
tree=$folder/tree
if [[ ! -s $folder/base.tar ]]; then
    mkdir -p "$folder"
    debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv \
        "$suite" "$tree" ${mirror:+"$mirror"} >"$folder/debootstrap.log" ||
        { tail -n 5 "$folder/debootstrap.log" >&2; exit 1; }
    tar -C "$tree" --exclude='./dev/*' --exclude='./var/cache/apt/archives/*' -cf "$folder/base.tar" .
    rm -rf "$tree"
fi
container=$(buildah from scratch)
trap 'buildah rm "$container" >/dev/null' EXIT
buildah add --quiet "$container" "$folder/base.tar" / >/dev/null
buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
buildah commit --quiet "$container" "$tag" >/dev/null
