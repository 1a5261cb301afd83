// Keeps one output playing on a video element: begins when there is something to play, begins
// again after a failure and after the stream has been away, and says in words what goes on.
import { engines } from '/players/engine.js';
import { Meter } from '/players/meter.js';
import * as words from '/players/words.js';

const silence = 12000; // ms
const pause = 3000; // ms without anything new after which a player stalls that tells its position
const waits = [1000, 2000, 4000, 8000, 15000]; // between attempts
const asked = 5000; // ms of asking after which the page says that nothing has come

const ended = 'The stream has ended';
const absent = 'The stream is not there yet';
const unsent = 'The servers that this one fetches streams from have not sent it: nobody publishes it there yet, or they cannot be reached.';

export class Keeper {
  // show(state, title, hint, again) is called with each change: a name for the style, a
  // sentence, what to do or to expect, and what a button for again() should say.
  constructor(video, show) {
    Object.assign(this, { video, show, state: '', meter: new Meter(video) });
    this.engine = this.output = null; // the player at work, and what it plays
    this.wanted = null; // what it should play
    this.live = this.brought = false;
    this.absent = false; // it was not here when it was asked for, or has ended; a player may be at work, and waits for it
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

  // offer is told, again and again, what to play, whether it is on, and whether the server has it brought from
  // another one where it is not. It starts a player if none is at work and the time for it has come. That player's
  // request is what has a stream brought, so one that is not on is asked for like any other, but no more often than
  // after a failure: each time costs the other servers something.
  offer(output, live, brought) {
    Object.assign(this, { wanted: output, live, brought });
    if (live && this.absent) this.arrive();
    if (this.engine || Date.now() < this.retryAt) return;
    if (!live && !brought) {
      if (this.state !== 'ended') this.say('waiting', 'Nobody publishes this stream yet', 'It starts here by itself as soon as somebody does. The address to publish to is on this page.');
      return;
    }
    if (output) this.begin();
  }

  // arrive is the moment from which what was asked for is here.
  arrive() {
    this.absent = false;
    this.attempts = this.retryAt = 0;
    this.moved.at = Date.now();
    if (!this.engine) return;
    if (this.engine.learn) this.engine.learn(this.wanted);
    this.say('connecting', 'Connecting…');
  }

  playing() {
    this.absent = false;
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
    this.absent = !this.live;
    if (!this.absent) this.say('connecting', 'Connecting…');
    else if (this.state === 'ended') this.say('ended', ended, 'It plays again here by itself when it is published again.');
    else this.say('connecting', 'Asking other servers for this stream…', 'It is not here yet. This server fetches it from the one where it is published.');
    this.engine = engines[output.kind].start(this.video, { ...output, absent: this.absent }, {
      ended: () => this.end(),
      failed: (problem) => this.fail(problem),
      blocked: (e) => {
        if (e && e.name === 'NotAllowedError') this.say('blocked', 'Ready to play', 'Your browser wants you to start it.', 'Play');
      },
    });
  }

  end() {
    this.stop();
    if (this.brought) {
      this.absent = true;
      this.retryAt = Date.now() + this.wait();
    }
    this.say('ended', ended, 'It plays again here by itself when it is published again.');
  }

  fail(problem) {
    const { title, hint, status } = problem;
    if (this.absent && status === 404) {
      this.miss();
      return;
    }
    const other = this.instead && this.instead(this.output, problem, this.started < Infinity);
    if (other) {
      this.change(other);
      return;
    }
    const next = `Next attempt in ${words.duration(this.postpone())}.`;
    this.say('failed', title, hint ? `${hint} ${next}` : next, 'Try again now');
  }

  // miss is the end of a request for what is not there.
  miss() {
    const next = `Asked for again in ${words.duration(this.postpone())}.`;
    if (this.state === 'ended') this.say('ended', ended, `It plays again here by itself when it is published again. ${next}`, 'Ask again now');
    else this.say('waiting', absent, `${unsent} ${next}`, 'Ask again now');
  }

  // wait is how long to wait this time, in ms.
  wait() { return waits[Math.min(this.attempts++, waits.length - 1)]; }

  // postpone ends an attempt, and returns the time until the next one.
  postpone() {
    const wait = this.wait();
    this.stop();
    this.retryAt = Date.now() + wait;
    this.timer = setTimeout(() => this.offer(this.wanted, this.live, this.brought), wait + 50);
    return wait;
  }

  // again is for a viewer who does not want to wait.
  again() {
    if (this.state === 'blocked') {
      this.video.play();
      return;
    }
    this.retryAt = 0;
    if (this.absent) this.state = ''; // that he asks is said, also after the end of a stream
    this.offer(this.wanted, this.live, this.brought);
  }

  // change plays another output now.
  change(output) {
    this.stop();
    this.attempts = this.retryAt = 0;
    this.offer(output, this.live, this.brought);
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
    if (!this.engine || video.paused || this.absent) {
      moved.at = Date.now();
      if (this.engine && this.absent && this.state === 'connecting' && performance.now() - this.begun > asked) {
        this.say('waiting', absent, `${unsent} It starts here by itself as soon as it comes.`);
      }
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
    else if (still > silence) this.change(this.wanted);
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
