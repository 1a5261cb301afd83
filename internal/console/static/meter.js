// Counts what a viewer gets: frames, dropped ones, stalls.
export class Meter {
  constructor(video) {
    this.video = video;
    this.reset();
    video.addEventListener('waiting', () => { if (this.going && !video.seeking) this.stalls++; });
    video.addEventListener('playing', () => { this.going = true; });
  }

  // reset begins anew, for another player.
  reset() {
    this.going = false;
    this.stalls = 0;
    this.samples = [];
  }

  // look notes how many frames there are by now; call it now and then.
  look() {
    const quality = this.video.getVideoPlaybackQuality ? this.video.getVideoPlaybackQuality() : null;
    this.total = quality ? quality.totalVideoFrames : 0;
    this.dropped = quality ? quality.droppedVideoFrames : 0;
    const last = this.samples[this.samples.length - 1];
    if (last && last.total > this.total) this.samples = []; // another source
    this.samples.push({ at: performance.now(), total: this.total });
    if (this.samples.length > 9) this.samples.shift();
  }

  // fps is over the last samples; 0 until there are some.
  fps() {
    const first = this.samples[0], last = this.samples[this.samples.length - 1];
    if (!first || last.at - first.at < 1500) return 0;
    return (last.total - first.total) * 1000 / (last.at - first.at);
  }
}
