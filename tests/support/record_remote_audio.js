// Records every remote audio track of every RTCPeerConnection of the page, and every other one that an element of it plays:
// `__heard.take(n, id, from)` gives the n-th from sample `from` on, as base64 of 16-bit little-endian PCM, and all of it where
// it is another one than `id`. Runs before the page's own scripts, and takes little of the page's time: in a call over a
// WebSocket it is the page that plays.
(() => {
  const RATE = 48000;
  const PIECE = RATE / 20;
  const WORKLET = `
    registerProcessor('record', class extends AudioWorkletProcessor {
      #piece = new Int16Array(${PIECE});
      #filled = 0;
      process([[samples]]) {
        for (const value of samples ?? []) {
          this.#piece[this.#filled++] = Math.max(-32768, Math.min(32767, Math.round(value * 32767)));
          if (this.#filled < ${PIECE}) continue;
          this.port.postMessage(this.#piece);
          this.#filled = 0;
        }
        return true;
      }
    });`;
  const tracks = [];

  async function record(track) {
    if (tracks.some(({ id }) => id === track.id)) return;
    const entry = { id: track.id, chunks: [] };
    tracks.push(entry);
    const stream = new MediaStream([track]);
    // Chromium hands a remote stream to Web Audio only while an element plays it.
    const element = new Audio();
    element.muted = true;
    element.srcObject = stream;
    element.play().catch(() => {});
    const context = new AudioContext({ sampleRate: RATE });
    entry.keep = [element, context];
    const url = URL.createObjectURL(new Blob([WORKLET], { type: 'text/javascript' }));
    await context.audioWorklet.addModule(url);
    URL.revokeObjectURL(url);
    const node = new AudioWorkletNode(context, 'record', { channelCount: 1, channelCountMode: 'explicit' });
    node.port.onmessage = ({ data }) => entry.chunks.push(data);
    context.createMediaStreamSource(stream).connect(node).connect(context.destination);
    await context.resume();
  }

  function take(number, id = '', from = 0) {
    const entry = tracks[number];
    if (!entry) return null;
    const pieces = entry.chunks.slice(entry.id === id ? from / PIECE : 0);
    const pcm = new Int16Array(pieces.length * PIECE);
    pieces.forEach((piece, n) => pcm.set(piece, n * PIECE));
    let binary = '';
    const bytes = new Uint8Array(pcm.buffer);
    for (let i = 0; i < bytes.length; i += 0x8000) {
      binary += String.fromCharCode.apply(null, bytes.subarray(i, i + 0x8000));
    }
    return { id: entry.id, rate: RATE, pcm: btoa(binary) };
  }

  const Original = window.RTCPeerConnection;
  window.RTCPeerConnection = class extends Original {
    constructor(...args) {
      super(...args);
      this.addEventListener('track', ({ track }) => {
        if (track.kind === 'audio') record(track).catch((error) => console.error(`recorder: ${error}`));
      });
    }
  };
  const played = Object.getOwnPropertyDescriptor(HTMLMediaElement.prototype, 'srcObject');
  Object.defineProperty(HTMLMediaElement.prototype, 'srcObject', {
    ...played,
    set(stream) {
      played.set.call(this, stream);
      for (const track of stream?.getAudioTracks() ?? []) record(track).catch((error) => console.error(`recorder: ${error}`));
    },
  });
  window.__heard = { take };
})();
