/** Sound at another rate: browsers have the rate of their device, agents have 16 and 24 kHz. */

const ZERO_CROSSINGS = 12; // of the filter on each side: 70 dB, for less than a millisecond of delay
const PASSED = 0.92; // of the lower rate's half: what lies above is taken out before it could fold down

/** One stream of samples to another rate, piece by piece; what is between two pieces is not heard. */
export class Resampler {
  #up; // of as many phases of the filter one is taken for each sample that comes out
  #down; // so many phases further on
  #taps;
  #phases;
  #kept;
  #place = 0; // of the next sample that comes out, in phases after the first kept one

  /** @param {number} from samples a second that come in @param {number} to and that come out; whole numbers */
  constructor(from, to) {
    const common = divisor(from, to);
    this.#up = to / common;
    this.#down = from / common;
    const cutoff = PASSED * Math.min(1, to / from);
    const half = Math.ceil(ZERO_CROSSINGS / cutoff);
    this.#taps = 2 * half;
    this.#phases = Array.from({ length: from === to ? 0 : this.#up }, (_, phase) => filter(half, cutoff, phase / this.#up));
    this.#kept = new Float32Array(this.#taps - 1);
  }

  /** @param {Float32Array} samples @returns {Float32Array} as many as are known by now */
  process(samples) {
    if (this.#up === this.#down) return samples;
    const all = new Float32Array(this.#kept.length + samples.length);
    all.set(this.#kept);
    all.set(samples, this.#kept.length);
    const room = (all.length - this.#taps + 1) * this.#up;
    const out = new Float32Array(Math.max(0, Math.ceil((room - this.#place) / this.#down)));
    for (let n = 0; n < out.length; n += 1, this.#place += this.#down) {
      const begin = Math.floor(this.#place / this.#up);
      const weights = this.#phases[this.#place % this.#up];
      let sum = 0;
      for (let tap = 0; tap < weights.length; tap += 1) sum += weights[tap] * all[begin + tap];
      out[n] = sum;
    }
    const done = Math.min(Math.floor(this.#place / this.#up), all.length - this.#taps + 1);
    this.#place -= done * this.#up;
    this.#kept = all.slice(done);
    return out;
  }
}

/** A low-pass filter by a windowed sinc, `late` of a sample behind the middle; its weights sum to 1. */
function filter(half, cutoff, late) {
  const weights = Float32Array.from({ length: 2 * half }, (_, tap) => {
    const at = tap - half + 1 - late;
    const window = Math.abs(at) < half ? 0.42 + 0.5 * Math.cos((Math.PI * at) / half) + 0.08 * Math.cos((2 * Math.PI * at) / half) : 0;
    return window * (at === 0 ? cutoff : Math.sin(Math.PI * cutoff * at) / (Math.PI * at));
  });
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return weights.map((weight) => weight / sum);
}

function divisor(a, b) {
  return b === 0 ? a : divisor(b, a % b);
}

/** Samples from -1 to 1 as 16 bits, little-endian. @param {Float32Array} samples @returns {ArrayBuffer} */
export function toPcm(samples) {
  const view = new DataView(new ArrayBuffer(2 * samples.length));
  samples.forEach((sample, n) => view.setInt16(2 * n, Math.round(Math.max(-1, Math.min(1, sample)) * 32_767), true));
  return view.buffer;
}

/** And back. @param {ArrayBuffer} bytes @returns {Float32Array} */
export function fromPcm(bytes) {
  const view = new DataView(bytes);
  return Float32Array.from({ length: bytes.byteLength >> 1 }, (_, n) => view.getInt16(2 * n, true) / 32_768);
}
