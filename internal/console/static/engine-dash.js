// DASH by dash.js.
import { load, refusal, refused, unloaded } from '/players/load.js';
import { Pace } from '/players/pace.js';
import { Segments } from '/players/segments.js';

const settings = {
  debug: { logLevel: 0 },
  streaming: {
    // There are no captions here, and dash.js would dress them with styles of its own, which
    // the page's policy forbids.
    text: { defaultEnabled: false },
    abr: { autoSwitchBitrate: { audio: false, video: false } }, // a stream has one bit rate
    lastBitrateCachingInfo: { enabled: false }, // nothing is left on the viewer's disk
    lastMediaSettingsCachingInfo: { enabled: false },
  },
};

// quick settings are those for segments that come while they are made. Pace does the catching up:
// what dash.js does at each frame of a stall outlives it, and fails.
const quick = (latency) => ({
  streaming: { delay: { liveDelay: latency }, liveCatchup: { enabled: false } },
});

// patient settings are those for a stream that the server has to fetch first: it answers after 15 s at the latest.
const patient = { streaming: { manifestRequestTimeout: 20000, retryAttempts: { MPD: 0 } } };

export const dash = {
  note: ({ latency }) => 'Latency is how long ago the server got the picture, by the server’s clock. ' + (latency
    ? 'Low-latency DASH sends a segment while it is made, and the player plays a little faster while it is behind its aim. The way from the camera to the server comes on top.'
    : 'DASH sends whole segments, so it is behind by a few of them.'),
  able: () => Boolean(window.ManagedMediaSource || window.MediaSource),
  start,
};

function start(video, { url, latency, absent }, on) {
  let player = null, over = false, pace = null;
  const segments = new Segments();
  const stop = () => {
    over = true;
    if (pace) pace.stop();
    if (player) player.destroy();
    player = pace = null;
  };
  const fail = (problem) => { if (!over) { stop(); on.failed(problem); } };

  load('/players/vendor/dash.mediaplayer.min.js').then(() => {
    if (over) return;
    const { MediaPlayer } = window.dashjs;
    const { events } = MediaPlayer;
    player = MediaPlayer().create();
    player.initialize();
    player.updateSettings(settings);
    if (latency) player.updateSettings(quick(latency));
    if (absent) player.updateSettings(patient);
    player.clearDefaultUTCTimingSources(); // one is on the internet; the manifest has one
    player.on(events.ERROR, async ({ error }) => { if (!bearable(error)) fail(absent && missing(error) ? refused(404, '') : await problem(error, url)); });
    player.on(events.PLAYBACK_ENDED, () => { // or only of what one publisher sent
      if (!over && !player.isDynamic()) { stop(); on.ended(); }
    });
    player.on(events.STREAM_INITIALIZED, () => { if (video.paused) video.play().catch(on.blocked); });
    player.on(events.FRAGMENT_LOADING_COMPLETED, ({ request }) => {
      if (request.type === 'MediaSegment') segments.add(request.mediaType, request.bytesTotal * 8, request.duration);
    });
    player.setAutoPlay(false);
    player.attachView(video);
    player.attachSource(url);
    pace = new Pace(video, { latency: behind, aim, jump }, latency > 0);
  }, () => fail(unloaded));

  const aim = () => latency || player.getTargetLiveDelay();
  function behind() {
    const seconds = player ? player.getCurrentLiveLatency() : 0;
    return seconds > 0 ? seconds : NaN;
  }
  // jump goes to the aim, if there is anything new.
  function jump() {
    const { end } = player.getDvrWindow();
    if (end - aim() > video.currentTime + 0.5) player.seekToOriginalLive();
  }
  return {
    stop,
    kbps: () => segments.kbps(),
    latency: behind,
    target: () => latency || NaN,
  };
}

// bearable errors are of what is not needed to play: another clock, captions.
function bearable({ code }) {
  const { errors } = window.dashjs.MediaPlayer;
  return code === errors.TIME_SYNC_FAILED_ERROR_CODE || code === errors.TIMED_TEXT_ERROR_ID_PARSE_CODE;
}

// missing is that there is no manifest.
function missing({ code, data }) {
  const { errors } = window.dashjs.MediaPlayer;
  return code === errors.DOWNLOAD_ERROR_ID_MANIFEST_CODE && data?.response?.status === 404;
}

async function problem({ code, message }, url) {
  const { errors } = window.dashjs.MediaPlayer;
  if (code === errors.DOWNLOAD_ERROR_ID_MANIFEST_CODE) {
    const answer = await refusal(url, 0);
    if (answer.status === 404 && !answer.hint) {
      return { title: 'There is no manifest yet', hint: 'The first segment must be complete, which takes some seconds.' };
    }
    return answer.status ? answer : { title: 'The connection is lost', hint: 'The server cannot be reached.' };
  }
  if (code === errors.DOWNLOAD_ERROR_ID_CONTENT_CODE || code === errors.DOWNLOAD_ERROR_ID_INITIALIZATION_CODE) {
    return { title: 'The connection is lost', hint: 'A segment did not come.' };
  }
  return { title: 'The stream cannot be decoded', hint: `The player says: ${message} Another format may work.` };
}
