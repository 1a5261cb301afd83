// What is published: a picture of a camera or a screen, the sound of a microphone, that of the
// screen.
import { Mixer } from '/players/mixer.js';

const ratio = 16 / 9;

export class Capture {
  // changed() is called when a device has gone by itself: it says which.
  constructor(changed) {
    Object.assign(this, { changed, kind: '', picture: null, voice: null, tone: null, mixer: new Mixer() });
  }

  // look takes the picture of a camera or of a screen, or none where the kind is sound. What was
  // there before stays until the new one has come.
  async look(kind, { camera, height, rate, tone }) {
    const size = { height: { ideal: height }, width: { ideal: Math.round(height * ratio) }, frameRate: { ideal: rate } };
    if (kind === 'camera') {
      const media = await navigator.mediaDevices.getUserMedia({ video: { ...size, ...named(camera) } });
      this.replace('picture', media.getVideoTracks()[0], 'motion');
      this.replace('tone', null);
    } else if (kind === 'screen') {
      const media = await navigator.mediaDevices.getDisplayMedia({ video: size, audio: tone });
      this.replace('picture', media.getVideoTracks()[0], 'detail');
      this.replace('tone', media.getAudioTracks()[0] || null);
    } else {
      this.replace('picture', null);
      this.replace('tone', null);
    }
    this.kind = kind;
  }

  // listen takes the sound of a microphone; of none where it says so.
  async listen({ microphone, voice }) {
    if (microphone === 'none') {
      this.replace('voice', null);
      return;
    }
    const media = await navigator.mediaDevices.getUserMedia({
      audio: { echoCancellation: voice, noiseSuppression: voice, autoGainControl: voice, ...named(microphone) },
    });
    this.replace('voice', media.getAudioTracks()[0]);
  }

  // fit has the picture be of another size or rate.
  async fit({ height, rate }) {
    if (!this.picture) return;
    await this.picture.applyConstraints({ height: { ideal: height }, width: { ideal: Math.round(height * ratio) }, frameRate: { ideal: rate } });
  }

  replace(which, track, hint = '') {
    if (this[which]) this[which].stop();
    this[which] = track;
    if (which !== 'picture') this.mixer.take([this.voice, this.tone].filter(Boolean));
    if (!track) return;
    if (hint) track.contentHint = hint;
    track.addEventListener('ended', () => { // unplugged, or the viewer has ended it in the browser
      if (this[which] !== track) return;
      this.replace(which, null);
      this.changed(which);
    });
  }

  // sound is the one track of all that is heard; null without.
  get sound() { return this.mixer.track; }

  stop() {
    ['picture', 'voice', 'tone'].forEach((which) => this.replace(which, null));
    this.kind = '';
  }

  mute(on) { if (this.sound) this.sound.enabled = !on; }

  level() { return this.mixer.level(); }
}

const named = (id) => (id ? { deviceId: { exact: id } } : {});

// why says in words why there is no picture or sound.
export function why({ name, message }, what) {
  switch (name) {
    case 'NotAllowedError':
    case 'SecurityError':
      return { title: `You have not allowed the ${what}`, hint: 'Allow it by the sign beside the address, or in the settings of the browser and of the system, and try again.' };
    case 'NotFoundError':
      return { title: `There is no ${what}`, hint: 'Plug one in, or choose something else.' };
    case 'NotReadableError':
    case 'AbortError':
      return { title: `The ${what} cannot be used`, hint: 'Another program may have it. Close that one and try again.' };
    case 'OverconstrainedError':
      return { title: `The ${what} that was chosen is not there`, hint: 'Choose another one.' };
    default:
      return { title: `The ${what} cannot be used`, hint: `The browser says: ${message || name}` };
  }
}
