// The page that publishes a camera, a screen or sound alone by WHIP.
import { absolute, show } from '/players/address.js';
import { Broadcast } from '/players/broadcast.js';
import { Capture, why } from '/players/capture.js';
import { byId, setText } from '/players/element.js';
import { draw } from '/players/figures.js';
import { said } from '/players/load.js';
import { limits, sent } from '/players/sent.js';
import { fillCodecs, fillDevices, fillPlace, settings } from '/players/settings.js';
import * as words from '/players/words.js';

const drawEvery = 500, levelEvery = 100; // ms
const query = new URLSearchParams(location.search);
const capture = new Capture(gone);
const lists = ['camera', 'screen', 'sound'];
const names = { picture: 'picture', voice: 'microphone', tone: 'sound of the screen' };

const cast = new Broadcast({
  changed: rest,
  warn,
  prepare: async () => ({ url: await describe(), ...settings(), picture: capture.picture, sound: capture.sound }),
});
let busy = false; // a device is being asked for
let secure = ''; // where this page is over TLS

// say shows a state over the picture: its name for the style, a sentence, and what to do.
function say(state, title = '', hint = '') {
  byId('main').dataset.state = state;
  setText(byId('state'), title);
  setText(byId('hint'), hint);
  byId('begin').hidden = state !== 'idle';
  byId('again').hidden = state !== 'failed';
}

// warn tells of a trouble that leaves the picture as it is; null takes it away.
function warn(problem) {
  byId('trouble').hidden = !problem;
  setText(byId('trouble'), problem ? `${problem.title}. ${problem.hint || ''}`.trim() : '');
}

// rest is the state while nothing is wrong.
function rest() {
  if (!capture.kind) say('idle', 'Publish from this browser', 'Choose what others are to see. Nothing is sent until you start.');
  else if (cast.wanted && !cast.live) say('connecting', cast.attempts ? 'Connecting again…' : 'Connecting…');
  else if (capture.picture) say('ready');
  else say('sound', capture.sound ? 'Sound only' : 'Nothing to publish', capture.sound ? 'No picture is sent.' : 'Choose a camera, a screen or a microphone.');
  drawTools();
}

function drawTools() {
  const sound = capture.sound;
  byId('go').disabled = !cast.wanted && (busy || !capture.picture && !sound);
  byId('go').classList.toggle('stop', cast.wanted);
  setText(byId('go'), cast.wanted ? 'Stop' : 'Start publishing');
  byId('mute').hidden = !sound;
  byId('mute').setAttribute('aria-pressed', String(Boolean(sound && !sound.enabled)));
  setText(byId('mute'), sound && !sound.enabled ? 'Muted' : 'Mute');
  for (const button of byId('sources').children) {
    button.setAttribute('aria-pressed', String(button.value === capture.kind));
    button.disabled = busy || !able(button.value);
  }
  byId('badge').hidden = !cast.live;
  byId('codec').disabled = cast.wanted;
  for (const id of ['app', 'stream', 'token']) byId(id).disabled = cast.wanted;
  if (byId('preview').srcObject?.getVideoTracks()[0] !== (capture.picture || undefined)) {
    byId('preview').srcObject = capture.picture ? new MediaStream([capture.picture]) : null;
  }
}

const able = (kind) => Boolean(navigator.mediaDevices) && (kind !== 'screen' || Boolean(navigator.mediaDevices.getDisplayMedia));

// take asks for a picture, and for the microphone the first time.
async function take(kind) {
  await ask(kind === 'sound' ? 'microphone' : kind, async () => {
    await capture.look(kind, settings());
    if (!capture.voice) await hear();
  });
}

// hear asks for the microphone; a picture goes on without it.
async function hear() {
  try {
    await capture.listen(settings());
  } catch (e) {
    warn(why(e, 'microphone'));
  }
}

// ask does what may need the visitor's permission, and passes what has come to who is watching.
async function ask(what, get) {
  if (busy) return;
  busy = true;
  warn(null);
  drawTools();
  try {
    await get();
    await fillDevices(capture);
    await cast.pass(capture.picture, capture.sound);
  } catch (e) {
    if (capture.kind) warn(why(e, what));
    busy = false;
    rest();
    if (!capture.kind) say('failed', why(e, what).title, why(e, what).hint);
    return;
  }
  busy = false;
  rest();
}

// gone tells of a device that has left by itself.
function gone(which) {
  if (which === 'picture' && capture.kind !== 'sound') warn({ title: `The ${capture.kind} is gone`, hint: 'Choose it again, or something else.' });
  else warn({ title: `The ${names[which]} is gone`, hint: cast.wanted ? 'You go on without it.' : '' });
  cast.pass(capture.picture, capture.sound).catch(() => {}); // the session has ended too
  rest();
}

// describe asks the server about the stream, and returns the address to publish it to. It throws a
// problem where there is none.
async function describe() {
  const { app, stream } = settings();
  const about = new URLSearchParams({ stream: `${app}/${stream}` });
  if (query.get('vhost')) about.set('vhost', query.get('vhost'));
  let response, body;
  try {
    response = await fetch(`/players/stream.json?${about}`, { cache: 'no-store' });
    body = await response.text();
  } catch {
    throw { title: 'The server does not answer', hint: 'It may be restarting.', again: true };
  }
  if (!response.ok) throw { title: 'There can be no such stream', hint: said(body) };
  const { stream: item, secure: address } = JSON.parse(body);
  secure = address;
  setText(byId('name'), `${item.app}/${item.stream}`);
  document.title = `Publish ${item.app}/${item.stream} · weir`;
  byId('player').href = item.page;
  byId('onward').hidden = !item.onward;
  show(byId('watch'), [['Player', absolute(item.page)], ...(item.whip ? [['WHIP, for other programs', absolute(item.whip)]] : [])]);
  if (!item.whip) {
    throw { title: 'This server takes no publishers over WebRTC here', hint: `Write rtc_server { enabled on; }, http_api { enabled on; } and, in the vhost, rtc { enabled on; ${item.onward ? 'rtc_to_rtmp on; ' : ''}} into its configuration.` };
  }
  return item.whip;
}

// figures shows what is sent.
function figures() {
  const { live, readings } = cast;
  setText(byId('about'), live ? `Live for ${words.duration(Date.now() - live)}` : cast.wanted ? 'Connecting' : 'Not live');
  setText(byId('bitrate'), words.bitrate(readings ? readings.kbps() : 0));
  draw(byId('figures'), sent(readings));
  setText(byId('limits'), limits(readings, settings().limit));
}

function level() {
  const now = capture.level();
  byId('level').firstElementChild.style.transform = `scaleX(${now.toFixed(3)})`;
  byId('level').setAttribute('aria-valuenow', String(Math.round(now * 100)));
}

function listen() {
  const on = (id, run) => byId(id).addEventListener('change', run);
  byId('begin').addEventListener('click', () => take('camera'));
  byId('again').addEventListener('click', () => take(byId('again').value || 'camera'));
  for (const kind of lists) {
    const button = [...byId('sources').children].find((b) => b.value === kind);
    button.addEventListener('click', () => { byId('again').value = kind; take(kind); });
  }
  byId('go').addEventListener('click', () => {
    if (cast.wanted) cast.stop();
    else if (byId('place').reportValidity()) { warn(null); cast.start(); }
  });
  byId('mute').addEventListener('click', () => { capture.mute(capture.sound.enabled); drawTools(); });
  on('camera', () => { if (capture.kind === 'camera') ask('camera', () => capture.look('camera', settings())); });
  on('microphone', () => ask('microphone', () => capture.listen(settings())));
  on('voice', () => { if (capture.voice) ask('microphone', () => capture.listen(settings())); });
  for (const id of ['height', 'rate', 'limit']) {
    on(id, async () => {
      const { limit, rate } = settings();
      try {
        await capture.fit(settings());
        if (cast.sending) await cast.sending.bound(limit, rate);
      } catch (e) {
        warn({ title: 'This quality cannot be had', hint: `The browser says: ${e.message}` });
      }
    });
  }
  for (const id of ['app', 'stream']) on(id, () => { warn(null); describe().catch(warn); });
  for (const form of document.forms) form.addEventListener('submit', (e) => e.preventDefault());
  navigator.mediaDevices?.addEventListener('devicechange', () => fillDevices(capture));
}

// insecure tells what to do where the browser gives no devices to a page.
function insecure() {
  say('failed', 'Browsers give the camera to secure pages only',
    `Open this page ${secure ? `as ${secure}${location.pathname}${location.search}` : 'over https (http_server { https { enabled on; } })'}, or as http://localhost on the machine of the server.`);
  byId('again').hidden = true;
}

(async function run() {
  fillPlace(query);
  fillCodecs();
  listen();
  rest();
  setInterval(figures, drawEvery);
  setInterval(level, levelEvery);
  figures();
  await describe().catch(warn);
  if (!navigator.mediaDevices || !window.RTCPeerConnection) insecure();
  else await fillDevices(capture);
})();
addEventListener('pagehide', () => { cast.stop(); capture.stop(); rest(); });
