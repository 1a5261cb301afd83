// Keeps one output playing on a video element: begins when there is something to play, begins
// again after a failure and after the stream has been away, and says in words what goes on.
import { engines } from '/players/engine.js';
import { Meter } from '/players/meter.js';
import * as words from '/players/words.js';

const silence = 12000; // ms
const pause = 3000; // ms without anything new after which a player stalls that tells its position
const waits = [1000, 2000, 4000, 8000, 15000]; // between attempts

export class Keeper {
  // show(state, title, hint, again) is called with each change: a name for the style, a
  // sentence, what to do or to expect, and what a button for again() should say.
  constructor(video, show) {
    Object.assign(this, { video, show, state: '', meter: new Meter(video) });
    this.engine = this.output = null; // the player at work, and what it plays
    this.wanted = null; // what it should play
    this.live = false;
    this.instead = null; // called with (output, problem, played) when one fails: another to play at once, or null
    this.attempts = this.retryAt = 0;
    this.moved = { at: 0, time: 0, far: 0 }; // when the picture moved last, where it is, the furthest it was
    this.started = Infinity; // when it began to
    this.begun = this.startup = NaN; // when a player was started, and the ms that it took
    video.addEventListener('playing', () => this.playing());
    video.addEventListener('waiting', () => { if (this.engine && this.state === 'playing') this.say('stalled', 'Waiting for more…'); });
    video.addEventListener('timeupdate', () => { if (this.state === 'stalled' && !video.paused) this.say('playing', 'Playing'); });
  }

  say(state, title, hint = '', again = '') {
    this.state = state;
    this.show(state, title, hint, again);
  }

  // offer is told, again and again, what to play and whether it is on. It starts a player if
  // none is at work and the time for it has come.
  offer(output, live) {
    this.wanted = output;
    this.live = live;
    if (this.engine || Date.now() < this.retryAt) return;
    if (!live) {
      if (this.state !== 'ended') this.say('waiting', 'Nobody publishes this stream yet', 'It starts here by itself as soon as somebody does. The address to publish to is on this page.');
      return;
    }
    if (output) this.begin();
  }

  playing() {
    this.started = Date.now();
    if (Number.isNaN(this.startup)) this.startup = performance.now() - this.begun;
    this.say('playing', 'Playing');
  }

  begin() {
    const output = this.wanted;
    this.output = output;
    this.moved = { at: Date.now(), time: -1, far: -1 };
    this.started = Infinity;
    this.begun = performance.now();
    this.startup = NaN;
    this.meter.reset();
    this.say('connecting', 'Connecting…');
    this.engine = engines[output.kind].start(this.video, output, {
      ended: () => this.end(),
      failed: (problem) => this.fail(problem),
      blocked: (e) => {
        if (e && e.name === 'NotAllowedError') this.say('blocked', 'Ready to play', 'Your browser wants you to start it.', 'Play');
      },
    });
  }

  end() {
    this.stop();
    this.say('ended', 'The stream has ended', 'It plays again here by itself when it is published again.');
  }

  fail(problem) {
    const { title, hint } = problem;
    const other = this.instead && this.instead(this.output, problem, this.started < Infinity);
    if (other) {
      this.change(other, this.live);
      return;
    }
    const wait = waits[Math.min(this.attempts++, waits.length - 1)];
    const next = `Next attempt in ${words.duration(wait)}.`;
    this.stop();
    this.retryAt = Date.now() + wait;
    this.say('failed', title, hint ? `${hint} ${next}` : next, 'Try again now');
    this.timer = setTimeout(() => this.offer(this.wanted, this.live), wait + 50);
  }

  // again is for a viewer who does not want to wait.
  again() {
    if (this.state === 'blocked') {
      this.video.play();
      return;
    }
    this.retryAt = 0;
    this.offer(this.wanted, this.live);
  }

  // change plays another output now.
  change(output, live) {
    this.stop();
    this.attempts = this.retryAt = 0;
    this.offer(output, live);
  }

  stop() {
    clearTimeout(this.timer);
    if (this.engine) this.engine.stop();
    this.engine = this.output = null;
  }

  // look notices what no event tells: a picture that does not move any more, or shows the last
  // moments again and again, as some players do where a stream breaks off. Call it now and then.
  look() {
    this.meter.look();
    const { video, moved } = this;
    if (!this.engine || video.paused) {
      moved.at = Date.now();
      return;
    }
    const time = this.engine.position ? this.engine.position() : video.currentTime;
    const rewound = moved.far - time > 3; // by the viewer
    const moves = time > moved.far || rewound && time !== moved.time;
    moved.time = time;
    moved.far = Math.max(moved.far, time);
    if (moves) {
      moved.at = Date.now();
      if (this.engine.position && this.state === 'stalled') this.say('playing', 'Playing');
      if (Date.now() - this.started > 5000) this.attempts = 0; // it has gone well for a while
      return;
    }
    const still = Date.now() - moved.at;
    if (this.engine.position && still > pause && this.state === 'playing') this.say('stalled', 'Waiting for more…');
    if (!this.live && still > 2500) this.end();
    else if (still > silence) this.change(this.wanted, this.live);
  }

  // latency, target and stalls are what the viewer gets, in words.
  latency() { return words.seconds(this.engine ? this.engine.latency() : NaN); }

  target() {
    const target = this.engine && this.engine.target ? this.engine.target() : NaN;
    return target > 0 ? ` aiming at ${words.seconds(target)}` : '';
  }

  stalls() {
    if (!this.engine) return '–';
    return String(this.engine.stalls ? this.engine.stalls() : this.meter.stalls);
  }

  start() { return words.seconds(this.startup / 1000); }

  details() { return this.engine && this.engine.details ? this.engine.details() : []; }

  rate() {
    const fps = this.engine ? this.meter.fps() : 0;
    return fps ? `${fps.toFixed(fps < 100 ? 1 : 0)} fps` : '–';
  }
}
