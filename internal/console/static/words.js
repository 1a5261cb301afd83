// Figures as people read them.

const names = { H264: 'H.264', G711A: 'G.711 A-law', G711U: 'G.711 µ-law', AC3: 'AC-3', EAC3: 'E-AC-3' };

export const codec = (name) => names[name] || name;

export function bitrate(kbps) {
  if (!(kbps > 0)) return '–';
  return kbps < 1000 ? `${Math.round(kbps)} kbps` : `${(kbps / 1000).toFixed(kbps < 10000 ? 2 : 1)} Mbps`;
}

export const seconds = (s) => (Number.isFinite(s) ? `${Math.max(s > 0 ? 0.01 : 0, s).toFixed(s < 0.195 ? 2 : 1)} s` : '–');

export function rate(fps) {
  return fps > 0 ? `${Number(fps.toFixed(fps < 100 ? 2 : 0))}\u00a0fps` : '';
}

export function size(width, height) {
  return width > 0 && height > 0 ? `${width}\u00a0×\u00a0${height}` : '';
}

export function duration(ms) {
  const s = Math.max(0, Math.floor(ms / 1000));
  if (s < 60) return `${s} s`;
  const m = Math.floor(s / 60);
  if (m < 60) return `${m} min`;
  const h = Math.floor(m / 60);
  return h < 48 ? `${h} h ${m % 60} min` : `${Math.floor(h / 24)} days`;
}

export const count = (n, one, many) => `${n.toLocaleString('en')} ${n === 1 ? one : many}`;

// tracks says what is in a stream: H.264 + AAC.
export function tracks(item) {
  const list = [item.video, item.audio].filter(Boolean).map((t) => codec(t.codec));
  return list.length ? list.join(' + ') : 'Nothing yet';
}

// picture says what its pictures are: 1280 × 720 · 25 fps.
export function picture(item) {
  if (!item.video) return item.audio ? 'Sound only' : '–';
  return [size(item.video.width, item.video.height), rate(item.video.fps)].filter(Boolean).join(' · ') || '–';
}
