#!/bin/bash
# Makes av1-opus.flv and the same as av1-opus.mkv again: six seconds that flash and beep at once each second. It takes an
# ffmpeg that writes Opus into FLV, version 8 or newer: FFMPEG=path test/e2e/testdata/make-av1-opus.sh
set -euo pipefail
cd "$(dirname "$0")"
ffmpeg=${FFMPEG:-ffmpeg}
picture="testsrc2=size=160x120:rate=25,format=yuv420p,geq=lum='if(between(mod(T,1),0.39,0.47),235,16+lum(X,Y)/16)':cb='cb(X,Y)':cr='cr(X,Y)'"
sound="aevalsrc='if(between(mod(t,1),0.4,0.48),0.8*sin(2*PI*1000*t),0)':s=48000"
"$ffmpeg" -hide_banner -loglevel error -y -f lavfi -i "$picture" -f lavfi -i "$sound" -t 6 \
	-c:v libaom-av1 -cpu-used 8 -usage realtime -lag-in-frames 0 -b:v 60k -g 25 -keyint_min 25 -pix_fmt yuv420p \
	-c:a libopus -b:a 32k -f flv av1-opus.flv
"$ffmpeg" -hide_banner -loglevel error -y -i av1-opus.flv -c copy av1-opus.mkv
