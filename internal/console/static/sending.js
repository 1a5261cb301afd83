// One session of WHIP: sends a picture and sound until it is stopped, or has failed.
import { refused } from '/players/load.js';
import { Readings } from '/players/rtcstats.js';
import { leave, negotiate } from '/players/whip.js';

const connectTime = 6000; // ms for a way to the server
const lostTime = 5000; // ms without a connection until it counts as lost
const every = 500; // ms between readings
const startRate = 1500; // kbps to begin with, if no less is allowed
const beside = ['rtx', 'red', 'ulpfec', 'flexfec-03']; // what goes with any codec

const noWay = {
  title: 'No way to the server for the picture',
  hint: 'It has answered, but nothing goes through. The network between may block UDP, or the server gives out an address that does not lead to it: set rtc_server.candidate to one that does, and open its port for UDP (8000).',
};
const lost = { title: 'The connection is lost', hint: 'The server has closed it, or the network is gone.', again: true };

export class Sending {
  // on.connected() and on.failed({ title, hint, again }) are called at most once; again says that
  // it may be better in a moment.
  constructor({ url, token, picture, sound, codec, limit, rate }, on) {
    Object.assign(this, { url, token, codec, limit, rate, on, over: false, session: '', timers: [], gone: new AbortController() });
    this.pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
    this.readings = new Readings(this.pc, 'outbound-rtp');
    const streams = [new MediaStream()];
    this.ways = {
      sound: this.pc.addTransceiver(sound || 'audio', { direction: 'sendonly', streams }),
      picture: this.pc.addTransceiver(picture || 'video', { direction: 'sendonly', streams, sendEncodings: [this.bounds({})] }),
    };
    this.prefer();
    this.pc.addEventListener('connectionstatechange', () => this.turned());
    this.begin();
  }

  async begin() {
    try {
      const session = await negotiate(this.pc, this.url, {
        token: this.token, signal: this.gone.signal, start: Math.min(startRate, this.limit || startRate),
      });
      if (this.over) leave(session, this.token);
      this.session = session;
    } catch (e) {
      this.fail(e.status === undefined ? { title: 'The server’s answer cannot be used', hint: e.message } : answered(e));
      return;
    }
    if (this.over) return;
    if (this.ways.picture.currentDirection !== 'sendonly') {
      this.fail({ title: 'The server does not take this codec', hint: 'Choose another one below, or leave it to the browser.' });
      return;
    }
    this.after(connectTime, () => { if (!this.connected) this.fail(noWay); });
  }

  // prefer offers the codec that was chosen; else H.264 first, which every player has.
  prefer() {
    const way = this.ways.picture;
    if (!way.setCodecPreferences || !RTCRtpSender.getCapabilities) return;
    const { codecs } = RTCRtpSender.getCapabilities('video');
    const is = (c, name) => c.mimeType.toLowerCase() === `video/${name.toLowerCase()}`;
    const also = codecs.filter((c) => beside.some((b) => is(c, b)));
    const first = codecs.filter((c) => is(c, this.codec || 'H264'));
    const others = codecs.filter((c) => !first.includes(c) && !also.includes(c));
    if (first.length) way.setCodecPreferences([...first, ...(this.codec ? [] : others), ...also]);
  }

  turned() {
    const state = this.pc.connectionState;
    if (state === 'connected' && !this.connected) {
      this.connected = true;
      const { transport } = this.ways.sound.sender;
      if (transport) transport.addEventListener('statechange', () => { if (transport.state === 'closed') this.fail(lost); }); // the server says goodbye
      this.reader = setInterval(() => this.readings.read().catch(() => {}), every); // it may be closed meanwhile
      this.on.connected();
    } else if (state === 'disconnected') {
      this.after(lostTime, () => { if (this.pc.connectionState === 'disconnected') this.fail(lost); });
    } else if (state === 'failed' || state === 'closed') {
      this.fail(this.connected ? lost : noWay);
    }
  }

  // swap sends another picture or another sound from now on; null is none.
  swap(what, track) { return this.ways[what].sender.replaceTrack(track); }

  // bound has the picture take no more than so many kbps and frames a second; 0 leaves it to the
  // browser.
  async bound(limit, rate) {
    Object.assign(this, { limit, rate });
    const { sender } = this.ways.picture, parameters = sender.getParameters();
    parameters.encodings.forEach((e) => this.bounds(e));
    await sender.setParameters(parameters);
  }

  bounds(encoding) {
    if (this.limit > 0) encoding.maxBitrate = this.limit * 1000;
    else delete encoding.maxBitrate;
    encoding.maxFramerate = this.rate;
    return encoding;
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
    leave(this.session, this.token);
    this.pc.close();
  }
}

// answered says in words why the server did not answer with a session.
function answered({ status, reason }) {
  if (status === 0) return { title: 'The server does not answer', hint: `Its API takes publishers, and ${reason}.`, again: true };
  const titles = {
    401: 'The server wants a token that it knows',
    403: 'The server does not take this stream from you',
    409: 'Somebody publishes this stream already',
    503: 'The server takes no publisher now',
  };
  const { title, hint } = refused(status, reason);
  return { title: titles[status] || title.replace('play', 'take it'), hint, again: status === 409 || status === 503 };
}
