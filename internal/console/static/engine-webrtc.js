// WebRTC by WHEP: the browser's own player, a fraction of a second behind.
import { refused } from '/players/load.js';
import { codecs, ms, percent, Readings } from '/players/rtcstats.js';
import { leave, negotiate } from '/players/whip.js';

const connectTime = 4000; // ms for a way to the server
const pictureTime = 6000; // ms for the first picture after that
const absentTime = 15000; // the same, for a stream that the server asks others for
const soundTime = 1500; // ms for which sound waits for a picture
const lostTime = 3000; // ms without a connection until it counts as lost
const every = 500; // ms between readings

const noWay = {
  title: 'No way to the server over WebRTC',
  hint: 'The network between may block UDP, or the server gives out an address that does not lead to it (rtc_server.candidate).',
};
const nothing = { ...refused(404, ''), hint: 'The connection is there, but the stream has not come.' };
const noPicture = { title: 'No picture comes over WebRTC', hint: 'The connection is there, but nothing that this browser can show.' };
const lost = { title: 'The connection is lost', hint: 'The server has closed it, or the network is gone.' };

// able also looks at the coding of the pictures, which WebRTC decodes by other means than a page's players.
function able(item) {
  if (!window.RTCPeerConnection) return false;
  if (!item.video || !RTCRtpReceiver.getCapabilities) return true;
  const name = item.video.codec === 'HEVC' ? 'H265' : item.video.codec;
  const { codecs: list } = RTCRtpReceiver.getCapabilities('video');
  return list.some((c) => c.mimeType.toUpperCase() === `VIDEO/${name}`);
}

export const webrtc = {
  note: () => 'Latency is half the way to the server and back, and the time until the picture is decoded. The way from the camera to the server comes on top.',
  able,
  start: (video, output, on) => new Player(video, output, on),
};

class Player {
  constructor(video, { url, pictures, absent }, on) {
    Object.assign(this, { video, url, pictures, absent, on, over: false, session: '', timers: [], gone: new AbortController() });
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.readings = new Readings(this.pc, 'inbound-rtp');
    this.media = new MediaStream();
    this.pc.addEventListener('track', ({ track }) => this.take(track));
    this.pc.addEventListener('connectionstatechange', () => this.turned());
    this.ways = ['audio', 'video'].map((kind) => this.pc.addTransceiver(kind, { direction: 'recvonly' }));
    this.begin();
  }

  async begin() {
    try {
      const session = await negotiate(this.pc, this.url, { signal: this.gone.signal });
      if (this.over) leave(session); // the viewer did not wait for the answer
      this.session = session;
    } catch (e) {
      this.fail(e.status === undefined ? { title: 'The server’s answer cannot be used', hint: e.message } : answered(e));
      return;
    }
    if (this.over) return;
    if (this.pictures && this.ways[1].currentDirection !== 'recvonly') {
      this.fail({ title: 'This browser cannot take the picture over WebRTC', hint: 'It and the stream share no codec.' });
      return;
    }
    this.after(connectTime, () => { if (!this.connected) this.fail(noWay); });
  }

  // take shows a track when its first packet comes: not every stream has both.
  take(track) {
    track.addEventListener('unmute', () => {
      if (this.over || this.media.getTracks().includes(track)) return;
      this.media.addTrack(track);
      if (track.kind === 'video') this.show();
      else this.after(soundTime, () => this.show());
    });
  }

  show() {
    if (this.video.srcObject === this.media) return;
    this.video.srcObject = this.media;
    this.video.play().catch(this.on.blocked);
  }

  turned() {
    const state = this.pc.connectionState;
    if (state === 'connected' && !this.connected) {
      this.connected = true;
      this.pc.getReceivers().forEach(({ transport }) => { // the server says goodbye there
        if (transport) transport.addEventListener('statechange', () => { if (transport.state === 'closed') this.fail(lost); });
      });
      this.reader = setInterval(() => this.read(), every);
      this.expect(this.absent ? absentTime : pictureTime);
    } else if (state === 'disconnected') {
      this.after(lostTime, () => { if (this.pc.connectionState === 'disconnected') this.fail(lost); });
    } else if (state === 'failed' || state === 'closed') {
      this.fail(this.connected ? lost : noWay);
    }
  }

  // expect gives the first picture so much time.
  expect(time) { this.after(time, () => { if (!this.came()) this.fail(this.absent ? nothing : noPicture); }); }

  learn({ pictures }) {
    Object.assign(this, { pictures, absent: false });
    if (this.connected) this.expect(pictureTime);
  }

  async read() {
    try {
      await this.readings.read();
    } catch {
      // it has been closed meanwhile
    }
  }

  // came reports whether there is something to see or to hear.
  came() {
    const { now } = this.readings;
    return Boolean(now && (now.video.framesDecoded > 0 || !this.pictures && now.audio.packetsReceived > 0));
  }

  after(wait, run) { this.timers.push(setTimeout(() => { if (!this.over) run(); }, wait)); }

  fail(problem) {
    if (this.over) return;
    this.stop();
    this.on.failed(problem);
  }

  stop() {
    if (this.over) return;
    this.over = true;
    this.gone.abort();
    this.timers.forEach(clearTimeout);
    clearInterval(this.reader);
    leave(this.session);
    this.pc.close();
    if (this.video.srcObject === this.media) this.video.srcObject = null;
  }

  kbps() { return this.readings.kbps(); }

  latency() {
    const { now } = this.readings;
    if (!now) return NaN;
    const kind = now.video.framesDecoded > 0 ? 'video' : 'audio';
    const waited = this.readings.mean(kind, 'jitterBufferDelay', 'jitterBufferEmittedCount');
    const decoded = kind === 'video' ? this.readings.mean(kind, 'totalDecodeTime', 'framesDecoded') : 0;
    const whole = kind === 'video' ? this.readings.mean(kind, 'totalProcessingDelay', 'framesDecoded') : NaN;
    return (Number.isFinite(whole) ? whole : waited + decoded) + (now.trip / 2 || 0);
  }

  // position grows while anything comes: pictures of a screen on which nothing moves are few, and a
  // publisher may leave them out for a while.
  position() {
    const { now } = this.readings;
    return now ? (now.video.framesDecoded || 0) + (now.audio.totalSamplesReceived || 0) - (now.audio.concealedSamples || 0) : 0;
  }

  // stalls are pictures that came much later than those before.
  stalls() {
    const { now } = this.readings;
    return now ? now.video.freezeCount || 0 : 0;
  }

  // details are more figures: what each is called, and what it says.
  details() {
    const { now } = this.readings;
    if (!now) return [];
    const { video, audio } = now;
    const both = (name) => (video[name] || 0) + (audio[name] || 0);
    const kind = video.packetsReceived ? 'video' : 'audio';
    return [
      ['Codecs', codecs(now) || '–'],
      ['Transport', now.protocol || '–'],
      ['Round trip', ms(now.trip)],
      ['Jitter', ms(now[kind].jitter)],
      ['Packets lost', `${Math.max(0, both('packetsLost')).toLocaleString('en')} (${percent(this.readings.share(kind, 'packetsLost', 'packetsReceived'))})`],
      ['NACK · PLI', `${both('nackCount').toLocaleString('en')} · ${((video.pliCount || 0) + (video.firCount || 0)).toLocaleString('en')}`],
    ];
  }
}

// answered says in words why the server did not answer with a session.
function answered({ status, reason }) {
  if (status === 0) return { title: 'The server does not answer WebRTC', hint: `Its API is asked for it, and ${reason}.` };
  const problem = refused(status, reason);
  return status === 406 ? { ...problem, title: 'WebRTC cannot carry this stream to this browser' } : problem;
}
