// The table of players, by the kind of output they play. A player is
//
//   label     what its button says
//   note      what its latency means
//   able()    whether this browser has what it needs
//   start(video, url, on)  plays, and returns { stop, latency, kbps }
//
// on.failed({ title, hint, url }) and on.ended() are called at most once, after which it is over.
import { flv, ts } from '/players/engine-mpegts.js';
import { hls } from '/players/engine-hls.js';
import { aac, mp3 } from '/players/engine-native.js';

// Best first: the page takes the first that the server has and the browser can.
export const engines = { flv, ts, hls, aac, mp3 };

// probes are coding names that a browser can be asked about.
const probes = {
  H264: 'video/mp4; codecs="avc1.42E01E"',
  HEVC: 'video/mp4; codecs="hvc1.1.6.L93.B0"',
  AV1: 'video/mp4; codecs="av01.0.04M.08"',
  VP9: 'video/mp4; codecs="vp09.00.10.08"',
  AAC: 'audio/mp4; codecs="mp4a.40.2"',
  Opus: 'audio/mp4; codecs="opus"',
  FLAC: 'audio/mp4; codecs="flac"',
  AC3: 'audio/mp4; codecs="ac-3"',
  EAC3: 'audio/mp4; codecs="ec-3"',
};

// undecodable returns the name of a coding in the stream that this browser has no decoder for.
export function undecodable(item) {
  const source = window.ManagedMediaSource || window.MediaSource;
  for (const track of [item.video, item.audio]) {
    const probe = track && probes[track.codec];
    if (probe && source && !source.isTypeSupported(probe)) return track.codec;
  }
  return '';
}
