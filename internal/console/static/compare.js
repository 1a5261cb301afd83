// The comparison: every output of a stream that the browser can play, side by side.
import { element, setText } from '/players/element.js';
import { engines } from '/players/engine.js';
import { Keeper } from '/players/keeper.js';
import * as words from '/players/words.js';

export class Comparison {
  // grid gets the players, tally a sentence about them.
  constructor(grid, tally) {
    Object.assign(this, { grid, tally, tiles: new Map() }); // by kind
  }

  // offer is told, again and again, what there is to play, whether it is on, and whether it is brought from elsewhere.
  offer(outputs, live, brought) {
    const kinds = outputs.map((o) => o.kind);
    for (const [kind, tile] of this.tiles) {
      if (!kinds.includes(kind)) this.remove(kind, tile);
    }
    for (const output of outputs) {
      let tile = this.tiles.get(output.kind);
      if (!tile) {
        tile = new Tile(output);
        this.tiles.set(output.kind, tile);
        this.grid.append(tile.node);
      }
      tile.keeper.offer(output, live, brought);
    }
  }

  remove(kind, tile) {
    tile.keeper.stop();
    tile.node.remove();
    this.tiles.delete(kind);
  }

  stop() {
    for (const [kind, tile] of this.tiles) this.remove(kind, tile);
  }

  // look shows what the viewer gets; call it now and then.
  look() {
    const tiles = [...this.tiles.values()];
    for (const tile of tiles) tile.look();
    const playing = tiles.filter((t) => t.keeper.state === 'playing').length;
    setText(this.tally, `${playing} of ${words.count(tiles.length, 'player', 'players')} at work. They are silent, and each tells its latency in its own way.`);
  }
}

// Tile is a small player with what it says of itself.
class Tile {
  constructor({ kind, label }) {
    const id = `tile-${kind}`;
    this.video = element('video', { playsinline: '', 'aria-label': `Live video as ${label}` });
    this.video.muted = true;
    this.state = element('p', { class: 'state' });
    this.hint = element('p', { class: 'hint' });
    this.again = element('button', { type: 'button', class: 'button', onclick: () => this.keeper.again() });
    this.note = element('p', { class: 'quiet small' });
    this.latency = element('span', { class: 'latency' });
    this.target = element('span', { class: 'aim' });
    this.stalls = element('dd', { class: 'stalls' });
    this.rate = element('dd');
    this.node = element('article', { class: 'tile', 'data-kind': kind, 'aria-labelledby': id },
      element('div', { class: 'stage' }, this.video,
        element('div', { class: 'veil' }, element('span', { class: 'spinner', 'aria-hidden': 'true' }),
          element('div', {}, this.state, this.hint), this.again)),
      element('div', { class: 'told' },
        element('h2', { id }, label),
        element('dl', { class: 'figures' },
          element('div', { class: 'lead' }, element('dt', {}, 'Latency'), element('dd', {}, this.latency, this.target)),
          element('div', {}, element('dt', {}, 'Stalls'), this.stalls),
          element('div', {}, element('dt', {}, 'Frame rate'), this.rate)),
        this.note));
    this.keeper = new Keeper(this.video, (...state) => this.show(...state));
  }

  show(state, title, hint, again) {
    this.node.dataset.state = state;
    setText(this.state, title);
    setText(this.hint, hint);
    this.again.hidden = !again;
    setText(this.again, again);
  }

  look() {
    const { keeper } = this;
    keeper.look();
    setText(this.latency, keeper.latency());
    setText(this.target, keeper.target());
    setText(this.stalls, keeper.stalls());
    setText(this.rate, keeper.rate());
    if (keeper.output) setText(this.note, engines[keeper.output.kind].note(keeper.output));
  }
}
