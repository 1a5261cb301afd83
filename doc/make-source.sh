#!/bin/bash
# Draws doc/source.flv, the clip to try a server with: ten seconds of H.264 (main profile, no
# B-frames, a key frame every 2 s) and AAC-LC. The clock, the sweep and the beep start each
# second together, so an eye and an ear see how far sound and picture drift apart.
# Wants ffmpeg with libx264 and the DejaVu fonts.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

text=font='DejaVu Sans Mono':fontcolor=white
picture="
	gradients=size=640x360:rate=25:duration=10:nb_colors=3:c0=0x06283d:c1=0x1363df:c2=0x2a7fbf:seed=7:speed=0.008,
	drawbox=x=0:y=300:w=640:h=60:color=0x06283d@0.8:t=fill,
	drawtext=$text:fontsize=112:x=(w-tw)/2:y=56:text=weir,
	drawtext=$text:fontsize=56:x=(w-tw)/2:y=196:text='%{pts\:hms}',
	drawtext=$text:fontsize=22:x=24:y=320:text='frame %{frame_num}',
	drawtext=$text:fontsize=22:x=w-tw-24:y=320:text='640x360 25 fps'[back];
	color=0xffc93c:size=640x8:rate=25:duration=10[bar];
	[back][bar]overlay=x='-640+640*(t-floor(t))':y=292:shortest=1,format=yuv420p"
sound="sine=frequency=220:beep_factor=4:sample_rate=44100:duration=10,volume=2"

ffmpeg -hide_banner -loglevel warning -y \
	-f lavfi -i "$picture" -f lavfi -i "$sound" \
	-c:v libx264 -profile:v main -preset veryslow -crf 25 -maxrate 450k -bufsize 900k \
	-bf 0 -g 50 -keyint_min 50 -sc_threshold 0 \
	-c:a aac -profile:a aac_low -b:a 96k -ar 44100 -ac 2 \
	-map_metadata -1 -fflags +bitexact -flags:v +bitexact -flags:a +bitexact \
	-flvflags add_keyframe_index source.flv
