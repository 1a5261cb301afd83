// Keeps a player as far behind as it aims to be: it jumps if it is far behind that, or has nothing
// to show there, as in the gap that a publisher who was away has left. With low latency it plays a
// little faster while it is behind its aim and has enough in store, a little slower while it is
// ahead.
const far = 3, gap = 1, store = 0.6; // s
const every = 250, first = 2000, rest = 5000; // ms; rest is between two jumps

export class Pace {
  // player tells latency() and aim(), in seconds, and does jump() to its aim.
  constructor(video, player, quick) {
    Object.assign(this, { video, player, quick, jumped: performance.now() - rest + first });
    this.timer = setInterval(() => this.keep(), every);
  }

  keep() {
    const { video } = this;
    const over = this.player.latency() - this.player.aim(), stored = this.stored();
    if (video.paused || !Number.isFinite(over)) return;
    if ((over > gap && stored === 0 || over > far && this.quick) && performance.now() - this.jumped > rest) {
      this.jumped = performance.now();
      this.player.jump();
    }
    if (!this.quick || video.seeking) return;
    const rate = over > 0 && stored < store ? 1 : 1 + Math.max(-1, Math.min(2, Math.round(over * 4))) / 20;
    if (video.playbackRate !== rate) video.playbackRate = rate;
  }

  // stored is how many seconds there are to play without a gap.
  stored() {
    const { buffered, currentTime } = this.video;
    for (let i = 0; i < buffered.length; i++) {
      if (buffered.start(i) <= currentTime && currentTime < buffered.end(i)) return buffered.end(i) - currentTime;
    }
    return 0;
  }

  stop() {
    clearInterval(this.timer);
    this.video.playbackRate = 1;
  }
}
