// The bit rate of what comes in segments, of sound and pictures in the same ones or apart.
const kept = 4; // seconds of them

export class Segments {
  constructor() { this.byKind = new Map(); }

  add(kind, bits, seconds) {
    if (!(bits > 0 && seconds > 0)) return;
    const list = this.byKind.get(kind) || [];
    this.byKind.set(kind, list);
    list.push({ bits, seconds });
    while (list.length > kept && sum(list, 'seconds') - list[0].seconds > kept) list.shift();
  }

  // kbps is 0 while there is nothing to tell it by.
  kbps() {
    let total = 0;
    for (const list of this.byKind.values()) total += sum(list, 'bits') / sum(list, 'seconds') / 1000;
    return total;
  }
}

const sum = (list, of) => list.reduce((n, s) => n + s[of], 0);
