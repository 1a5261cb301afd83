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
dashjs/dist/modern/umd/dash.mediaplayer.min.js  dash.mediaplayer.min.js
dashjs/LICENSE.md                 dash.LICENSE.txt
@svta/cml-608/LICENSE             cml-608.LICENSE.txt
@svta/cml-xml/LICENSE             cml.LICENSE.txt
bcp-47-match/license              bcp-47-match.LICENSE.txt
codem-isoboxer/LICENSE.txt        codem-isoboxer.LICENSE.txt
fast-deep-equal/LICENSE           fast-deep-equal.LICENSE.txt
imsc/LICENSE                      imsc.LICENSE.txt
path-browserify/LICENSE           path-browserify.LICENSE.txt
sax/LICENSE                       sax.LICENSE.txt
FILES
cp dash.bundled.LICENSE.txt "$to/" # of what no package here is for
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
