#!/bin/sh
# Lays out the files of the image: rootfs.sh BINARY DIR. DIR/system goes to /, and DIR/own, which
# belongs to the user that the server runs as, to /usr/local/srs. They are where SRS's image has
# them, so that its command lines work: see docs/deploying.md.
set -eu

[ $# -eq 2 ] || { echo "usage: rootfs.sh BINARY DIR" >&2; exit 2; }
binary=$1 root=$2/system objs=$2/own/objs
here=$(cd "$(dirname "$0")" && pwd)
top=$here/../..
srs=$root/usr/local/srs
umask 022

mkdir -p "$root/usr/local/bin" "$root/etc/ssl/certs" "$root/tmp" "$srs/conf" "$objs/nginx/html"
chmod 1777 "$root/tmp"
cp "$binary" "$root/usr/local/bin/weir"
chmod 755 "$root/usr/local/bin/weir"
ln -s ../../bin/weir "$objs/srs"
cp "$top"/conf/*.conf "$here"/conf/*.conf "$srs/conf/"
chmod 644 "$srs"/conf/*.conf
cp "$top/LICENSE" "$top/NOTICE" "$srs/"

# Callbacks and keys over HTTPS need to know whom to trust. Time zones are in the binary.
for bundle in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
	if [ -s "$bundle" ]; then
		cat "$bundle" >"$root/etc/ssl/certs/ca-certificates.crt"
		exit 0
	fi
done
echo "rootfs: this machine has no certificate authorities: install ca-certificates" >&2
exit 1
