#!/bin/bash
# test/ffmpeg.sh 7|9 prints the path of an ffmpeg of that version or newer; ffprobe is beside it. From 7 on it
# speaks Enhanced RTMP, from 9 on (rather 8) WHIP. In order: $WEIR_FFMPEG7 or $WEIR_FFMPEG9, the system's ffmpeg
# when it is new enough, the copy in the user's cache. Where none of them is, it fetches Debian's packages into
# that cache, those of Debian 13 or of the unstable one: signed, about 150 MB to load and 220 MB to keep, with their
# own C library. The system stays as it is, and root is not needed.
set -euo pipefail

major=${1:?usage: test/ffmpeg.sh 7|9}
case $major in
7) suite=trixie options= ;;
9) suite=sid options="check-valid-until=no " ;; # its list may be past its date; it is signed all the same
*) echo "ffmpeg: no version $major here" >&2; exit 2 ;;
esac
cache=${XDG_CACHE_HOME:-$HOME/.cache}/weir
home=$cache/ffmpeg$major
variable=WEIR_FFMPEG$major given=
[ -z "${!variable:-}" ] || given=${!variable}

die() { echo "ffmpeg$major: $*" >&2; exit 1; }

# modern FILE: is this program an ffmpeg that is new enough, and does ffprobe stand beside it?
modern() {
	local is
	is=$("$1" -version 2>/dev/null | sed -nE '1s/^ffmpeg version [^0-9]*([0-9]+)\..*/\1/p') || return 1
	[ "${is:-0}" -ge "$major" ] && [ -x "$(dirname "$1")/ffprobe" ]
}

if [ -n "$given" ]; then
	modern "$given" || die "$variable=$given is not an ffmpeg $major or newer with its ffprobe"
	echo "$given"
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

by_hand="set $variable to the path of an ffmpeg $major or newer"
command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || die "no apt here: $by_hand"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r $keys ] || die "no Debian keyring here: $by_hand"
mirror=$(grep -rhoE '[a-z+]+://[^ ]+/debian/?( |$)' /etc/apt/sources.list /etc/apt/sources.list.d 2>/dev/null | head -n 1 | tr -d ' ') || true
[ -n "$mirror" ] || die "no Debian mirror in apt's sources: $by_hand"

mkdir -p "$cache"
exec 9>"$cache/ffmpeg$major.lock"
flock 9 # two runs at once: the second finds what the first has fetched
if modern "$home/bin/ffmpeg"; then
	echo "$home/bin/ffmpeg"
	exit
fi
work=$(mktemp -d "$cache/fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT
echo "ffmpeg$major: fetching ffmpeg from Debian $suite into $home" >&2

# An apt of our own: nothing installed, so that it resolves everything down to the C library.
# The system's settings, a proxy say, still hold; its sources, pins and hooks do not.
mkdir -p "$work"/{lists,archives}/partial
: >"$work/status"
echo "deb [${options}signed-by=$keys] $mirror $suite main" >"$work/sources.list"
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
new=$work/ffmpeg$major
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
