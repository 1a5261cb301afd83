// The page that plays one stream. It asks the server what there is, chooses a player, keeps it
// going over the stream's ends and returns, and says in words what goes on.
import { absolute, quote, show } from '/players/address.js';
import { byId, element, setText } from '/players/element.js';
import { engines, undecodable } from '/players/engine.js';
import { said } from '/players/load.js';
import { Meter } from '/players/meter.js';
import * as words from '/players/words.js';

const query = new URLSearchParams(location.search);
const video = byId('video');
const meter = new Meter(video);
const askEvery = 2000, drawEvery = 500, silence = 12000; // ms
const waits = [1000, 2000, 4000, 8000, 15000]; // between attempts

let item = null; // the stream as the server describes it
let kind = query.get('format') || ''; // wanted by the viewer
let engine = null, playing = ''; // the player at work, and its kind
let attempts = 0, retryAt = 0;
let moved = { at: 0, time: 0 }; // when the picture moved last
let started = Infinity; // when it began to

// say shows a state: its name for the style, a sentence, and what to do or to expect.
function say(state, title, hint = '', again = '') {
  byId('main').dataset.state = state;
  video.controls = state === 'playing' || state === 'stalled';
  setText(byId('state'), title);
  setText(byId('hint'), hint);
  byId('again').hidden = !again;
  if (again) setText(byId('again'), again);
}

// ask brings up to date what is known of the stream.
async function ask() {
  const wanted = new URLSearchParams({ stream: query.get('stream') });
  if (query.get('vhost')) wanted.set('vhost', query.get('vhost'));
  let response;
  try {
    response = await fetch(`/players/stream.json?${wanted}`, { cache: 'no-store' });
  } catch {
    if (!engine) say('failed', 'The server does not answer', 'This page goes on asking.');
    return;
  }
  const body = await response.text();
  if (!response.ok) {
    item = null;
    say('failed', 'There is no such stream', said(body) || `The server answers with status ${response.status}.`);
    return;
  }
  const answer = JSON.parse(body);
  item = answer.stream;
  describe(answer);
  decide();
}

// decide starts a player if there is something to play and none at work.
function decide() {
  if (engine || !item || Date.now() < retryAt) return;
  if (!item.live) {
    if (byId('main').dataset.state !== 'ended') {
      say('waiting', 'Nobody publishes this stream yet', 'It starts here by itself as soon as somebody does. The address to publish to is on this page.');
    }
    return;
  }
  const choice = choose();
  if (choice) begin(choice);
}

// choose returns the output to play, or says why there is none.
function choose() {
  const offered = item.outputs.filter((o) => engines[o.kind]);
  const coding = undecodable(item);
  if (!offered.length) {
    say('failed', 'This stream is not served over HTTP', 'Play its RTMP address in another program, or enable http_remux or hls in the server’s configuration.');
    return null;
  }
  if (coding) {
    say('failed', `This browser cannot decode ${words.codec(coding)}`, 'Try another browser or another device, or publish H.264 and AAC, which all of them decode.');
    return null;
  }
  const usable = offered.filter((o) => engines[o.kind].able());
  const choice = usable.find((o) => o.kind === kind) || usable[0];
  if (!choice) say('failed', 'This browser has no player for this stream', 'Try another browser, or play one of the addresses in another program.');
  return choice;
}

function begin(output) {
  playing = output.kind;
  moved = { at: Date.now(), time: -1 };
  meter.reset();
  say('connecting', 'Connecting…');
  setText(byId('latency-note'), engines[playing].note);
  byId('main').dataset.format = playing;
  engine = engines[playing].start(video, output.url, {
    ended: () => end('ended', 'The stream has ended', 'It plays again here by itself when it is published again.'),
    failed: (problem) => {
      const wait = waits[Math.min(attempts++, waits.length - 1)];
      retryAt = Date.now() + wait;
      const next = `Next attempt in ${words.duration(wait)}.`;
      end('failed', problem.title, problem.hint ? `${problem.hint} ${next}` : next, 'Try again now');
      setTimeout(decide, wait + 50);
    },
    blocked: (e) => {
      if (e && e.name === 'NotAllowedError') say('blocked', 'Ready to play', 'Your browser wants you to start it.', 'Play');
    },
  });
  drawFormats();
}

function end(...state) {
  stop();
  say(...state);
}

function stop() {
  if (engine) engine.stop();
  engine = null;
}

// watch notices what no event tells: a picture that does not move any more.
function watch() {
  if (!engine || video.paused) {
    moved.at = Date.now();
    return;
  }
  if (video.currentTime !== moved.time) {
    moved = { at: Date.now(), time: video.currentTime };
    if (Date.now() - started > 5000) attempts = 0; // it has gone well for a while
    return;
  }
  const still = Date.now() - moved.at;
  if (item && !item.live && still > 2500) end('ended', 'The stream has ended', 'It plays again here by itself when it is published again.');
  else if (still > silence) {
    stop();
    decide();
  }
}

video.addEventListener('playing', () => { started = Date.now(); say('playing', 'Playing'); });
video.addEventListener('waiting', () => { if (engine && byId('main').dataset.state === 'playing') say('stalled', 'Waiting for more…'); });
video.addEventListener('timeupdate', () => { if (byId('main').dataset.state === 'stalled' && !video.paused) say('playing', 'Playing'); });
video.addEventListener('volumechange', drawSound);
byId('again').addEventListener('click', () => {
  if (byId('main').dataset.state === 'blocked') {
    video.play();
    return;
  }
  retryAt = 0;
  decide();
});
byId('sound').addEventListener('click', () => { video.muted = !video.muted; });

function drawSound() {
  const button = byId('sound');
  button.hidden = !item || !item.audio;
  setText(button, video.muted ? 'Sound on' : 'Sound off');
}

// describe shows what the server says of the stream.
function describe({ now }) {
  setText(byId('name'), `${item.app}/${item.stream}`);
  document.title = `${item.app}/${item.stream} · weir`;
  const about = item.live ? [words.tracks(item), words.picture(item), `live for ${words.duration(now - item.since)}`] : [];
  if (item.vhost !== '__defaultVhost__') about.unshift(item.vhost);
  setText(byId('about'), about.join(' · '));
  setText(byId('viewers'), item.viewers.toLocaleString('en'));
  drawAddresses();
  drawFormats();
  drawSound();
}

function drawAddresses() {
  const links = item.outputs.map((o) => [o.label, absolute(o.url)]);
  const flv = item.outputs.find((o) => o.kind === 'flv');
  if (flv) links.push(['WebSocket-FLV', absolute(flv.url).replace(/^http/, 'ws')]);
  if (links.length) links.push(['ffplay', `ffplay ${quote(links[0][1])}`]);
  show(byId('play'), links);
  const cut = item.publish.lastIndexOf(`/${item.stream}`);
  show(byId('publish'), [
    ['RTMP', item.publish],
    ['OBS: server', item.publish.slice(0, cut)],
    ['OBS: stream key', item.publish.slice(cut + 1)],
    ['ffmpeg', `ffmpeg -re -i input.mp4 -c copy -f flv ${quote(item.publish)}`],
  ]);
}

function drawFormats() {
  const group = byId('formats');
  const offered = item.outputs.filter((o) => engines[o.kind]);
  if (group.children.length !== offered.length || offered.some((o, i) => group.children[i].value !== o.kind)) {
    group.replaceChildren(...offered.map((o) => element('button', {
      type: 'button', class: 'button', value: o.kind, onclick: () => pick(o.kind),
    }, engines[o.kind].label)));
  }
  for (const button of group.children) {
    button.setAttribute('aria-pressed', String(engine !== null && button.value === playing));
    button.disabled = !engines[button.value].able();
  }
}

// pick changes to another format, also in the address, so that it can be passed on.
function pick(wanted) {
  kind = wanted;
  query.set('format', wanted);
  history.replaceState(null, '', `?${query.toString().replaceAll('%2F', '/')}`);
  attempts = retryAt = 0;
  stop();
  decide();
}

// figures shows what the viewer gets.
function figures() {
  meter.look();
  watch();
  const latency = engine ? engine.latency() : NaN;
  setText(byId('latency'), Number.isFinite(latency) ? `${Math.max(0, latency).toFixed(1)} s` : '–');
  setText(byId('bitrate'), words.bitrate((engine && engine.kbps()) || (item && item.live && item.kbps)));
  setText(byId('resolution'), words.size(video.videoWidth, video.videoHeight) || '–');
  setText(byId('framerate'), engine && meter.fps() ? `${meter.fps().toFixed(meter.fps() < 100 ? 1 : 0)} fps` : '–');
  setText(byId('dropped'), engine && meter.total ? `${meter.dropped.toLocaleString('en')} of ${meter.total.toLocaleString('en')}` : '–');
  setText(byId('stalls'), engine ? String(meter.stalls) : '–');
}

(async function run() {
  video.muted = true; // sound does not start by itself in any browser
  if (!query.get('stream')) {
    say('failed', 'Which stream?', 'Write its app and its name, or choose one from the list of all streams.');
    byId('choose').hidden = false;
    for (const panel of document.querySelectorAll('.side')) panel.hidden = true;
    return;
  }
  setText(byId('name'), query.get('stream'));
  setInterval(figures, drawEvery);
  for (;;) {
    await ask();
    await new Promise((done) => { setTimeout(done, engine ? askEvery : 1000); });
  }
})();
addEventListener('pagehide', stop);
