// The figures of what is sent.
import { codecs, ms, percent } from '/players/rtcstats.js';
import * as words from '/players/words.js';

// sent are rows of [name, text]; readings is null while nothing is sent.
export function sent(readings) {
  const now = readings && readings.now;
  const video = now ? now.video : {}, far = now ? now.remote.video || now.remote.audio || {} : {};
  const both = (name) => (video[name] || 0) + (now && now.audio[name] || 0);
  return [
    ['Resolution', words.size(video.frameWidth, video.frameHeight) || '–'],
    ['Frame rate', video.framesPerSecond > 0 ? `${video.framesPerSecond} fps` : '–'],
    ['Codecs', now && codecs(now) || '–'],
    ['Transport', now && now.protocol || '–'],
    ['Round trip', ms(now ? now.trip : NaN)],
    ['Lost', percent(far.fractionLost)],
    ['NACK', now ? both('nackCount').toLocaleString('en') : '–'],
    ['PLI', now ? ((video.pliCount || 0) + (video.firCount || 0)).toLocaleString('en') : '–'],
  ];
}

const usual = 2500; // kbps that a browser sends at most if it decides itself

// limits says why the quality is less than what was chosen, if it is; limit is the kbps that were.
export function limits(readings, limit) {
  const now = readings && readings.now;
  switch (now && now.video.qualityLimitationReason) {
    case 'cpu':
      return 'This device is too slow for the quality: choose a lower resolution or frame rate.';
    case 'bandwidth':
      if (now.room > (limit || usual) * 1000) return 'The quality is still rising: browsers begin with less.';
      return `The network limits the quality${now.room > 0 ? ` to ${words.bitrate(now.room / 1000)}` : ''}.`;
    case 'none':
      return 'Nothing limits the quality.';
    default:
      return '';
  }
}
