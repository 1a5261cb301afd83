#!/bin/bash
# Makes the files beside it, with an ffmpeg that has libopus and libmp3lame.
#   tone-*:  1.2 s of 997 Hz left and 1499 Hz right
#   burst-*: 1.5 s of silence with two bursts of 1 kHz, around 0.5 and 1.1 s
#   source-*: 1.2 s of the sound of doc/source.flv; *.s16 is 0.1 s of ffmpeg's decoding, from 0.5 s of it on
set -euo pipefail
cd "$(dirname "$0")"
ff() { ffmpeg -nostdin -loglevel error -y "$@"; }
tone='aevalsrc=exprs=0.4*sin(2*PI*997*t)|0.4*sin(2*PI*1499*t):s=48000:d=1.2'
burst='aevalsrc=exprs=0.7*sin(2*PI*1000*t)*(exp(-pow((t-0.5)/0.004\,2))+exp(-pow((t-1.1)/0.004\,2))):c=stereo:s=48000:d=1.5'
plain=(-flags +bitexact -fflags +bitexact -map_metadata -1)

for rate in 16000 22050 32000 44100 48000; do
	ff -f lavfi -i "$tone" -ar $rate -c:a aac -b:a $((rate * 10 / 3)) -aac_pns 0 -aac_is 0 -aac_coder fast "${plain[@]}" -f adts tone-$rate.aac
done
ff -f lavfi -i "$tone" -af 'pan=mono|c0=c0' -ar 44100 -c:a aac -b:a 96k "${plain[@]}" -f adts tone-mono.aac
for rate in 24000 44100 48000; do
	ff -f lavfi -i "$tone" -ar $rate -c:a libmp3lame -b:a 96k "${plain[@]}" -write_xing 0 -id3v2_version 0 -f mp3 tone-$rate.mp3
done
ff -f lavfi -i "$tone" -c:a libopus -b:a 96k "${plain[@]}" -f ogg tone.opus
ff -f lavfi -i "$burst" -ar 44100 -c:a aac -b:a 96k "${plain[@]}" -f adts burst.aac
ff -f lavfi -i "$burst" -ar 44100 -c:a libmp3lame -b:a 96k "${plain[@]}" -write_xing 0 -id3v2_version 0 -f mp3 burst.mp3
ff -f lavfi -i "$burst" -c:a libopus -b:a 96k "${plain[@]}" -f ogg burst.opus

ff -ss 1 -t 1.2 -i ../../../doc/source.flv -vn -c:a copy "${plain[@]}" -f adts source.aac
ff -ss 1 -t 1.2 -i ../../../doc/source.flv -vn -c:a libmp3lame -b:a 128k "${plain[@]}" -write_xing 0 -id3v2_version 0 -f mp3 source.mp3
ff -ss 1 -t 1.2 -i ../../../doc/source.flv -vn -ar 48000 -ac 2 -c:a libopus -b:a 96k "${plain[@]}" -f ogg source.opus
ff -i source.aac -af 'atrim=start=0.5:duration=0.1' -ac 2 -f s16le source-aac.s16
ff -flags2 +skip_manual -i source.mp3 -af 'atrim=start=0.5:duration=0.1' -ac 2 -f s16le source-mp3.s16
ff -flags2 +skip_manual -i source.opus -af 'atrim=start=0.5:duration=0.1' -ac 2 -f s16le source-opus.s16
