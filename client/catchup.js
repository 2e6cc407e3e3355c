/** Sound that is late made shorter, so that what a network held back is not behind for the rest of the call. */

const QUIET = 0.004; // of full scale: what is nowhere louder is a pause, and is left out whole
const LEAST_LAG_S = 0.0025; // a voice repeats itself after so long: between 100 and 400 times a second
const MOST_LAG_S = 0.01;
const STEP_S = 0.1; // so often one repetition is left out of what is no pause

/** One stream of samples, piece by piece. It is not heard that something is missing: there is less of it. */
export class CatchUp {
  #rate;
  #since = 0; // seconds of sound since something was left out

  /** @param {number} rate samples a second */
  constructor(rate) {
    this.#rate = rate;
  }

  /**
   * Leaves out what can be missed of a piece: all of a pause, and of a voice one repetition in each 100 ms.
   * @param {Float32Array} samples
   * @param {number} lateS by how much the stream is late, in seconds; at 0 and less all is given back
   * @returns {Float32Array} begins and ends as the piece did, where it is not empty
   */
  shorten(samples, lateS) {
    if (lateS <= 0) return samples;
    if (samples.every((sample) => Math.abs(sample) < QUIET)) return samples.subarray(Math.floor(lateS * this.#rate));
    this.#since += samples.length / this.#rate;
    if (this.#since < STEP_S || samples.length < 2 * MOST_LAG_S * this.#rate) return samples;
    this.#since = 0;
    return this.#without(samples, this.#repeatsAfter(samples));
  }

  /** After how many samples the piece is most like itself. */
  #repeatsAfter(samples) {
    const most = Math.round(MOST_LAG_S * this.#rate);
    const compared = samples.length - most;
    let best = most;
    let likest = -Infinity;
    for (let lag = Math.round(LEAST_LAG_S * this.#rate); lag <= most; lag += 1) {
      let both = 0;
      let later = 1e-9;
      for (let n = 0; n < compared; n += 1) {
        both += samples[n] * samples[n + lag];
        later += samples[n + lag] * samples[n + lag];
      }
      const alike = both / Math.sqrt(later);
      if (alike > likest) [best, likest] = [lag, alike];
    }
    return best;
  }

  /** From the piece to the same piece `lag` samples later, one fading into the other. */
  #without(samples, lag) {
    const length = samples.length - lag;
    return Float32Array.from({ length }, (_, n) => {
      const share = (n + 0.5) / length;
      return samples[n] * (1 - share) + samples[n + lag] * share;
    });
  }
}
