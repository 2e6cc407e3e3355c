/** Every way a call can fail, in words for the person who calls: what happened, and what helps. */

import { words } from "./words.js";

/**
 * kind: "error" (the call did not happen or broke), "warning" (it goes on), "info" (nothing is wrong).
 * retry: whether calling again can help. typing: whether a call without a microphone would do.
 */
const KINDS = {
  insecure_origin: { typing: true },
  unsupported_browser: {},
  no_microphone: { retry: true, typing: true },
  microphone_denied: { retry: true, typing: true },
  microphone_busy: { retry: true, typing: true },
  microphone_lost: { kind: "warning" },
  microphone_revoked: { kind: "warning" },
  no_camera: { kind: "warning" },
  camera_denied: { kind: "warning" },
  no_speaker: { kind: "warning" },
  sound_blocked: { kind: "warning" },
  server_unreachable: { retry: true },
  server_error: { retry: true },
  refused: { retry: true },
  bad_inputs: {},
  agent_unknown: {},
  unauthorized: {},
  ticket_expired: {},
  ticket_used: {},
  too_often: { retry: true },
  draining: { retry: true },
  overloaded: { retry: true },
  full: { retry: true },
  no_path: { retry: true },
  lost: { retry: true },
  offline: { retry: true },
  agent_failed: { retry: true },
  ended: { kind: "info", retry: true },
  page_failed: { retry: true },
};

/** The server's words for a call that a page wanted to go on with. */
const GONE = new Set(["call_unknown", "call_over", "call_ended"]);

/** Why a call could not be made or ended. */
export class CallProblem extends Error {
  /**
   * @param {string} code one of the codes in `index.d.ts`
   * @param {{title?: string, message?: string, remedy?: string, retryAfter?: number}} [said] what is known better than
   *   the words for the code; retryAfter: seconds before another try makes sense
   */
  constructor(code, { title, message, remedy, retryAfter } = {}) {
    const [ownTitle, ownMessage, ownRemedy] = words().problems[code];
    super(message || ownMessage);
    this.name = "CallProblem";
    this.code = code;
    this.title = title || ownTitle;
    this.remedy = remedy ?? ownRemedy;
    this.kind = KINDS[code].kind ?? "error";
    this.retry = KINDS[code].retry ?? false;
    this.typing = KINDS[code].typing ?? false;
    this.retryAfter = retryAfter;
  }
}

/** The problem behind an error thrown anywhere. */
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
  return refusalProblem(response.status, said, seconds > 0 ? Math.min(seconds, 3600) : undefined);
}

/**
 * What a refusal of the server means, whatever way it came.
 * @param {number} status of HTTP
 * @param {{code?: unknown, message?: unknown, remedy?: unknown}} said
 * @param {number} [retryAfter] seconds
 */
export function refusalProblem(status, said, retryAfter) {
  return new CallProblem(codeOf(status, said.code), {
    message: wordsOf(said.message),
    remedy: wordsOf(said.remedy),
    retryAfter,
  });
}

function codeOf(status, code) {
  if (typeof code === "string" && Object.hasOwn(KINDS, code)) return code;
  if (GONE.has(code)) return "lost";
  if (status === 404) return "agent_unknown";
  if (status === 503 || status === 429) return "full";
  return status >= 500 ? "server_error" : "refused";
}

function wordsOf(value) {
  return typeof value === "string" && value.trim() !== "" ? value.trim() : undefined;
}

/**
 * Why an "end" message ended the call: the error just before it where something failed, else what was said of the
 * end, where that is a sentence, else the reason's own words or a plain goodbye.
 * @param {{reason?: unknown, detail?: unknown}} end
 * @param {CallProblem | null} error
 */
export function endProblem({ reason, detail }, error) {
  const given = wordsOf(reason);
  const [title, ending] = given !== undefined && Object.hasOwn(words().ends, given) ? words().ends[given] : [];
  if (error && title === undefined) return error;
  // What a goodbye was for is a word for programs.
  const said = given === "goodbye" ? undefined : wordsOf(detail);
  return new CallProblem("ended", { title, message: said?.includes(" ") ? said : ending });
}
