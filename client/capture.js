/** The microphone as samples, for a line that is no peer connection. */

import { Resampler, toPcm } from "./resampler.js";

const PROCESSOR = "livegraph-microphone";
const PIECE_MS = 20;

// This file is loaded twice: by the page, and by the browser's thread for sound, where there is nothing but this.
if ("AudioWorkletProcessor" in globalThis) {
  registerProcessor(
    PROCESSOR,
    class extends AudioWorkletProcessor {
      #piece = new Float32Array(Math.round((sampleRate * PIECE_MS) / 1000));
      #filled = 0;

      process([[samples]]) {
        for (let done = 0; samples !== undefined && done < samples.length; ) {
          const part = samples.subarray(done, done + this.#piece.length - this.#filled);
          this.#piece.set(part, this.#filled);
          this.#filled += part.length;
          done += part.length;
          if (this.#filled === this.#piece.length) {
            this.port.postMessage(this.#piece);
            this.#filled = 0;
          }
        }
        return true;
      }
    },
  );
}

/** Listens to a microphone in pieces of 20 ms. */
export class Capture {
  #context;
  #node;
  #source = null;

  /**
   * @param {AudioContext} context whose thread does it: `Capture.load` must have prepared it
   * @param {number} rate samples a second that are wanted
   * @param {(pcm: ArrayBuffer) => void} heard takes each piece: 16 bits, little-endian
   */
  constructor(context, rate, heard) {
    this.#context = context;
    this.#node = new AudioWorkletNode(context, PROCESSOR, { numberOfOutputs: 0, channelCount: 1, channelCountMode: "explicit" });
    const resampler = new Resampler(context.sampleRate, rate);
    this.#node.port.onmessage = ({ data }) => heard(toPcm(resampler.process(data)));
  }

  /** Prepares the thread. @param {AudioContext} context @param {string | URL} file where this file is, or one that has it in it */
  static async load(context, file) {
    await context.audioWorklet.addModule(file);
  }

  /** Listens to this microphone from now on. @param {MediaStream} stream */
  attach(stream) {
    this.#source?.disconnect();
    this.#source = this.#context.createMediaStreamSource(stream);
    this.#source.connect(this.#node);
  }

  close() {
    this.#source?.disconnect();
    this.#node.port.onmessage = null;
    this.#node.port.close();
  }
}
