// HLS by hls.js, or by the browser where it has no Media Source, as older phones.
import { native } from '/players/engine-native.js';
import { load, refused, said, unloaded } from '/players/load.js';
import { Segments } from '/players/segments.js';

const settings = {
  lowLatencyMode: false,
  liveSyncDurationCount: 2, // segments between the playlist's end and the picture
  liveMaxLatencyDurationCount: 6,
  maxLiveSyncPlaybackRate: 1.05,
  backBufferLength: 30,
};

// quick settings are those for segments that come in parts.
const quick = (latency) => ({
  lowLatencyMode: true,
  liveSyncDuration: latency,
  liveMaxLatencyDuration: latency + 3, // what is behind by more jumps
  liveSyncOnStallIncrease: 0.3, // s: each stall takes the aim back by so much
  maxLiveSyncPlaybackRate: 1.1, // what is behind by less catches up
  backBufferLength: 30,
});

const source = () => window.ManagedMediaSource || window.MediaSource;
const builtIn = () => document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '';

export const hls = {
  note: ({ latency }) => 'Latency is how far the picture is behind the newest one that the server has, reckoned from the playlist. ' + (latency
    ? 'Low-Latency HLS sends parts of segments as they are made, and the player plays a little faster while it is behind its aim. The way from the camera to the server comes on top.'
    : 'HLS sends whole segments, so it is behind by a few of them.'),
  able: () => Boolean(source()) || builtIn(),
  start: (video, output, on) => (source() ? start(video, output, on) : native(video, output, on)),
};

function start(video, { url, latency }, on) {
  let player = null, over = false, mended = false;
  const segments = new Segments();
  const stop = () => {
    over = true;
    if (player) player.destroy();
    player = null;
  };
  const fail = (problem) => { if (!over) { stop(); on.failed(problem); } };

  load('/players/vendor/hls.min.js').then(() => {
    if (over) return;
    const { Hls } = window;
    player = new Hls(latency ? quick(latency) : settings);
    player.on(Hls.Events.ERROR, (_, data) => {
      if (!data.fatal || over) return;
      if (data.type === Hls.ErrorTypes.MEDIA_ERROR && !mended) { // once, it is often enough
        mended = true;
        player.recoverMediaError();
        return;
      }
      fail(problem(data));
    });
    player.on(Hls.Events.FRAG_LOADED, (_, { frag, part }) => {
      const { stats, duration } = part || frag;
      segments.add(frag.type, stats.total * 8, duration);
    });
    player.on(Hls.Events.MANIFEST_PARSED, () => video.play().catch(on.blocked));
    player.loadSource(url);
    player.attachMedia(video);
    video.addEventListener('ended', ended, { once: true });
  }, () => fail(unloaded));

  function ended() {
    if (!over) { stop(); on.ended(); }
  }
  return {
    stop: () => { video.removeEventListener('ended', ended); stop(); },
    kbps: () => segments.kbps(),
    latency: () => (player && player.latency > 0 ? player.latency : NaN),
    target: () => (player && latency ? player.targetLatency || latency : NaN),
  };
}

function problem(data) {
  const status = data.response ? data.response.code : 0;
  if (data.type === window.Hls.ErrorTypes.NETWORK_ERROR) {
    const reason = data.networkDetails ? said(textOf(data.networkDetails)) : '';
    if (status === 404 && !reason) {
      return { status, title: 'There is no playlist yet', hint: 'The first segment must be complete, which takes some seconds.' };
    }
    if (status >= 400) return refused(status, reason);
    return { title: 'The connection is lost', hint: 'The server cannot be reached.' };
  }
  return { title: 'The stream cannot be decoded', hint: `The player says: ${data.details}. Another format may work.` };
}

function textOf(request) {
  try {
    return request.responseText;
  } catch {
    return ''; // it was not text
  }
}
