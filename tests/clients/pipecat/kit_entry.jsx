// Bundled for the tests: an application of the parts of Pipecat's Voice UI Kit, as its makers show them.
import { createRoot } from "react-dom/client";
import { PipecatClient } from "@pipecat-ai/client-js";
import { PipecatClientAudio, PipecatClientProvider, usePipecatClient } from "@pipecat-ai/client-react";
import { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";
import { ConnectButton, Conversation, ThemeProvider, UserAudioControl } from "@pipecat-ai/voice-ui-kit";
import "@pipecat-ai/voice-ui-kit/styles";

// The default media manager loads a script from the network; this one comes with the package.
const client = new PipecatClient({
  transport: new SmallWebRTCTransport({ mediaManager: new WavMediaManager() }),
  enableMic: true,
});
const endpoint = new URLSearchParams(location.search).get("start");
const requestData = { transport: "webrtc", body: { name: "Ann" } };

function Call() {
  const client = usePipecatClient();
  return (
    <main>
      <ConnectButton
        onConnect={() => client.startBotAndConnect({ endpoint, requestData })}
        onDisconnect={() => client.disconnect()}
      />
      <UserAudioControl />
      <section aria-label="Conversation" style={{ height: "400px" }}>
        <Conversation />
      </section>
    </main>
  );
}

createRoot(document.getElementById("root")).render(
  <ThemeProvider>
    <PipecatClientProvider client={client}>
      <Call />
      <PipecatClientAudio />
    </PipecatClientProvider>
  </ThemeProvider>,
);
