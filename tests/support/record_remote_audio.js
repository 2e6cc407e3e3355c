// Records every remote audio track of every RTCPeerConnection of the page, and every other one that an element of it plays:
// `__heard.take(n)` gives the n-th as base64 of 16-bit little-endian PCM. Runs before the page's own scripts.
(() => {
  const RATE = 48000;
  const WORKLET = `
    registerProcessor('record', class extends AudioWorkletProcessor {
      process([input]) {
        const samples = input[0];
        if (samples) this.port.postMessage(samples.slice());
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

  function take(number) {
    const entry = tracks[number];
    if (!entry) return null;
    const length = entry.chunks.reduce((sum, chunk) => sum + chunk.length, 0);
    const pcm = new Int16Array(length);
    let at = 0;
    for (const chunk of entry.chunks) {
      for (const value of chunk) pcm[at++] = Math.max(-32768, Math.min(32767, Math.round(value * 32767)));
    }
    let binary = '';
    const bytes = new Uint8Array(pcm.buffer);
    for (let i = 0; i < bytes.length; i += 0x8000) {
      binary += String.fromCharCode.apply(null, bytes.subarray(i, i + 0x8000));
    }
    return { rate: RATE, pcm: btoa(binary) };
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
