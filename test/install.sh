#!/bin/bash
# Installs what the tests call: encoders, players, and a C compiler for the race detector.
# Where all of it is there already it changes nothing and asks no network.
set -euo pipefail

# Each line: what is needed, and the Debian package that has it. A name in brackets is a
# GStreamer element.
needs='
gcc                gcc
ffmpeg             ffmpeg
ffprobe            ffmpeg
curl               curl
ip                 iproute2
chromium           chromium
npm                npm
redis-server       redis-server
rtmpdump           rtmpdump
srt-live-transmit  srt-tools
ristsender         rist-tools
ristreceiver       rist-tools
gst-launch-1.0     gstreamer1.0-tools
gst-inspect-1.0    gstreamer1.0-tools
[audiotestsrc]     gstreamer1.0-plugins-base
[videotestsrc]     gstreamer1.0-plugins-base
[flvmux]           gstreamer1.0-plugins-good
[flvdemux]         gstreamer1.0-plugins-good
[h264parse]        gstreamer1.0-plugins-bad
[mpegtsmux]        gstreamer1.0-plugins-bad
[tsdemux]          gstreamer1.0-plugins-bad
[srtsink]          gstreamer1.0-plugins-bad
[srtsrc]           gstreamer1.0-plugins-bad
[rtmp2sink]        gstreamer1.0-plugins-bad
[rtmp2src]         gstreamer1.0-plugins-bad
[x264enc]          gstreamer1.0-plugins-ugly
[avenc_aac]        gstreamer1.0-libav
[avdec_h264]       gstreamer1.0-libav
'

has() {
	case $1 in
	chromium) command -v chromium chromium-browser google-chrome >/dev/null ;;
	\[*\]) local element=${1#[}; gst-inspect-1.0 --exists "${element%]}" 2>/dev/null ;;
	*) command -v "$1" >/dev/null ;;
	esac
}

# find_missing sets missing and packages to what is not there and who brings it.
find_missing() {
	missing='' packages=''
	local need package
	while read -r need package; do
		[ -n "$need" ] || continue
		has "$need" || { missing+=" $need"; packages+=" $package"; }
	done <<<"$needs"
	case $packages in *" gcc"*) packages+=" libc6-dev" ;; esac
	packages=$(tr ' ' '\n' <<<"$packages" | sort -u | tr '\n' ' ')
}

die() { echo "install: $*" >&2; exit 1; }

# players fetches the packages that the vendored players are compared with.
players() {
	cd "$(dirname "$0")/../web"
	[ -d node_modules ] || npm ci --ignore-scripts --no-audit --no-fund >&2 || die "npm ci failed in web"
}

find_missing
[ -n "$missing" ] || { players; exit 0; }
echo "install: missing:$missing" >&2

command -v apt-get >/dev/null ||
	die "no apt-get on this system: install these by hand and run the tests again:$missing"
root=()
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null || die "need root for: apt-get install$packages"
	root=(sudo)
	if [ -n "${CI:-}" ]; then root+=(-n); fi # nobody is there to type a password
fi
apt=("${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "install: apt-get install$packages" >&2
{ "${apt[@]}" update && "${apt[@]}" install -y --no-install-recommends $packages; } >"$log" 2>&1 ||
	{ cat "$log" >&2; die "apt-get failed"; }

find_missing
[ -z "$missing" ] || die "still missing after apt-get install $packages:$missing"
players
