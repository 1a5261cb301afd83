// One track of some, and how loud it is.
export class Mixer {
  constructor() { Object.assign(this, { context: null, nodes: [], track: null }); }

  // take mixes these tracks; one alone is passed as it is.
  take(tracks) {
    this.nodes.forEach((n) => n.disconnect());
    this.nodes = [];
    const was = this.track;
    tracks.forEach((t) => { t.enabled = true; });
    this.track = tracks[0] || null;
    if (tracks.length > 0) this.connect(tracks);
    if (was && this.track) this.track.enabled = was.enabled;
  }

  connect(tracks) {
    this.context = this.context || new AudioContext();
    this.context.resume().catch(() => {}); // it goes on with the next click
    this.meter = this.meter || new AnalyserNode(this.context, { fftSize: 2048 });
    this.nodes = tracks.map((t) => this.context.createMediaStreamSource(new MediaStream([t])));
    this.nodes.forEach((n) => n.connect(this.meter));
    if (tracks.length > 1) {
      const out = this.context.createMediaStreamDestination();
      this.nodes.forEach((n) => n.connect(out));
      [this.track] = out.stream.getAudioTracks();
    }
  }

  // level is from 0, silence or 60 dB below the loudest, to 1.
  level() {
    if (!this.track || !this.track.enabled || !this.meter) return 0;
    const samples = new Float32Array(this.meter.fftSize);
    this.meter.getFloatTimeDomainData(samples);
    const peak = samples.reduce((most, s) => Math.max(most, Math.abs(s)), 0);
    return Math.max(0, Math.min(1, 1 + Math.log10(peak || 1e-9) / 3));
  }
}
