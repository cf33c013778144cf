#!/usr/bin/env bash
# Builds the image with buildah, without an engine and without a registry: the
# base images are made by debootstrap. Then runs the binary in it as user 1001
# on a read-only root. Needs root.
set -euo pipefail
cd "$(dirname "$0")/../.."
cache=${FERRIS_CACHE:-$HOME/.cache/ferrisstreams}/image
mkdir -p "$cache"
missing=()
command -v buildah >/dev/null || missing+=(buildah)
command -v debootstrap >/dev/null || missing+=(debootstrap)
if [ ${#missing[@]} -gt 0 ]; then
	apt-get update -qq
	DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
storage=(--storage-driver vfs --root "$cache/storage" --runroot "$cache/run")

if [ ! -e "$cache/base.tar" ]; then
	rm -rf "$cache/rootfs"
	debootstrap --variant=minbase --include=ca-certificates,gcc,libc6-dev bookworm "$cache/rootfs" >/dev/null
	tar -C "$cache/rootfs" -cf "$cache/base.tar" .
	rm -rf "$cache/rootfs"
fi
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
goroot=$(go env GOROOT)
cp "$cache/base.tar" "$context/base.tar"
printf 'FROM scratch\nADD base.tar /\n' >"$context/Base"
buildah "${storage[@]}" bud --isolation chroot -q -t localhost/ferris-base -f "$context/Base" "$context" >/dev/null
printf 'FROM localhost/ferris-base\nCOPY go /usr/local/go\nENV PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin\n' >"$context/Go"
mkdir "$context/go"
cp -a "$goroot/." "$context/go/"
buildah "${storage[@]}" bud --isolation chroot -q -t localhost/ferris-go -f "$context/Go" "$context" >/dev/null

go mod download # into the cache that the build is given: within it nobody may know the proxy's certificate
buildah "${storage[@]}" bud --isolation chroot -q -t localhost/ferris-sql \
	-v "$(go env GOMODCACHE):/root/go/pkg/mod" \
	--build-arg GO_IMAGE=localhost/ferris-go --build-arg BASE_IMAGE=localhost/ferris-base -f Dockerfile .

image=$(buildah "${storage[@]}" from localhost/ferris-sql)
user=$(buildah "${storage[@]}" inspect --format '{{.OCIv1.Config.User}}' "$image")
[ "$user" = 1001:1001 ] || { echo "the image runs as $user, want 1001:1001" >&2; exit 1; }
root=$(buildah "${storage[@]}" mount "$image")
answer=$(unshare --mount bash -euc '
	mount --bind "$1" "$1"
	mount -o remount,ro,bind "$1"
	mount -t tmpfs -o uid=1001,gid=1001 none "$1/data"
	chroot --userspec=1001:1001 "$1" /usr/local/bin/ferris-sql sql --embedded --data-dir /data/ferris -c "SELECT 41 + 1 AS answer" --format csv
' - "$root")
buildah "${storage[@]}" umount "$image" >/dev/null
buildah "${storage[@]}" rm "$image" >/dev/null
[ "$answer" = $'answer\n42' ] || { echo "the image answered $answer" >&2; exit 1; }
echo "the image builds, and answers as user 1001 on a read-only root"
