#!/bin/bash
# Copies the players that package-lock.json pins into the server, with their licences.
# `make web` runs it after npm ci.
set -euo pipefail
cd "$(dirname "$0")"

to=../internal/console/static/vendor
rm -rf "$to"
mkdir -p "$to"
while read -r from name; do
	cp "node_modules/$from" "$to/$name"
done <<'FILES'
mpegts.js/dist/mpegts.js          mpegts.js
mpegts.js/LICENSE                 mpegts.LICENSE.txt
es6-promise/LICENSE               es6-promise.LICENSE.txt
events/LICENSE                    events.LICENSE.txt
hls.js/dist/hls.min.js            hls.min.js
hls.js/LICENSE                    hls.LICENSE.txt
FILES
# No source maps: a browser would ask for files that are not here.
sed -i.was '/^\/\/# sourceMappingURL=/d' "$to"/*.js
rm -f "$to"/*.was
chmod 644 "$to"/*

# What is here was made from this lock file; a test compares.
{
	node -e '
		const lock = require("./package-lock.json").packages;
		for (const [path, p] of Object.entries(lock))
			if (path) console.log(path.replace("node_modules/", ""), p.version, p.integrity);
	'
	(cd "$to/.." && sha256sum -- vendor/*)
} >vendor.sum
