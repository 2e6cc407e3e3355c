/** A call as a hook, and what shows it. */

import { Call } from "livegraph-client";
import { useEffect, useReducer, useState } from "react";
import { createRoot } from "react-dom/client";

/** One call to an agent for as long as the component is there. */
function useCall(options) {
  const [call] = useState(() => new Call(options));
  const [lines, setLines] = useState([]);
  const [problem, setProblem] = useState(null);
  const [, changed] = useReducer((n) => n + 1, 0);
  useEffect(() => {
    const stops = [
      call.on("state", changed),
      call.on("transcript", (said) => {
        const same = (line) => line.role === said.role && line.utterance === said.utterance;
        setLines((before) => (before.some(same) ? before.map((line) => (same(line) ? said : line)) : [...before, said]));
      }),
      call.on("ended", (end) => setProblem(end.problem)),
    ];
    return () => {
      for (const stop of stops) stop();
      call.hangUp();
    };
  }, [call]);
  const start = async () => {
    setLines([]);
    setProblem(null);
    await call.start().catch(() => {}); // the event "ended" tells why
  };
  return { call, lines, problem, start };
}

function Desk({ server }) {
  const { call, lines, problem, start } = useCall({ server });
  const [text, setText] = useState("");
  const send = (event) => {
    event.preventDefault();
    if (call.send(text)) setText("");
  };
  return (
    <main>
      <h1>The front desk</h1>
      <button onClick={() => (call.active ? call.hangUp() : start())}>{call.active ? "Hang up" : "Call"}</button>
      <p role="status">{call.state}</p>
      {problem && <p role="alert">{problem.title}</p>}
      <ul>
        {lines.map((line) => <li key={`${line.role} ${line.utterance}`}>{line.role}: {line.text}</li>)}
      </ul>
      {call.phase === "live" && (
        <form onSubmit={send}>
          <input aria-label="Type" value={text} onChange={(event) => setText(event.target.value)} />
        </form>
      )}
    </main>
  );
}

const server = new URLSearchParams(location.search).get("server") ?? "http://localhost:8080/";
createRoot(document.getElementById("root")).render(<Desk server={server} />);
