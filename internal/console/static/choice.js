// Chooses what to play: what the viewer wants, else the best. Where WebRTC does not come about,
// the next best is tried at once, and WebRTC is left alone for a while.
const rests = { webrtc: 300000 }; // ms for which a player that failed is not chosen again
const rest = 30000;

export class Choice {
  constructor() { this.failed = new Map(); } // by kind, when

  // of a list takes the output of the kind that is wanted, else the best that has not failed.
  of(list, kind) {
    const wanted = list.find((o) => o.kind === kind);
    if (wanted) return wanted;
    const order = ranked(list);
    return order.find((o) => !this.rests(o)) || this.last(order);
  }

  // after a failure it returns what to play instead; null if that is to be tried again.
  after(list, output, played) {
    if (played || !this.rests({ kind: 'webrtc' }) && output.kind !== 'webrtc') return null;
    this.failed.set(output.kind, Date.now());
    return ranked(list).find((o) => !this.rests(o)) || null;
  }

  rests({ kind }) { return Date.now() - (this.failed.get(kind) ?? -Infinity) < (rests[kind] || rest); }

  // last is the one that failed last: it goes on being tried.
  last(order) {
    return [...order].sort((a, b) => this.failed.get(b.kind) - this.failed.get(a.kind))[0];
  }
}

// ranked puts what is least behind without WebRTC after it: segments in parts, then the order of
// the server.
function ranked(list) {
  if (!list.some((o) => o.kind === 'webrtc')) return list;
  const rank = (o) => (o.kind === 'webrtc' ? 0 : o.kind === 'hls' && o.latency > 0 ? 1 : 2);
  return [...list].sort((a, b) => rank(a) - rank(b));
}
