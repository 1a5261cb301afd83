// What the visitor has set on the page that publishes, and the lists he chooses from.
import { byId, element } from '/players/element.js';
import { codecName } from '/players/rtcstats.js';

const skipped = /\/(rtx|red|ulpfec|flexfec-03)$/i;

// settings are those at this moment.
export const settings = () => ({
  camera: byId('camera').value,
  microphone: byId('microphone').value,
  voice: byId('voice').checked,
  tone: byId('tone').checked,
  height: Number(byId('height').value),
  rate: Number(byId('rate').value),
  limit: Number(byId('limit').value),
  codec: byId('codec').value,
  app: byId('app').value.trim().replace(/^\/+|\/+$/g, ''),
  stream: byId('stream').value.trim(),
  token: byId('token').value.trim(),
});

// fillPlace takes the stream out of the address of the page.
export function fillPlace(query) {
  const name = (query.get('stream') || '').replace(/^\/+|\/+$/g, '');
  const slash = name.lastIndexOf('/');
  const app = query.get('app') || (slash > 0 ? name.slice(0, slash) : '');
  if (app) byId('app').value = app;
  if (name) byId('stream').value = query.get('app') ? name : name.slice(slash + 1);
  if (query.get('token')) byId('token').value = query.get('token');
}

// fillCodecs lists the codecs that this browser sends.
export function fillCodecs() {
  if (!window.RTCRtpSender || !RTCRtpSender.getCapabilities) return;
  const names = RTCRtpSender.getCapabilities('video').codecs.map((c) => c.mimeType).filter((m) => !skipped.test(m));
  for (const mime of new Set(names)) byId('codec').append(element('option', { value: mime.split('/')[1] }, codecName(mime)));
}

// fillDevices lists cameras and microphones; their names are told once one of them is allowed.
export async function fillDevices(capture) {
  const all = await navigator.mediaDevices.enumerateDevices();
  const used = (track) => (track ? track.getSettings().deviceId : '');
  fill(byId('camera'), all.filter((d) => d.kind === 'videoinput'), capture.kind === 'camera' ? used(capture.picture) : '', 'Camera', []);
  fill(byId('microphone'), all.filter((d) => d.kind === 'audioinput'), used(capture.voice), 'Microphone', [['none', 'No microphone']]);
}

function fill(select, devices, used, what, more) {
  const known = devices.filter((d) => d.deviceId);
  const list = [...known.map((d, i) => [d.deviceId, d.label || `${what} ${i + 1}`]), ...more];
  if (!known.length) list.unshift(['', devices.length ? `Allow the ${what.toLowerCase()} to see the list` : `No ${what.toLowerCase()} is there`]);
  const was = select.value;
  select.replaceChildren(...list.map(([value, label]) => element('option', { value }, label)));
  const wanted = was === 'none' ? was : used || was;
  select.value = list.some(([value]) => value === wanted) ? wanted : list[0][0];
  select.disabled = list.length < 2;
}
