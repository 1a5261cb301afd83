// Reads the statistics of a connection: what is there now, and what was so long ago, so that
// differences can be told.
const kept = 5; // readings: with two a second those of two seconds

// Readings of one direction: 'inbound-rtp' of a player, 'outbound-rtp' of a publisher.
export class Readings {
  constructor(pc, direction) {
    Object.assign(this, { pc, direction, list: [] });
  }

  // read takes one more reading and returns it.
  async read() {
    const now = { at: performance.now(), video: {}, audio: {}, remote: {}, bytes: 0, ...way(null) };
    const report = await this.pc.getStats();
    report.forEach((s) => {
      if (s.type === this.direction && (s.kind === 'video' || s.kind === 'audio')) {
        const codec = s.codecId ? report.get(s.codecId) : null;
        now[s.kind] = { ...s, codec: codec ? codec.mimeType.split('/')[1] : '' };
        now.bytes += (s.bytesReceived || s.bytesSent || 0) + (s.headerBytesReceived || s.headerBytesSent || 0);
      }
      if (s.type === 'remote-inbound-rtp') now.remote[s.kind] = s;
    });
    Object.assign(now, way(report));
    this.list.push(now);
    if (this.list.length > kept) this.list.shift();
    return now;
  }

  get now() { return this.list[this.list.length - 1] || null; }
  get before() { return this.list[0] || null; }

  kbps() {
    const { now, before } = this;
    return now && now.at - before.at > 400 ? (now.bytes - before.bytes) * 8 / (now.at - before.at) : 0;
  }

  // mean is by how much a sum has grown for each one of a count; NaN while nothing is counted.
  mean(kind, sum, count) {
    const { now, before } = this;
    const many = now ? now[kind][count] - before[kind][count] : 0;
    return many > 0 ? (now[kind][sum] - before[kind][sum]) / many : NaN;
  }

  // share is which part of a track's packets were lost lately, by counts of both; NaN without any.
  share(kind, lost, all) {
    const { now, before } = this;
    if (!now) return NaN;
    const gone = Math.max(0, (now[kind][lost] || 0) - (before[kind][lost] || 0));
    const came = now[kind][all] - before[kind][all];
    return came + gone > 0 ? gone / (came + gone) : NaN;
  }
}

// way is how the media goes: its protocol, the time there and back in s, and what there is room for.
function way(report) {
  let pair = null;
  if (report) {
    report.forEach((s) => {
      if (s.type === 'transport' && s.selectedCandidatePairId) pair = report.get(s.selectedCandidatePairId);
    });
    if (!pair) report.forEach((s) => { if (s.type === 'candidate-pair' && (s.selected || s.nominated)) pair = s; });
  }
  const remote = pair && report.get(pair.remoteCandidateId);
  return {
    protocol: remote && remote.protocol ? remote.protocol.toUpperCase() : '',
    trip: pair ? pair.currentRoundTripTime : NaN,
    room: pair ? pair.availableOutgoingBitrate : NaN,
  };
}

// codecs says what is carried: H.264 + Opus.
export const codecs = ({ video, audio }) => [video.codec, audio.codec].filter(Boolean).map((c) => names[c] || c).join(' + ');
const names = { H264: 'H.264', H265: 'H.265', opus: 'Opus', PCMU: 'G.711 µ-law', PCMA: 'G.711 A-law' };

export const codecName = (mime) => names[mime.split('/')[1]] || mime.split('/')[1];
export const ms = (s) => (Number.isFinite(s) ? (s < 0.001 ? '< 1 ms' : `${Math.round(s * 1000)} ms`) : '–');
export const percent = (share) => (Number.isFinite(share) ? `${(share * 100).toFixed(share > 0 && share < 0.1 ? 1 : 0)} %` : '–');
