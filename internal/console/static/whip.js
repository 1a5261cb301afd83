// The calls of WHIP and WHEP: an offer is posted, an answer comes, and its address is deleted at
// the end.
import { said } from '/players/load.js';

const patience = 5000; // ms for an answer
const bearer = (token) => (token ? { Authorization: `Bearer ${token}` } : {});

// Refusal is an answer that is none: status is 0 if nothing has come.
export class Refusal extends Error {
  constructor(status, reason) {
    super(reason);
    Object.assign(this, { status, reason });
  }
}

// negotiate offers what a connection has, and takes the answer. It returns the address of the
// session. The offer names no candidates of ours: the server learns them from our checks. Pictures
// begin with start kbps, where that is said: browsers would begin with a poor one.
export async function negotiate(pc, url, { token = '', signal, start = 0 } = {}) {
  const offer = await pc.createOffer();
  await pc.setLocalDescription({ type: 'offer', sdp: inStereo(offer.sdp) });
  const { response, body } = await post(url, pc.localDescription.sdp, token, signal);
  if (response.status !== 201) throw new Refusal(response.status, said(body) || body.slice(0, 200));
  const location = response.headers.get('Location');
  const session = location ? new URL(location, new URL(url, document.baseURI)).href : '';
  try {
    await pc.setRemoteDescription({ type: 'answer', sdp: start ? beginning(body, start) : body });
  } catch (e) {
    leave(session, token); // a connection that was closed meanwhile, or an answer that nobody understands
    throw e;
  }
  return session;
}

async function post(url, body, token, signal) {
  const stop = new AbortController();
  let late = false;
  const timer = setTimeout(() => { late = true; stop.abort(); }, patience);
  if (signal) signal.addEventListener('abort', () => stop.abort());
  try {
    const response = await fetch(url, {
      method: 'POST', cache: 'no-store', body, signal: stop.signal, headers: { 'Content-Type': 'application/sdp', ...bearer(token) },
    });
    return { response, body: await response.text() };
  } catch {
    throw new Refusal(0, late ? 'it does not answer in time' : 'it cannot be reached');
  } finally {
    clearTimeout(timer);
  }
}

// leave ends a session, also while the page is closed.
export function leave(session, token = '') {
  if (session) fetch(session, { method: 'DELETE', keepalive: true, headers: bearer(token) }).catch(() => {}); // it ends without, a little later
}

// beginning adds the rate to begin with to each coding of pictures in an answer. Chromium reads
// it; others pass over it.
function beginning(sdp, kbps) {
  const add = `x-google-start-bitrate=${kbps}`;
  return sdp.split(/(?=^m=)/m).map((part) => {
    if (!part.startsWith('m=video')) return part;
    const types = [...part.matchAll(/^a=rtpmap:(\d+) (?!rtx|red|ulpfec|flexfec)/gim)].map((m) => m[1]);
    return types.reduce((text, type) => {
      const line = new RegExp(`^(a=fmtp:${type} [^\r\n]*)`, 'm');
      if (line.test(text)) return text.replace(line, `$1;${add}`);
      return text.replace(new RegExp(`^(a=rtpmap:${type} [^\r\n]*)`, 'm'), `$1\r\na=fmtp:${type} ${add}`);
    }, part);
  }).join('');
}

// inStereo has the browser take sound of two channels; it would ask for one.
function inStereo(sdp) {
  const type = /a=rtpmap:(\d+) opus\/48000/i.exec(sdp);
  return type ? sdp.replace(new RegExp(`(a=fmtp:${type[1]} (?!.*stereo=1)[^\r\n]*)`), '$1;stereo=1') : sdp;
}
