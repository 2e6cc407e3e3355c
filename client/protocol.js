/**
 * What the page and the server say to each other on the data channel "livegraph"; server/protocol.py has the types.
 *
 * The page creates the channel (ordered, reliable) before it makes its offer. Every message is one JSON
 * object with a "type". A type that a side does not know is ignored, so either side may learn new ones first.
 *
 * Server -> page
 *   ready           {version, agent, live}              the call runs; live: "local simulator", "google", ...
 *   state           {state}                             listening | thinking | speaking | paused | interrupted
 *   transcript      {role, text, final, turn, utterance, interrupted?}
 *                                                       role: user | agent. text is all that is known of the
 *                                                       utterance so far and REPLACES what was shown for the
 *                                                       same (role, utterance). interrupted: it was cut short.
 *                                                       What follows depends on what the server tells its callers:
 *                                                       no tools at all, their names, or everything.
 *   tool_call       {id, name, args}                    the agent asks for a tool
 *   tool_result     {id, name, ok, result, duration_ms} it answered (ok) or failed (result says how)
 *   tool_cancelled  {id, name}                          the agent no longer wants the answer
 *   speech          {speaking}                          the server hears the user's voice, or no longer
 *   line            {round_trip_ms, lost_by_caller, received_packets, lost_packets, jitter_ms, bit_rate, ...}
 *                                                       how the line is, every few seconds; the fields are those
 *                                                       of MediaStatistics (transports/webrtc/rtp/statistics.py)
 *   run_tool        {id, name, args}                    the agent asks for a function of the page
 *   error           {code, message, remedy, id, node?}  something failed, in the server's own words; its log has the id
 *   end             {reason, detail?}                   the call is over, and the channel closes; why, in one of a
 *                                                       few words (EndReason in server/protocol.py), and in people's
 *
 * Page -> server
 *   text            {text}                              the user typed; the page shows it, the server need not
 *                                                       send it back as a transcript
 *   playout         {delay_ms}                          how long the browser keeps the agent's sound before it is
 *                                                       heard, told every few seconds
 *   tool_answer     {id, ok, result}                    what that function gave, or {error} why it did not
 *   hangup          {}                                  the user hangs up; DELETE /api/offer/{pc_id} follows
 */

export const CHANNEL = "livegraph";

export const FromServer = Object.freeze({
  READY: "ready",
  STATE: "state",
  TRANSCRIPT: "transcript",
  TOOL_CALL: "tool_call",
  TOOL_RESULT: "tool_result",
  TOOL_CANCELLED: "tool_cancelled",
  SPEECH: "speech",
  LINE: "line",
  RUN_TOOL: "run_tool",
  ERROR: "error",
  END: "end",
});

export const ToServer = Object.freeze({
  TEXT: "text",
  PLAYOUT: "playout",
  TOOL_ANSWER: "tool_answer",
  HANGUP: "hangup",
});

const KNOWN = new Set(Object.values(FromServer));

/**
 * One message from the server, or null for what the page does not understand.
 * @param {unknown} data the data of a channel's message event
 */
export function decode(data) {
  if (typeof data !== "string") return null;
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return null;
  }
  const known = message !== null && typeof message === "object" && KNOWN.has(message.type);
  return known ? message : null;
}

/** The text of one message to the server. */
export function encode(type, fields = {}) {
  return JSON.stringify({ type, ...fields });
}
