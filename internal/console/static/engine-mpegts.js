// Endless answers over HTTP, FLV or a transport stream, by mpegts.js.
import { load, refusal, refused, unloaded } from '/players/load.js';

const settings = {
  enableWorker: false,
  enableStashBuffer: false, // it would hold back what has come
  // What is behind by little catches up by playing a tenth faster; what is behind by much, as
  // after the cached key frame, jumps.
  liveSync: true,
  liveSyncMaxLatency: 1.6,
  liveSyncTargetLatency: 0.9,
  liveSyncPlaybackRate: 1.1,
  liveBufferLatencyChasing: true,
  liveBufferLatencyMaxLatency: 3,
  liveBufferLatencyMinRemain: 0.9,
  autoCleanupSourceBuffer: true,
  autoCleanupMaxBackwardDuration: 30,
  autoCleanupMinBackwardDuration: 15,
  deferLoadAfterSourceOpen: false,
};

const able = () => Boolean(window.MediaSource && window.MediaSource.isTypeSupported('video/mp4; codecs="avc1.42E01E,mp4a.40.2"'));

function engine(type) {
  return {
    able,
    note: () => 'Latency is how far the picture is behind the newest one that has arrived here. The way from the camera comes on top.',
    start: (video, output, on) => start(type, video, output, on),
  };
}

export const flv = engine('flv');
export const ts = engine('mpegts');

function start(type, video, { url, absent }, on) {
  let player = null, over = false, kbps = 0;
  const stop = () => {
    over = true;
    if (player) player.destroy();
    player = null;
  };
  const fail = (problem) => { if (!over) { stop(); on.failed(problem); } };
  const statistics = ({ speed }) => {
    const now = speed * 8 * 1.024; // it counts in units of 1024 bytes a second
    kbps = kbps ? kbps * 0.8 + now * 0.2 : now;
  };

  load('/players/vendor/mpegts.js').then(() => {
    if (over) return;
    const { mpegts } = window;
    mpegts.LoggingControl.enableAll = false;
    player = mpegts.createPlayer({ type, isLive: true, url }, settings);
    player.on(mpegts.Events.ERROR, async (kind, detail, info) => fail(absent && info?.code === 404 ? refused(404, '') : await problem(kind, detail, info, url)));
    player.on(mpegts.Events.LOADING_COMPLETE, () => { if (!over) { stop(); on.ended(); } });
    player.on(mpegts.Events.STATISTICS_INFO, statistics);
    player.attachMediaElement(video);
    player.load();
    Promise.resolve(player.play()).catch(on.blocked);
  }, () => fail(unloaded));

  return {
    stop,
    kbps: () => kbps,
    latency: () => (video.buffered.length ? video.buffered.end(video.buffered.length - 1) - video.currentTime : NaN),
  };
}

async function problem(kind, detail, info, url) {
  const { ErrorTypes, ErrorDetails } = window.mpegts;
  if (detail === ErrorDetails.NETWORK_STATUS_CODE_INVALID) return refusal(url, info.code);
  if (kind === ErrorTypes.NETWORK_ERROR) {
    return { title: 'The connection is lost', hint: 'The server cannot be reached, or has closed the connection.' };
  }
  if (detail === ErrorDetails.MEDIA_CODEC_UNSUPPORTED || detail === ErrorDetails.MEDIA_FORMAT_UNSUPPORTED) {
    return { title: 'This player cannot decode the stream', hint: `${info.msg || ''} Another format may work.`.trim() };
  }
  return { title: 'The stream cannot be decoded', hint: info && info.msg ? `The browser says: ${info.msg}` : '' };
}
