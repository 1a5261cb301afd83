// What a browser plays by itself: sound over HTTP, and HLS on phones.
import { refusal } from '/players/load.js';

const soundNote = 'Latency is how much sound has arrived that you have not heard yet.';
const can = (type) => () => document.createElement('audio').canPlayType(type) !== '';

export const aac = { note: () => soundNote, able: can('audio/aac'), start: native };
export const mp3 = { note: () => soundNote, able: can('audio/mpeg'), start: native };

export function native(video, { url }, on) {
  const stop = () => {
    video.removeEventListener('error', failed);
    video.removeEventListener('ended', ended);
    video.removeAttribute('src');
    video.load();
  };
  async function failed() {
    const { code, message } = video.error || {};
    stop();
    if (code === 3) on.failed({ title: 'The stream cannot be decoded', hint: message || '' });
    else on.failed(await refusal(url, 404));
  }
  function ended() {
    stop();
    on.ended();
  }
  video.addEventListener('error', failed);
  video.addEventListener('ended', ended);
  video.src = url;
  video.play().catch((e) => { if (e.name === 'NotAllowedError') on.blocked(e); });
  return {
    stop,
    kbps: () => 0,
    latency: () => {
      const range = video.seekable.length ? video.seekable : video.buffered;
      return range.length ? range.end(range.length - 1) - video.currentTime : NaN;
    },
  };
}
