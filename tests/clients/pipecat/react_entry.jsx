// Bundled for the tests: an application with Pipecat's client for React, as its makers show it.
import { useState } from "react";
import { createRoot } from "react-dom/client";
import { PipecatClient, RTVIEvent } from "@pipecat-ai/client-js";
import {
  PipecatClientAudio, PipecatClientProvider, usePipecatClient, usePipecatClientMicControl,
  usePipecatClientTransportState, usePipecatConversation, useRTVIClientEvent,
} from "@pipecat-ai/client-react";
import { SmallWebRTCTransport, WavMediaManager } from "@pipecat-ai/small-webrtc-transport";

// The default media manager loads a script from the network; this one comes with the package.
const client = new PipecatClient({
  transport: new SmallWebRTCTransport({ mediaManager: new WavMediaManager() }),
  enableMic: true,
});
const endpoint = new URLSearchParams(location.search).get("start");
const requestData = { transport: "webrtc", body: { name: "Ann" } };
const said = (text) => (typeof text === "string" ? text : `${text?.spoken ?? ""}${text?.unspoken ?? ""}`);

function Conversation() {
  const { messages } = usePipecatConversation();
  return (
    <ul>
      {messages.map((message, n) => (
        <li key={n} data-role={message.role}>
          {message.parts?.map((part) => said(part.text)).join(" ")}
          {message.functionCall && `${message.functionCall.function_name}: ${message.functionCall.status}`}
        </li>
      ))}
    </ul>
  );
}

function Call() {
  const client = usePipecatClient();
  const state = usePipecatClientTransportState();
  const { enableMic, isMicEnabled } = usePipecatClientMicControl();
  const [spoken, setSpoken] = useState(0);
  useRTVIClientEvent(RTVIEvent.BotStoppedSpeaking, () => setSpoken((times) => times + 1));
  return (
    <>
      <output>{state}</output>
      <p>spoken {spoken}</p>
      <button onClick={() => client.startBotAndConnect({ endpoint, requestData })}>Connect</button>
      <button onClick={() => enableMic(!isMicEnabled)}>{isMicEnabled ? "Mute" : "Unmute"}</button>
      <button onClick={() => client.disconnect()}>Leave</button>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          client.sendText(new FormData(event.target).get("text"));
        }}
      >
        <input name="text" aria-label="Message" />
      </form>
      <Conversation />
    </>
  );
}

client.registerFunctionCallHandler("show_map", async ({ arguments: { city } }) => {
  document.title = city;
  return { shown: city };
});
createRoot(document.getElementById("root")).render(
  <PipecatClientProvider client={client}>
    <Call />
    <PipecatClientAudio />
  </PipecatClientProvider>,
);
