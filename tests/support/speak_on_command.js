// Lets a test speak into the page's microphone at the moment it chooses: `__speak(base64, rate)` mixes 16-bit PCM into
// every microphone track that the page has opened, and resolves when all of it has been said.
(() => {
  const RATE = 48000;
  const microphones = [];

  const devices = navigator.mediaDevices;
  const open = devices.getUserMedia.bind(devices);
  devices.getUserMedia = async (constraints) => {
    const real = await open(constraints);
    if (!real.getAudioTracks().length) return real;
    const context = new AudioContext({ sampleRate: RATE });
    const mix = context.createMediaStreamDestination();
    context.createMediaStreamSource(real).connect(mix);
    await context.resume();
    const [track] = mix.stream.getAudioTracks();
    const stop = track.stop.bind(track);
    track.stop = () => {
      stop();
      real.getTracks().forEach((each) => each.stop());
      context.close();
    };
    microphones.push({ context, mix, track });
    return new MediaStream([track, ...real.getVideoTracks()]);
  };

  window.__speak = async (base64, rate) => {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    const samples = Float32Array.from(new Int16Array(bytes.buffer), (value) => value / 32768);
    const open = microphones.filter(({ track }) => track.readyState === 'live');
    if (!open.length) throw new Error('the page has no microphone open');
    await Promise.all(open.map(({ context, mix }) => new Promise((done) => {
      const buffer = context.createBuffer(1, samples.length, rate);
      buffer.copyToChannel(samples, 0);
      const source = new AudioBufferSourceNode(context, { buffer });
      source.onended = done;
      source.connect(mix);
      source.start();
    })));
  };
})();
