// Programs of users of @google/genai, run by support.node_sdk.NodeJudge. Each takes what it needs, checks what it
// relies on, and returns what the test looks at.
import { createInterface } from "node:readline";
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Behavior, EndSensitivity, FunctionResponseScheduling, GoogleGenAI, Modality, Type } from "@google/genai";

const WITHIN_MS = 30_000;
const MODEL = "gemini-3.8-live";
const WEATHER = {
  name: "get_weather",
  description: "The weather of a city.",
  parameters: { type: Type.OBJECT, properties: { city: { type: Type.STRING } }, required: ["city"] },
};
const HOURS = { name: "opening_hours", description: "When the shop is open." };

/** A session whose messages can be waited for. */
class Talk {
  constructor() {
    this.messages = [];
    this.closed = null;
    this.open = false;
    this.news = () => {};
  }

  static async open(port, config = {}, { model = MODEL, secure = false, key = "any", version } = {}) {
    const talk = new Talk();
    const ai = client(port, { secure, key, version });
    const opening = ai.live.connect({
      model,
      config: { responseModalities: [Modality.AUDIO], inputAudioTranscription: {}, outputAudioTranscription: {}, ...config },
      callbacks: {
        onmessage: (message) => { talk.messages.push(message); talk.news(); },
        onclose: (event) => { talk.closed = [event.code, event.reason]; talk.news(); },
        onerror: () => {},
      },
    });
    // Refused before setupComplete, connect() fails; in 2.x it waits for ever.
    const refused = talk.until(() => talk.closed || talk.open).then(() => null);
    try {
      talk.session = await Promise.race([opening, refused]);
    } catch (error) {
      await talk.until(() => talk.closed);
    }
    talk.open = true;
    talk.news();
    return talk;
  }

  /** The messages until one for which `found` holds, or until the connection ends. */
  async until(found) {
    const end = Date.now() + WITHIN_MS;
    for (;;) {
      const value = found(this);
      if (value) return value;
      if (Date.now() > end) throw new Error(`nothing came; so far: ${JSON.stringify(this.messages).slice(0, 500)}`);
      await new Promise((resolve) => { this.news = resolve; setTimeout(resolve, 500); });
    }
  }

  /** Take the messages of a turn; `each` sees every one. */
  async turn(each = () => {}) {
    const taken = [];
    await this.until(() => {
      while (this.messages.length) {
        const message = this.messages.shift();
        taken.push(message);
        each(message);
        if (message.serverContent?.turnComplete) return true;
      }
      return this.closed;
    });
    return taken;
  }

  answer(call, response, extra = {}) {
    this.session.sendToolResponse({ functionResponses: [{ id: call.id, name: call.name, response, ...extra }] });
  }
}

function client(port, { secure = false, key = "any", version } = {}) {
  const baseUrl = `${secure ? "https" : "http"}://localhost:${port}`;
  return new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl, ...(version ? { apiVersion: version } : {}) } });
}

const contents = (messages, name) => messages.map((each) => each.serverContent?.[name]).filter(Boolean);
const spoken = (messages) => contents(messages, "outputTranscription").map((each) => each.text).join("");
const heard = (messages) => contents(messages, "inputTranscription").map((each) => each.text).join("");
const calls = (messages) => messages.flatMap((each) => each.toolCall?.functionCalls ?? []);
const sound = (messages) =>
  contents(messages, "modelTurn").flatMap((turn) => turn.parts ?? [])
    .reduce((sum, part) => sum + Buffer.from(part.inlineData?.data ?? "", "base64").length, 0);

function speak(talk, path, silenceSeconds = 2) {
  const pcm = Buffer.concat([readFileSync(path), Buffer.alloc(Math.round(silenceSeconds * 32_000))]);
  for (let at = 0; at < pcm.length; at += 3_200) {
    const data = pcm.subarray(at, at + 3_200).toString("base64");
    talk.session.sendRealtimeInput({ audio: { data, mimeType: "audio/pcm;rate=16000" } });
  }
}

const programs = {
  version() {
    const main = createRequire(import.meta.url).resolve("@google/genai");
    for (let folder = dirname(main); ; folder = dirname(folder)) {
      try {
        const found = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
        if (found.name === "@google/genai" && found.version) return found.version;
      } catch { /* not here */ }
    }
  },

  /** Everything that the model takes, over TLS or not. */
  async full_config({ port, secure }) {
    const talk = await Talk.open(port, {
      temperature: 0.7, topP: 0.95, topK: 40, maxOutputTokens: 1024, seed: 7,
      mediaResolution: "MEDIA_RESOLUTION_LOW",
      speechConfig: { voiceConfig: { prebuiltVoiceConfig: { voiceName: "Kore" } }, languageCode: "id-ID" },
      systemInstruction: "You are terse.",
      tools: [{ googleSearch: {} }, { functionDeclarations: [WEATHER] }],
      sessionResumption: {},
      realtimeInputConfig: {
        automaticActivityDetection: {
          disabled: false, endOfSpeechSensitivity: EndSensitivity.END_SENSITIVITY_LOW, prefixPaddingMs: 20, silenceDurationMs: 500,
        },
      },
      contextWindowCompression: { triggerTokens: "25600", slidingWindow: { targetTokens: "12800" } },
      proactivity: { proactiveAudio: true },
    }, { secure });
    talk.session.sendRealtimeInput({ text: "Hello?" });
    const said = spoken(await talk.turn());
    talk.session.close();
    return said;
  },

  /** Text, and content. */
  async typed_turns({ port }) {
    const talk = await Talk.open(port);
    const said = [];
    talk.session.sendRealtimeInput({ text: "Hello?" });
    said.push(spoken(await talk.turn()));
    talk.session.sendClientContent({ turns: [{ role: "user", parts: [{ text: "And now?" }] }], turnComplete: true });
    said.push(spoken(await talk.turn()));
    talk.session.close();
    return said;
  },

  /** Audio in, audio out. */
  async spoken_turn({ port, path }) {
    const talk = await Talk.open(port, { sessionResumption: {} });
    speak(talk, path);
    const messages = await talk.turn();
    const order = ["inputTranscription", "modelTurn", "generationComplete", "turnComplete"];
    const seen = messages.flatMap((each) => order.filter((name) => each.serverContent?.[name]));
    talk.session.close();
    return {
      heard: heard(messages), said: spoken(messages), bytes: sound(messages), order: [...new Set(seen)],
      usage: messages.at(-1).usageMetadata?.responseTokenCount,
      activity: messages.map((each) => each.voiceActivity?.voiceActivityType ?? each.voiceActivity?.type).filter(Boolean),
    };
  },

  /** Content whose last turn is the user's. */
  async history({ port, model }) {
    const talk = await Talk.open(port, {}, { model });
    talk.session.sendClientContent({
      turns: [
        { role: "user", parts: [{ text: "I am Ann." }] },
        { role: "model", parts: [{ text: "Hello Ann." }] },
        { role: "user", parts: [{ text: "Tell me a story." }] },
      ],
      turnComplete: true,
    });
    const said = spoken(await talk.turn());
    talk.session.close();
    return { said, closed: talk.closed };
  },

  /** A tool; its arguments are unpacked without a look whether there are any. */
  async tool({ port, text, blocking }) {
    const behavior = blocking ? Behavior.BLOCKING : Behavior.NON_BLOCKING;
    const declared = [{ ...WEATHER, behavior }, { ...HOURS, behavior }];
    const talk = await Talk.open(port, { tools: [{ functionDeclarations: declared }] });
    const made = [];
    talk.session.sendRealtimeInput({ text });
    const answer = (message) => {
      for (const call of message.toolCall?.functionCalls ?? []) {
        made.push([call.name, { ...call.args }, Object.keys(call.args).length]);
        const extra = blocking ? {} : { scheduling: FunctionResponseScheduling.INTERRUPT };
        talk.answer(call, { output: { temp: 31 } }, extra);
      }
    };
    let messages = await talk.turn(answer);
    while (!spoken(messages) && !talk.closed) messages = messages.concat(await talk.turn(answer));
    talk.session.close();
    return { calls: made, said: spoken(messages) };
  },

  /** Speaking over it by text. */
  async barge_in({ port }) {
    const talk = await Talk.open(port);
    talk.session.sendRealtimeInput({ text: "Tell me a story." });
    await talk.until(() => talk.messages.some((each) => each.serverContent?.modelTurn));
    talk.session.sendRealtimeInput({ text: "Stop it." });
    const first = await talk.turn();
    const then = await talk.turn();
    talk.session.close();
    return { interrupted: contents(first, "interrupted").length, then: spoken(then) };
  },

  /** A handle: resumed, with a call that waits. */
  async resumption({ port }) {
    const config = { tools: [{ functionDeclarations: [WEATHER] }], sessionResumption: {} };
    const talk = await Talk.open(port, config);
    talk.session.sendRealtimeInput({ text: "What is the weather in Oslo?" });
    const messages = await talk.turn();
    const [call] = calls(messages);
    const handle = messages.map((each) => each.sessionResumptionUpdate?.newHandle).filter(Boolean).at(-1);
    talk.session.close();
    await talk.until(() => talk.closed);
    const again = await Talk.open(port, { ...config, sessionResumption: { handle } });
    again.answer(call, { output: { temp: 31 } });
    let more = [];
    while (!spoken(more)) more = more.concat(await again.turn());
    again.session.close();
    return spoken(more);
  },

  /** The end is announced. */
  async go_away({ port }) {
    const talk = await Talk.open(port);
    const left = await talk.until(() => talk.messages.find((each) => each.goAway)?.goAway.timeLeft);
    await talk.until(() => talk.closed);
    return [left, ...talk.closed];
  },

  /** How a session ends that is refused. */
  async refused({ port, config = {}, model, turns }) {
    const talk = await Talk.open(port, config, { model });
    if (talk.session && turns) talk.session.sendClientContent({ turns, turnComplete: true });
    return talk.until(() => talk.closed);
  },

  /** A token opens one session, and is then used up. */
  async tokens({ port }) {
    const made = await client(port, { key: "good", version: "v1alpha" }).authTokens.create({
      config: { uses: 1, liveConnectConstraints: { model: MODEL, config: { systemInstruction: "You are Bob." } } },
    });
    const talk = await Talk.open(port, {}, { key: made.name, version: "v1alpha" });
    talk.session.sendRealtimeInput({ text: "Who are you?" });
    const messages = await talk.turn();
    talk.session.close();
    await talk.until(() => talk.closed);
    const again = await Talk.open(port, {}, { key: made.name, version: "v1alpha" });
    return { name: made.name, turns: messages.length, again: await again.until(() => again.closed) };
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, given] = JSON.parse(line);
  let answer;
  try {
    answer = { returned: (await programs[name](given)) ?? null };
  } catch (error) {
    answer = { failed: String(error?.stack ?? error) };
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
}
process.exit(0);
