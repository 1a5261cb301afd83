#!/bin/bash
# Builds the image from this source with the Go of this machine: image.sh [NAME]. It takes Docker,
# Podman or Buildah, whichever works here, and no base image. TOOL names another program to build
# with, GOARCH another processor.
set -euo pipefail
name=${1:-weir:latest}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
arch=${GOARCH:-$(go env GOARCH)}

works() {
	case $1 in
	docker) command -v docker >/dev/null && docker info >/dev/null 2>&1 ;; # the client alone builds nothing
	*) command -v "$1" >/dev/null ;;
	esac
}

tool=${TOOL:-}
for t in docker podman buildah; do
	if [ -z "$tool" ] && works $t; then tool=$t; fi
done
[ -n "$tool" ] || { echo "image: none of docker, podman, buildah works here: install one of them" >&2; exit 1; }

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cd "$here/../.."
CGO_ENABLED=0 GOOS=linux GOARCH=$arch go build -trimpath -tags timetzdata -ldflags "-s -w" -o "$context/weir" ./cmd/weir
"$here/rootfs.sh" "$context/weir" "$context/rootfs"
cp "$here/Dockerfile.binary" "$context/Dockerfile"
rm "$context/weir"

options=(--platform "linux/$arch" -t "$name")
case $tool in
podman* | buildah*) options+=(--format docker) ;; # the other format has no health check
esac
echo "image: $tool build ${options[*]}" >&2
$tool build "${options[@]}" "$context"
