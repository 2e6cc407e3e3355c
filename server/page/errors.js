/** Every way a call can fail, in words for the person who calls: what happened, and what helps. */

/**
 * kind: "error" (the call did not happen or broke), "warning" (it goes on), "info" (nothing is wrong).
 * retry: whether calling again can help, so that a button offers it.
 */
const CATALOGUE = {
  insecure_origin: {
    title: "This page may not use a microphone",
    message: "Browsers only allow it on https:// pages and on localhost.",
    remedy: "Open the page at http://localhost, or put https in front of the server.",
  },
  unsupported_browser: {
    title: "This browser cannot make calls",
    message: "It has no WebRTC, or WebRTC is switched off.",
    remedy: "Use a current Chrome, Edge, Firefox or Safari.",
  },
  no_microphone: {
    title: "No microphone found",
    message: "This device has no microphone that the browser can see.",
    remedy: "Plug one in or connect a headset, then call again.",
    retry: true,
  },
  microphone_denied: {
    title: "The microphone is blocked",
    message: "The browser was not allowed to use the microphone for this page.",
    remedy: "Allow it in the site settings next to the address (on a phone also in the system settings), then call again.",
    retry: true,
  },
  microphone_busy: {
    title: "The microphone is in use",
    message: "Another program holds the microphone, or the system could not start it.",
    remedy: "Close other calls and recorders, or choose another microphone, then call again.",
    retry: true,
  },
  microphone_lost: {
    title: "The microphone was disconnected",
    message: "The agent cannot hear you, but you can still hear it and type.",
    remedy: "Plug it back in, or choose another microphone below.",
    kind: "warning",
  },
  no_camera: {
    title: "Nothing to show",
    message: "This device has no camera that the browser can see, or another program holds it.",
    remedy: "Plug one in, or share your screen instead. The call goes on.",
    kind: "warning",
  },
  camera_denied: {
    title: "The picture is blocked",
    message: "The browser was not allowed to show your camera or screen.",
    remedy: "Allow it in the site settings next to the address, then press the button again. The call goes on.",
    kind: "warning",
  },
  sound_blocked: {
    title: "The browser holds back the sound",
    message: "It wants a tap before it plays the agent's voice.",
    remedy: "",
    kind: "warning",
  },
  server_unreachable: {
    title: "The server does not answer",
    message: "The page could not reach it.",
    remedy: "Check that it is running and that you are online, then try again.",
    retry: true,
  },
  server_error: {
    title: "The server had a fault",
    message: "It could not set up the call.",
    remedy: "Try again. If it stays, its log names the cause.",
    retry: true,
  },
  refused: {
    title: "The server refused the call",
    message: "It did not accept the request.",
    remedy: "Reload the page and try again.",
    retry: true,
  },
  agent_unknown: {
    title: "This agent is not here",
    message: "The server does not serve the agent you chose.",
    remedy: "Choose another agent, or reload the page to see the current list.",
  },
  unauthorized: {
    title: "This server does not know you",
    message: "It takes calls from known callers only.",
    remedy: "Open the page by the address that you were given.",
  },
  ticket_expired: {
    title: "The invitation has expired",
    message: "It was good for a short time only.",
    remedy: "Go back to the site that you came from, and call again from there.",
  },
  ticket_used: {
    title: "The invitation was used",
    message: "It was good for one call.",
    remedy: "Go back to the site that you came from, and call again from there.",
  },
  too_often: {
    title: "Too many calls in a short time",
    message: "The server asks you to wait.",
    remedy: "Try again in a minute.",
    retry: true,
  },
  draining: {
    title: "The server is being restarted",
    message: "It takes no new calls.",
    remedy: "Try again in a while.",
    retry: true,
  },
  overloaded: {
    title: "The server is busy",
    message: "It takes no new calls until it has caught up.",
    remedy: "Try again in a while.",
    retry: true,
  },
  full: {
    title: "All lines are busy",
    message: "The server takes no more calls right now.",
    remedy: "A line is free as soon as another call ends.",
    retry: true,
  },
  no_path: {
    title: "The call did not connect",
    message: "The server answered, but no sound could get through.",
    remedy: "A firewall or VPN may block UDP between you and the server. Try another network.",
    retry: true,
  },
  lost: {
    title: "The connection was lost",
    message: "The call broke off.",
    remedy: "Check your network, then call again.",
    retry: true,
  },
  agent_failed: {
    title: "The agent had a fault",
    message: "Something inside the agent went wrong.",
    remedy: "Call again. If it stays, the server's log names the cause.",
    retry: true,
  },
  ended: {
    title: "The agent ended the call",
    message: "",
    remedy: "",
    kind: "info",
    retry: true,
  },
  page_failed: {
    title: "The page had a fault",
    message: "Something in this page went wrong.",
    remedy: "Reload the page and call again.",
    retry: true,
  },
};

/** Why a call could not be made or ended. `code` is a key of the catalogue. */
export class CallProblem extends Error {
  /**
   * @param {string} code
   * @param {{message?: string, remedy?: string, retryAfter?: number}} [said] what is known better than
   *   the catalogue's words; retryAfter: seconds before another try makes sense
   */
  constructor(code, { message, remedy, retryAfter } = {}) {
    const known = CATALOGUE[code];
    super(message || known.message);
    this.name = "CallProblem";
    this.code = code;
    this.title = known.title;
    this.remedy = remedy ?? known.remedy;
    this.kind = known.kind ?? "error";
    this.retry = known.retry ?? false;
    this.retryAfter = retryAfter;
  }
}

/** The problem behind an error thrown anywhere in the page. */
export function asProblem(error) {
  if (error instanceof CallProblem) return error;
  console.error(error);
  return new CallProblem("page_failed", { message: error instanceof Error ? error.message : String(error) });
}

/** What getUserMedia's error means. */
export function microphoneProblem(error) {
  switch (error?.name) {
    case "NotAllowedError":
    case "SecurityError":
      return new CallProblem("microphone_denied");
    case "NotFoundError":
    case "OverconstrainedError":
      return new CallProblem("no_microphone");
    case "NotReadableError":
    case "AbortError":
      return new CallProblem("microphone_busy");
    default:
      return asProblem(error);
  }
}

/**
 * What an error answer of the server means: {"error": {"code", "message", "remedy"}}, with Retry-After in
 * seconds where waiting helps. An answer without that body still gets clear words.
 * @param {Response} response
 */
export async function responseProblem(response) {
  let said = {};
  try {
    said = (await response.json())?.error ?? {};
  } catch {
    // A proxy's HTML page, or nothing: the status has to do.
  }
  const seconds = Number.parseInt(response.headers.get("Retry-After") ?? "", 10);
  const words = {
    message: text(said.message),
    remedy: text(said.remedy),
    retryAfter: seconds > 0 ? Math.min(seconds, 3600) : undefined,
  };
  return new CallProblem(codeOf(response.status, said.code), words);
}

function codeOf(status, code) {
  if (typeof code === "string" && Object.hasOwn(CATALOGUE, code)) return code;
  if (status === 404) return "agent_unknown";
  if (status === 503 || status === 429) return "full";
  return status >= 500 ? "server_error" : "refused";
}

function text(value) {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

const REASONS = {
  max_duration: "The call reached its longest duration.",
  idle: "Nobody spoke for a while.",
  max_tokens: "The call has used what it may use of the model.",
  max_cost: "The call has cost what it may cost.",
  shutdown: "The server is shutting down.",
  completed: "The agent was done.",
  operator: "The call was ended by the people who run this server.",
};

/**
 * Why an "end" message ended the call: the error just before it where something failed, else what was said of the
 * end, where that is a sentence, else the reason's own words or a plain goodbye.
 * @param {{reason?: unknown, detail?: unknown}} end
 * @param {CallProblem | null} error
 */
export function endProblem({ reason, detail }, error) {
  const given = text(reason);
  if (error && !Object.hasOwn(REASONS, given)) return error;
  const said = text(detail);
  const message = said?.includes(" ") ? said : REASONS[given];
  return new CallProblem("ended", { message: message ?? "It said goodbye. You can call again." });
}
