// The page that plays one stream. It asks the server what there is, and has one player at work,
// or one for each output to compare them.
import { absolute, quote, show } from '/players/address.js';
import { Choice } from '/players/choice.js';
import { Comparison } from '/players/compare.js';
import { byId, element, setText } from '/players/element.js';
import { engines, offered, trouble, usable } from '/players/engine.js';
import { draw } from '/players/figures.js';
import { Keeper } from '/players/keeper.js';
import { said } from '/players/load.js';
import * as words from '/players/words.js';

const query = new URLSearchParams(location.search);
const video = byId('video');
const keeper = new Keeper(video, say);
const choice = new Choice();
const comparison = new Comparison(byId('grid'), byId('tally'));
const askEvery = 2000, drawEvery = 500; // ms

let item = null; // the stream as the server describes it
let kind = query.get('format') || ''; // wanted by the viewer
let comparing = query.get('compare') === '1'; // so are all

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
    if (!keeper.engine) keeper.say('failed', 'The server does not answer', 'This page goes on asking.');
    return;
  }
  const body = await response.text();
  if (!response.ok) {
    item = null;
    keeper.say('failed', 'There is no such stream', said(body) || `The server answers with status ${response.status}.`);
    return;
  }
  const answer = JSON.parse(body);
  item = answer.stream;
  describe(answer);
  decide();
}

// decide starts players if there is something to play and none at work.
function decide() {
  if (!item) return;
  const { live, brought } = item, may = live || brought; // there may be something to play
  const wrong = may ? trouble(item) : null;
  const grid = comparing && may && !wrong || comparison.tiles.size > 0;
  byId('main').dataset.view = grid ? 'grid' : 'one';
  if (wrong) {
    if (keeper.absent) keeper.stop(); // what has come cannot be played here
    if (!keeper.engine) keeper.say('failed', wrong.title, wrong.hint);
  } else if (grid) {
    byId('main').dataset.state = 'comparing';
    comparison.offer(usable(item), live, brought);
  } else {
    keeper.offer(choose(), live, brought);
  }
  drawFormats();
}

// choose takes the output that the viewer wants, else the best.
const choose = () => choice.of(usable(item), kind);

// What the viewer has not chosen himself may be something else, and he is told why.
keeper.instead = (output, problem, played) => {
  const other = item && !kind ? choice.after(usable(item), output, played) : null;
  if (other) explain(`${output.label} does not play here, ${other.label} is tried instead. ${problem.title}. ${problem.hint}`);
  return other;
};

function explain(text) {
  setText(byId('aside'), text.trim());
  byId('aside').hidden = !text;
}

byId('again').addEventListener('click', () => keeper.again());
byId('sound').addEventListener('click', () => { video.muted = !video.muted; });
byId('compare').addEventListener('click', () => turn(!comparing));
video.addEventListener('volumechange', drawSound);

function drawSound() {
  const button = byId('sound');
  button.hidden = !item || !item.audio || comparing;
  setText(button, video.muted ? 'Sound on' : 'Sound off');
}

// describe shows what the server says of the stream.
function describe({ now }) {
  setText(byId('name'), `${item.app}/${item.stream}`);
  document.title = `${item.app}/${item.stream} · weir`;
  const about = item.live ? [words.tracks(item), words.picture(item).replace(/^–$/, ''), `live for ${words.duration(now - item.since)}`] : [];
  if (item.vhost !== '__defaultVhost__') about.unshift(item.vhost);
  setText(byId('about'), about.filter(Boolean).join(' · '));
  setText(byId('viewers'), item.viewers.toLocaleString('en'));
  drawAddresses();
  drawSound();
}

function drawAddresses() {
  const links = item.outputs.map((o) => [o.kind === 'webrtc' ? 'WebRTC (WHEP)' : o.label, absolute(o.url)]);
  const flv = item.outputs.find((o) => o.kind === 'flv');
  if (flv) links.push(['WebSocket-FLV', absolute(flv.url).replace(/^http/, 'ws')]);
  const plain = item.outputs.find((o) => o.kind !== 'webrtc');
  if (plain) links.push(['ffplay', `ffplay ${quote(absolute(plain.url))}`]);
  show(byId('play'), links);
  const cut = item.publish.lastIndexOf(`/${item.stream}`);
  byId('studio').hidden = !item.studio;
  if (item.studio) byId('studio').href = item.studio;
  show(byId('publish'), [
    ...(item.whip ? [['WebRTC (WHIP)', absolute(item.whip)]] : []),
    ['RTMP', item.publish],
    ['OBS: server', item.publish.slice(0, cut)],
    ['OBS: stream key', item.publish.slice(cut + 1)],
    ['ffmpeg', `ffmpeg -re -i input.mp4 -c copy -f flv ${quote(item.publish)}`],
  ]);
}

function drawFormats() {
  const group = byId('formats'), list = offered(item), labels = list.map((o) => o.kind + o.label).join();
  const playing = keeper.output ? keeper.output.kind : '';
  if (group.dataset.labels !== labels) {
    group.dataset.labels = labels;
    group.replaceChildren(...list.map((o) => element('button', {
      type: 'button', class: 'button', value: o.kind, onclick: () => pick(o.kind),
    }, o.label)));
  }
  for (const button of group.children) {
    button.setAttribute('aria-pressed', String(button.value === playing));
    button.disabled = !engines[button.value].able(item);
  }
  byId('main').dataset.format = playing;
  byId('compare').hidden = !comparing && usable(item).length < 2;
  byId('compare').setAttribute('aria-pressed', String(comparing));
}

// pick changes to another format.
function pick(wanted) {
  kind = wanted;
  query.set('format', wanted);
  if (comparing) {
    turn(false);
    return;
  }
  note();
  explain('');
  keeper.change(choose());
  drawFormats();
}

// turn goes to the comparison, or back to one player.
function turn(on) {
  comparing = on;
  if (on) query.set('compare', '1');
  else query.delete('compare');
  note();
  keeper.stop();
  comparison.stop();
  keeper.retryAt = 0;
  if (!on) say('connecting', 'Connecting…');
  decide();
  drawSound();
}

// note puts what is shown into the address, so that it can be passed on.
function note() {
  history.replaceState(null, '', `?${query.toString().replaceAll('%2F', '/')}`);
}

// figures shows what the viewer gets.
function figures() {
  if (comparing) comparison.look();
  keeper.look();
  const { engine, meter, output } = keeper;
  setText(byId('latency'), keeper.latency());
  setText(byId('target'), keeper.target());
  setText(byId('bitrate'), words.bitrate((engine && engine.kbps()) || (item && item.live && item.kbps)));
  setText(byId('resolution'), words.size(video.videoWidth, video.videoHeight) || '–');
  setText(byId('framerate'), keeper.rate());
  setText(byId('dropped'), engine && meter.total ? `${meter.dropped.toLocaleString('en')} of ${meter.total.toLocaleString('en')}` : '–');
  setText(byId('start'), keeper.start());
  setText(byId('stalls'), keeper.stalls());
  draw(byId('details'), keeper.details());
  if (output) setText(byId('latency-note'), engines[output.kind].note(output));
  if (item) drawFormats();
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
    await new Promise((done) => { setTimeout(done, keeper.engine || comparing ? askEvery : 1000); });
  }
})();
addEventListener('pagehide', () => { keeper.stop(); comparison.stop(); });
