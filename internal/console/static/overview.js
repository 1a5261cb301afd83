// The page of all streams: one card each, brought up to date every few seconds.
import { absolute, quote, show } from '/players/address.js';
import { byId, element, setText } from '/players/element.js';
import * as words from '/players/words.js';

const every = 2500; // ms
const cards = new Map(); // by the address of the stream's page
let start = 0, next = 0;

async function refresh() {
  try {
    const response = await fetch(`/players/streams.json?start=${start}`, { cache: 'no-store' });
    if (!response.ok) throw new Error(`status ${response.status}`);
    draw(await response.json());
    byId('trouble').hidden = true;
  } catch {
    setText(byId('trouble'), 'The server does not answer. What you see may be out of date; this page goes on asking.');
    byId('trouble').hidden = false;
  }
}

function draw(answer) {
  next = answer.next;
  if (start > 0 && start >= answer.total) { // the streams behind which this part began have gone
    start = 0;
    refresh();
    return;
  }
  const list = answer.streams.sort((a, b) => (a.page < b.page ? -1 : 1));
  const gone = new Set(cards.keys());
  list.forEach((item, i) => {
    gone.delete(item.page);
    const card = cards.get(item.page) || makeCard(item);
    cards.set(item.page, card);
    fill(card, item, answer.now);
    const here = byId('cards').children[i];
    if (here !== card.node) byId('cards').insertBefore(card.node, here || null);
  });
  for (const page of gone) {
    cards.get(page).node.remove();
    cards.delete(page);
  }
  byId('pager').hidden = start === 0 && next === 0;
  byId('previous').disabled = start === 0;
  byId('next').disabled = next === 0;
  tally(list, answer.brought);
  byId('choose').hidden = !answer.brought;
  howToPublish(answer.server, list.length > 0);
  byId('studio').hidden = !answer.studio;
  if (answer.studio) byId('studio-link').href = answer.studio;
  byId('main').dataset.state = list.length ? 'live' : 'empty';
}

function tally(list, brought) {
  const viewers = list.reduce((sum, item) => sum + item.viewers, 0);
  const part = start > 0 || next > 0 ? ' in this part of the list' : '';
  setText(byId('tally'), list.length
    ? `${words.count(list.length, 'stream', 'streams')}, ${words.count(viewers, 'viewer', 'viewers')}${part}`
    : `${brought ? 'Nothing is on here' : 'Nobody is publishing'}${part}.`);
}

function makeCard(item) {
  const fact = (name) => {
    const value = element('dd');
    return [element('div', {}, element('dt', {}, name), value), value];
  };
  const live = element('span', { class: 'live' });
  const [picture, pictureText] = fact('Picture');
  const [tracks, tracksText] = fact('Codecs');
  const [bitrate, bitrateText] = fact('Bitrate');
  const [viewers, viewersText] = fact('Viewers');
  const kinds = element('ul', { class: 'kinds', 'aria-label': 'Can be played as' });
  const where = [item.vhost === '__defaultVhost__' ? '' : item.vhost, item.app].filter(Boolean).join(' / ');
  const node = element('li', { class: 'card' },
    element('header', {},
      element('div', {},
        element('p', { class: 'where' }, where),
        element('h2', {}, element('a', { href: item.page }, item.stream))),
      live),
    element('dl', { class: 'facts' }, picture, tracks, bitrate, viewers), kinds);
  return { node, live, kinds, pictureText, tracksText, bitrateText, viewersText };
}

function fill(card, item, now) {
  setText(card.live, `Live ${words.duration(now - item.since)}`);
  setText(card.pictureText, words.picture(item));
  setText(card.tracksText, words.tracks(item));
  setText(card.bitrateText, words.bitrate(item.kbps));
  setText(card.viewersText, item.viewers.toLocaleString('en'));
  const labels = item.outputs.map((o) => o.label);
  if (card.labels !== labels.join()) {
    card.labels = labels.join();
    card.kinds.replaceChildren(...labels.map((l) => element('li', {}, l)));
  }
}

function howToPublish(server, some) {
  setText(byId('publish-title'), some ? 'Publish another stream' : 'Publish the first stream');
  setText(byId('publish-hint'), some
    ? 'Take any other stream key, and it appears here.'
    : 'It appears here as soon as it is on. Any stream key will do.');
  show(byId('obs'), [['Server', `${server}/live`], ['Stream key', 'livestream']]);
  show(byId('ffmpeg'), [
    ['A file', `ffmpeg -re -stream_loop -1 -i input.mp4 -c copy -f flv ${quote(`${server}/live/livestream`)}`],
    ['Then open', absolute('/players/?stream=live/livestream')],
  ]);
  byId('publish').hidden = false;
}

byId('previous').addEventListener('click', () => { start = Math.max(0, start - 100); refresh(); });
byId('next').addEventListener('click', () => { start = next; refresh(); });

(async function run() {
  for (;;) {
    if (!document.hidden) await refresh();
    await new Promise((done) => { setTimeout(done, every); });
  }
})();
document.addEventListener('visibilitychange', () => { if (!document.hidden) refresh(); });
