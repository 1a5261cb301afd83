// Keeps a stream on from the start to the stop: where a connection is lost that has worked, another
// one is made.
import { Sending } from '/players/sending.js';
import * as words from '/players/words.js';

const waits = [1000, 2000, 4000, 8000, 15000]; // ms between attempts
const most = 12; // attempts, after which it is over

export class Broadcast {
  // prepare() returns what a Sending needs, or throws a problem. changed() is called with each
  // change, warn(problem) with what is wrong, and with null when nothing is any more.
  constructor({ prepare, changed, warn }) {
    Object.assign(this, { prepare, changed, warn, sending: null, attempts: 0 });
    this.wanted = false; // started, and not stopped
    this.live = 0; // since when it is on, in ms; 0 while it is not
    this.awake = null; // what keeps the screen of a phone on
  }

  async start() {
    this.wanted = true;
    this.changed();
    try {
      const what = await this.prepare();
      if (!this.wanted || this.sending) return;
      this.sending = new Sending(what, { connected: () => this.connected(), failed: (problem) => this.failed(problem) });
    } catch (problem) {
      if (this.wanted) this.failed(problem.title ? problem : { title: 'This browser cannot publish', hint: problem.message });
    }
  }

  connected() {
    this.live = Date.now();
    this.attempts = 0;
    this.warn(null);
    this.changed();
    if (navigator.wakeLock) navigator.wakeLock.request('screen').then((lock) => { this.release(); this.awake = lock; if (!this.wanted) this.release(); }, () => {});
  }

  failed(problem) {
    const worked = this.live || this.attempts > 0;
    this.sending = null;
    this.live = 0;
    if (!problem.again || !worked || this.attempts >= most) {
      this.stop();
      this.warn(problem);
      return;
    }
    const wait = waits[Math.min(this.attempts++, waits.length - 1)];
    this.warn({ title: problem.title, hint: `${problem.hint} Next attempt in ${words.duration(wait)}.` });
    this.timer = setTimeout(() => this.start(), wait);
    this.changed();
  }

  stop() {
    this.wanted = false;
    this.attempts = this.live = 0;
    clearTimeout(this.timer);
    if (this.sending) this.sending.stop();
    this.sending = null;
    this.release();
    this.changed();
  }

  release() {
    if (this.awake) this.awake.release().catch(() => {});
    this.awake = null;
  }

  // pass sends another picture and another sound from now on.
  async pass(picture, sound) {
    if (!this.sending) return;
    await this.sending.swap('picture', picture);
    await this.sending.swap('sound', sound);
  }

  // readings are the statistics of what is sent; null while nothing is.
  get readings() { return this.live && this.sending ? this.sending.readings : null; }
}
