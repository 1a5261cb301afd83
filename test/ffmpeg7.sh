#!/bin/bash
# Prints the path of an ffmpeg that speaks Enhanced RTMP (7.0 or newer); ffprobe is beside it.
# In order: $WEIR_FFMPEG7, the system's ffmpeg when it is new enough, the copy in the user's
# cache. Where none of them is, it fetches Debian 13's packages into that cache: signed, about
# 150 MB to load and 220 MB to keep, with their own C library. The system stays as it is, and
# root is not needed.
set -euo pipefail

suite=trixie
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
home=$cache/ffmpeg7

die() { echo "ffmpeg7: $*" >&2; exit 1; }

# modern FILE: is this program an ffmpeg of version 7 or more, and does ffprobe stand beside it?
modern() {
	local major
	major=$("$1" -version 2>/dev/null | sed -nE '1s/^ffmpeg version [^0-9]*([0-9]+)\..*/\1/p') || return 1
	[ "${major:-0}" -ge 7 ] && [ -x "$(dirname "$1")/ffprobe" ]
}

if [ -n "${WEIR_FFMPEG7:-}" ]; then
	modern "$WEIR_FFMPEG7" || die "WEIR_FFMPEG7=$WEIR_FFMPEG7 is not an ffmpeg 7 or newer with its ffprobe"
	echo "$WEIR_FFMPEG7"
	exit
fi
if system=$(command -v ffmpeg) && modern "$system"; then
	echo "$system"
	exit
fi
if modern "$home/bin/ffmpeg"; then
	echo "$home/bin/ffmpeg"
	exit
fi

by_hand="set WEIR_FFMPEG7 to the path of an ffmpeg 7 or newer"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || die "no apt here: $by_hand"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r $keys ] || die "no Debian keyring here: $by_hand"
mirror=$(grep -rhoE '[a-z+]+://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ') || true
[ -n "$mirror" ] || die "no Debian mirror in apt's sources: $by_hand"

mkdir -p "$cache"
exec 9>"$cache/ffmpeg7.lock"
flock 9 # two runs at once: the second finds what the first has fetched
if modern "$home/bin/ffmpeg"; then
	echo "$home/bin/ffmpeg"
	exit
fi
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "ffmpeg7: fetching ffmpeg from Debian $suite into $home" >&2

# An apt of our own: nothing installed, so that it resolves everything down to the C library.
# The system's settings, a proxy say, still hold; its sources, pins and hooks do not.
mkdir -p "$work"/{lists,archives}/partial
: >"$work/status"
echo "deb [signed-by=$keys] $mirror $suite main" >"$work/sources.list"
cat >"$work/apt.conf" <<CONF
#clear APT::Update::Post-Invoke;
#clear APT::Update::Post-Invoke-Success;
Dir::Etc::SourceList "$work/sources.list";
Dir::Etc::SourceParts "/dev/null";
Dir::Etc::Preferences "/dev/null";
Dir::Etc::PreferencesParts "/dev/null";
Dir::State "$work";
Dir::State::Lists "$work/lists";
Dir::State::Status "$work/status";
Dir::Cache "$work";
Dir::Cache::Archives "$work/archives";
APT::Install-Recommends "false";
APT::Sandbox::User "root";
Acquire::Languages "none";
Acquire::Retries "3";
CONF
apt-get -c "$work/apt.conf" -qq update >&2
apt-get -c "$work/apt.conf" -qq -y --download-only install ffmpeg >&2
for deb in "$work"/archives/*.deb; do
	dpkg-deb -x "$deb" "$work/root"
done

# Keep the two programs, the loader and the libraries it finds for them; drop the rest.
loader=$(find "$work/root" -name 'ld-linux*.so.*' -path '*/usr/lib/*-linux-gnu*' | head -n 1)
[ -n "$loader" ] || die "no loader in the packages of $suite"
lib=$(dirname "$loader")
path=$lib:$lib/pulseaudio:$lib/blas:$lib/lapack
new=$work/ffmpeg7
mkdir -p "$new"/{bin,lib,libexec}
cp -L "$loader" "$new/lib/"
for name in ffmpeg ffprobe; do
	cp "$work/root/usr/bin/$name" "$new/libexec/"
	"$loader" --library-path "$path" --list "$new/libexec/$name" |
		awk '$2 == "=>" && $3 ~ /^\// {print $3}' | xargs cp -L -u -t "$new/lib/"
	cat >"$new/bin/$name" <<RUN
#!/bin/sh
home=\$(dirname "\$(dirname "\$(readlink -f "\$0")")")
exec "\$home/lib/$(basename "$loader")" --library-path "\$home/lib" "\$home/libexec/$name" "\$@"
RUN
	chmod +x "$new/bin/$name"
done
modern "$new/bin/ffmpeg" || die "the ffmpeg of $suite does not run here: $by_hand"
rm -rf "$home"
mv "$new" "$home"
echo "$home/bin/ffmpeg"
