// Pipecat's transport with the media manager that comes with it: the default one loads a script from the network.
import { SmallWebRTCTransport as Transport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";

export class SmallWebRTCTransport extends Transport {
  constructor(options = {}) {
    super({ ...options, mediaManager: new WavMediaManager() });
  }
}
