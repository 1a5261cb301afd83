// The table of players, by the kind of output they play. A player is
//
//   note(output)  what its latency means
//   able(item)    whether this browser has what it needs for a stream
//   start(video, output, on)  plays, and returns { stop, latency, kbps }, and where it has them
//                 target, how far behind it tries to be, position, which grows while something
//                 comes, stalls, their number, details, more figures as [name, text], and
//                 learn(output), which is told what an absent stream is, once it is there
//
// An output is one of the server's: { kind, label, url, latency }, with pictures if the stream has
// some. The latency is what to aim at; 0 leaves it to the player. One that is absent is not on, and its request has the
// server ask others for it: where that was in vain, the problem has the status 404, and nothing is asked again to find out why.
// on.failed({ title, hint, status }) and on.ended() are called at most once, after which it is over.
import { flv, ts } from '/players/engine-mpegts.js';
import { dash } from '/players/engine-dash.js';
import { hls } from '/players/engine-hls.js';
import { aac, mp3 } from '/players/engine-native.js';
import { webrtc } from '/players/engine-webrtc.js';
import * as words from '/players/words.js';

// Best first: the page takes the first that the server has and the browser can.
export const engines = { webrtc, flv, ts, hls, dash, aac, mp3 };

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

// offered are the outputs of a stream that this page plays, usable those that this browser can.
export const offered = (item) => item.outputs.filter((o) => engines[o.kind]).map((o) => ({ ...o, pictures: Boolean(item.video) }));
export const usable = (item) => offered(item).filter((o) => engines[o.kind].able(item) && (o.kind === 'webrtc' || !undecodable(item)));

// trouble says why nothing of a stream can be played here; null if something can.
export function trouble(item) {
  if (usable(item).length) return null;
  const list = offered(item), coding = undecodable(item) || list.some((o) => o.kind === 'webrtc') && item.video && item.video.codec;
  if (!list.length) {
    return { title: 'This stream is not served over HTTP', hint: 'Play its RTMP address in another program, or enable http_remux, hls or dash in the server’s configuration.' };
  }
  if (coding) {
    return { title: `This browser cannot decode ${words.codec(coding)}`, hint: 'Try another browser or another device, or publish H.264 and AAC, which all of them decode.' };
  }
  return { title: 'This browser has no player for this stream', hint: 'Try another browser, or play one of the addresses in another program.' };
}

// undecodable returns the name of a coding in the stream that players of a page have no decoder for.
function undecodable(item) {
  const source = window.ManagedMediaSource || window.MediaSource;
  for (const track of [item.video, item.audio]) {
    const probe = track && probes[track.codec];
    if (probe && source && !source.isTypeSupported(probe)) return track.codec;
  }
  return '';
}
