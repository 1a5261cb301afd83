#!/bin/bash
# Tries the image with the command lines that SRS documents for its own: try.sh [IMAGE]. It needs
# ffmpeg, ffprobe, curl, and docker or podman. DOCKER names another program, with flags of its own;
# FLAGS are more flags for its run; RTMP, API and HTTP are ports of this machine to use.
set -euo pipefail
image=${1:-weir:latest}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
clip=$here/../../doc/source.flv
if [ -z "${DOCKER:-}" ]; then
	DOCKER=podman
	if command -v docker >/dev/null && docker info >/dev/null 2>&1; then DOCKER=docker; fi
fi
rtmp=${RTMP:-1935} api=${API:-1985} http=${HTTP:-8080}
name=weir-try-$$
publisher=
end() {
	if [ -n "$publisher" ]; then kill "$publisher" 2>/dev/null || true; wait "$publisher" 2>/dev/null || true; publisher=; fi
	$DOCKER rm -f $name >/dev/null 2>&1 || true
}
trap end EXIT

die() {
	echo "try: $*" >&2
	$DOCKER logs $name >&2 || true
	exit 1
}

# until_true COMMAND...: 20 s at most
until_true() {
	for _ in $(seq 100); do "$@" >/dev/null 2>&1 && return; sleep 0.2; done
	die "never true: $*"
}

# begin COMMAND...: the image with the documented ports, and a command or its own
begin() {
	echo "try: run -p 1935:1935 -p 1985:1985 -p 8080:8080 $image $*"
	# shellcheck disable=SC2086
	$DOCKER run -d --name $name ${FLAGS:-} -p 127.0.0.1:$rtmp:1935 -p 127.0.0.1:$api:1985 -p 127.0.0.1:$http:8080 "$image" "$@" >/dev/null
	until_true curl -sf "http://127.0.0.1:$api/api/v1/versions"
	$DOCKER exec $name weir health >/dev/null || die "it says that it is not well"
}

publish() {
	ffmpeg -nostdin -v error -re -stream_loop -1 -i "$clip" -c copy -f flv "rtmp://127.0.0.1:$rtmp/live/livestream" &
	publisher=$!
	until_true live
}

live() { curl -s "http://127.0.0.1:$api/api/v1/streams/" | grep '"active":true'; }

# plays URL CODEC...: a player finds these
plays() {
	local url=$1 codec got
	shift
	got=$(timeout 30 ffprobe -v error -show_entries stream=codec_name -of csv=p=0 "$url") || die "$url does not play"
	for codec; do grep -q "^$codec" <<<"$got" || die "$url has no $codec: $got"; done
	echo "try:   plays $url"
}

# stops: it ends gracefully, by the signal of the image, once the publisher has gone
stops() {
	kill "$publisher"; wait "$publisher" || true; publisher=
	$DOCKER stop -t 30 $name >/dev/null
	[ "$($DOCKER inspect -f '{{.State.ExitCode}}' $name)" = 0 ] || die "it does not end well"
	$DOCKER logs $name 2>&1 | grep -q 'server ended' || die "the log does not tell the end"
	$DOCKER rm $name >/dev/null
}

web=http://127.0.0.1:$http/live/livestream

for command in '' './objs/srs -c conf/docker.conf' './objs/srs -c conf/srs.conf'; do
	# shellcheck disable=SC2086
	begin $command
	publish
	plays "rtmp://127.0.0.1:$rtmp/live/livestream" h264 aac
	plays "$web.flv" h264 aac
	until_true curl -sf "$web.m3u8"
	plays "$web.m3u8" h264 aac
	stops
done

while read -r conf address codecs; do
	begin ./objs/srs -c "conf/$conf"
	publish
	address=${address/#rtmp:/rtmp://127.0.0.1:$rtmp/live/livestream}
	case $address in .m3u8) until_true curl -sf "$web.m3u8" ;; esac
	# shellcheck disable=SC2086
	plays ${address/#./$web.} $codecs
	stops
done <<list
console.conf rtmp: h264 aac
rtmp.conf rtmp: h264 aac
realtime.conf rtmp: h264 aac
hls.conf .m3u8 h264 aac
http.flv.live.conf .flv h264 aac
http.ts.live.conf .ts h264 aac
http.aac.live.conf .aac aac
list

FLAGS="${FLAGS:-} --env SRS_LISTEN=1935 --env SRS_HTTP_API_ENABLED=on --env SRS_HTTP_SERVER_ENABLED=on --env SRS_VHOST_HTTP_REMUX_ENABLED=on"
begin ./objs/srs -e
publish
plays "$web.flv" h264 aac
stops

# A file of one's own, in place of one of the image.
own=$(mktemp)
trap 'end; rm -f "$own"' EXIT
chmod 644 "$own"
sed 's/max_connections 1000/max_connections 77/' "$here/conf/docker.conf" >"$own"
FLAGS="${FLAGS%%--env*} -v $own:/usr/local/srs/conf/docker.conf:ro"
begin
publish
plays "$web.flv" h264 aac
stops
echo "try: all of it works"
