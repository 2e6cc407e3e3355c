/** Every word that a person may read or hear read out, in each language, and which language is spoken. */

/**
 * @typedef {"en" | "de" | "ar"} Language
 * @typedef {[title: string, message: string, remedy: string]} ProblemWords
 * @typedef {{
 *   problems: Record<string, ProblemWords>,
 *   ends: Record<string, [title: string, message: string]>,
 *   states: Record<string, [label: string, hint: string]>,
 *   labels: Record<string, string>,
 * }} Words
 */

/** @type {Record<Language, Words>} */
const WORDS = {
  en: {
    problems: {
      insecure_origin: ["This page may not use a microphone", "Browsers only allow it on https:// pages and on localhost.", "Open the page at http://localhost, or put https in front of the server. You can still call and type."],
      unsupported_browser: ["This browser cannot make calls", "It has no WebRTC, or WebRTC is switched off.", "Use a current Chrome, Edge, Firefox or Safari."],
      no_microphone: ["No microphone found", "This device has no microphone that the browser can see.", "Plug one in or connect a headset, then call again. You can also call without one, and type."],
      microphone_denied: ["The microphone is blocked", "The browser was not allowed to use the microphone for this page.", "Allow it in the site settings next to the address (on a phone also in the system settings), then call again. You can also call without one, and type."],
      microphone_busy: ["The microphone is in use", "Another program holds the microphone, or the system could not start it.", "Close other calls and recorders, or choose another microphone, then call again. You can also call without one, and type."],
      microphone_lost: ["The microphone was disconnected", "The agent cannot hear you, but you can still hear it and type.", "Plug it back in, or choose another microphone below."],
      microphone_revoked: ["The microphone was taken away", "The browser may not use it for this page any more. The agent cannot hear you, but you can still hear it and type.", "Allow it in the site settings next to the address: the call goes on with it."],
      no_camera: ["Nothing to show", "This device has no camera that the browser can see, or another program holds it.", "Plug one in, or share your screen instead. The call goes on."],
      camera_denied: ["The picture is blocked", "The browser was not allowed to show your camera or screen.", "Allow it in the site settings next to the address, then press the button again. The call goes on."],
      no_speaker: ["This loudspeaker cannot be used", "The browser could not send the sound there.", "Choose another one. The call goes on."],
      sound_blocked: ["The browser holds back the sound", "It wants a tap before it plays the agent's voice.", ""],
      server_unreachable: ["The server does not answer", "The page could not reach it.", "Check that it is running and that you are online, then try again."],
      server_error: ["The server had a fault", "It could not set up the call.", "Try again. If it stays, its log names the cause."],
      refused: ["The server refused the call", "It did not accept the request.", "Reload the page and try again."],
      bad_inputs: ["Something is missing or wrong", "The agent needs something else than what was filled in.", "Correct it, then call again."],
      agent_unknown: ["This agent is not here", "The server does not serve the agent you chose.", "Choose another agent, or reload the page to see the current list."],
      unauthorized: ["This server does not know you", "It takes calls from known callers only.", "Open the page by the address that you were given."],
      ticket_expired: ["The invitation has expired", "It was good for a short time only.", "Go back to the site that you came from, and call again from there."],
      ticket_used: ["The invitation was used", "It was good for one call.", "Go back to the site that you came from, and call again from there."],
      too_often: ["Too many calls in a short time", "The server asks you to wait.", "Try again in a minute."],
      draining: ["The server is being restarted", "It takes no new calls.", "Try again in a while."],
      overloaded: ["The server is busy", "It takes no new calls until it has caught up.", "Try again in a while."],
      full: ["All lines are busy", "The server takes no more calls right now.", "A line is free as soon as another call ends."],
      no_path: ["The call did not connect", "The server answered, but no sound could get through.", "A firewall or VPN may block UDP between you and the server. Try another network."],
      lost: ["The connection was lost", "The call broke off.", "Check your network, then call again."],
      offline: ["This device is offline", "It has no connection to any network.", "Connect it, then try again."],
      agent_failed: ["The agent had a fault", "Something inside the agent went wrong.", "Call again. If it stays, the server's log names the cause."],
      ended: ["The agent ended the call", "It said goodbye. You can call again.", ""],
      page_failed: ["The page had a fault", "Something in this page went wrong.", "Reload the page and call again."],
    },
    ends: {
      max_duration: ["The call's time is up", "The call reached its longest duration."],
      idle: ["The call was ended", "Nobody spoke for a while."],
      max_tokens: ["The call was ended", "The call has used what it may use of the model."],
      max_cost: ["The call was ended", "The call has cost what it may cost."],
      max_turns: ["The call was ended", "The agent has answered as often as it may."],
      transferred: ["The call was handed on", "Somebody else will speak to you."],
      shutdown: ["The server was shut down", "The server is shutting down, and the call had to end."],
      completed: ["The agent ended the call", "The agent was done."],
      operator: ["The call was ended", "The people who run this server ended it."],
    },
    states: {
      idle: ["Ready", "Press call and speak."],
      microphone: ["Microphone", "Allow the microphone when the browser asks."],
      connecting: ["Connecting", "Reaching the server."],
      joining: ["Connecting", "The line is open. Waiting for the agent."],
      detour: ["Connecting", "This network lets no call through the usual way. Trying a WebSocket."],
      listening: ["Listening", "Speak whenever you like."],
      reading: ["Listening", "Type whenever you like."],
      thinking: ["Thinking", "The agent is working on an answer."],
      speaking: ["Speaking", "You can interrupt at any time."],
      paused: ["Paused", "The agent waits to hear whether you go on."],
      interrupted: ["Interrupted", "The agent stopped. Go ahead."],
      reconnecting: ["Reconnecting", "The connection is shaky. Hold on."],
      failed: ["Not connected", ""],
      ended: ["Call ended", ""],
    },
    labels: {
      call: "Call", call_again: "Call again", call_in: "Call again in {seconds} s", type: "Call without a microphone", hang_up: "Hang up", cancel: "Cancel",
      mute: "Mute", unmute: "Unmute", muted: "You are muted.", unheard: "The agent does not listen at the moment.", camera: "Camera", screen: "Screen", shown: "What you show",
      agent: "Agent", microphone: "Microphone", speaker: "Loudspeaker", default_microphone: "Default microphone", default_speaker: "Default loudspeaker",
      you: "You", your_level: "Your level", agent_level: "The agent's level", duration: "Duration of the call", line: "Round trip and lost sound",
      lost: "{percent} % lost", transcript: "Transcript", conversation: "Conversation", controls: "Controls", stage: "Call", latest: "Latest",
      type_to_agent: "Type to the agent", send: "Send", dismiss: "Dismiss", try_again: "Try again", play: "Play", close: "Close",
      empty_title: "Just talk", empty_text: "What you and the agent say appears here, and what the agent does for you. You can interrupt it at any time, or type instead of speaking.",
      connected: "Connected", by_websocket: "Over a WebSocket: this network lets no call through the usual way. The camera and the screen cannot be shown, and a reload ends the call.", connected_again: "Connected again", reconnecting: "Reconnecting", ended: "Call ended", connecting: "Connecting",
      tool_running: "Running", tool_ok: "Done", tool_failed: "Failed", tool_cancelled: "Cancelled", arguments: "Arguments", result: "Result", fault: "Fault",
      tool_took: "{status} in {time}", tool_said: "Tool {name}: {status}", interrupted: "interrupted", cut: "cut off", nothing: "nothing", shortened: "(cut)",
      handed_over: "{before} hands over to {persona}", passed_on: "You are being passed on to {to}", calls_back: "{to} will call you back", allowed: "You agreed: {name}", declined: "You declined: {name}",
      inputs: "About this call", required: "needed", yes: "Yes", no: "No", unset: "as the agent likes",
      test: "Test the microphone", test_stop: "Stop the test", test_hint: "Speak: the bar should move.", test_silent: "Nothing is heard. Is it the right microphone, and is it switched on?", test_good: "The microphone works.",
      copy: "Copy", copied: "Copied", save_text: "Save as text", save_json: "Save as JSON", link: "Copy a link to this call", link_copied: "Link copied",
      details: "What happens", figures: "Figures", timeline: "The last half minute", graph: "The graph of the call", edges: "What flows", options: "What can be turned", events: "Events", edge: "edge", per_second: "per second", waiting: "waiting", dropped: "dropped", stale: "cut", answer_after: "answer after {ms} ms", round_trip: "round trip {ms} ms", jitter: "jitter {ms} ms", buffered: "buffer {ms} ms", concealed: "concealed {ms} ms", recovered: "{count} packets given back", lost_ways: "lost {up} % up, {down} % down", bit_rates: "{up} kb/s up, {down} kb/s down", late_beats: "{count} beats late", complexity: "complexity {level}", tokens: "{count} tokens", cost: "{usd} USD", tools: "Tools", voice_agent: "Voice agent", simulator: "Answered by {live}",
    },
  },
  de: {
    problems: {
      insecure_origin: ["Diese Seite darf kein Mikrofon benutzen", "Browser erlauben es nur auf https://-Seiten und auf localhost.", "Öffnen Sie die Seite unter http://localhost, oder stellen Sie https vor den Server. Anrufen und tippen geht trotzdem."],
      unsupported_browser: ["Dieser Browser kann nicht telefonieren", "Er hat kein WebRTC, oder es ist abgeschaltet.", "Nehmen Sie ein aktuelles Chrome, Edge, Firefox oder Safari."],
      no_microphone: ["Kein Mikrofon gefunden", "Der Browser sieht an diesem Gerät kein Mikrofon.", "Schließen Sie eines oder ein Headset an und rufen Sie noch einmal an. Sie können auch ohne anrufen und tippen."],
      microphone_denied: ["Das Mikrofon ist gesperrt", "Der Browser durfte das Mikrofon für diese Seite nicht benutzen.", "Erlauben Sie es in den Einstellungen neben der Adresse (am Telefon auch im System), und rufen Sie noch einmal an. Sie können auch ohne anrufen und tippen."],
      microphone_busy: ["Das Mikrofon ist belegt", "Ein anderes Programm hält das Mikrofon, oder das System konnte es nicht starten.", "Schließen Sie andere Anrufe und Rekorder, oder wählen Sie ein anderes Mikrofon, und rufen Sie noch einmal an. Sie können auch ohne anrufen und tippen."],
      microphone_lost: ["Das Mikrofon wurde getrennt", "Der Agent hört Sie nicht mehr, aber Sie hören ihn und können tippen.", "Schließen Sie es wieder an, oder wählen Sie unten ein anderes."],
      microphone_revoked: ["Das Mikrofon wurde entzogen", "Der Browser darf es für diese Seite nicht mehr benutzen. Der Agent hört Sie nicht mehr, aber Sie hören ihn und können tippen.", "Erlauben Sie es in den Einstellungen neben der Adresse: der Anruf geht damit weiter."],
      no_camera: ["Nichts zu zeigen", "Der Browser sieht an diesem Gerät keine Kamera, oder ein anderes Programm hält sie.", "Schließen Sie eine an, oder zeigen Sie den Bildschirm. Der Anruf geht weiter."],
      camera_denied: ["Das Bild ist gesperrt", "Der Browser durfte Kamera oder Bildschirm nicht zeigen.", "Erlauben Sie es in den Einstellungen neben der Adresse, und drücken Sie noch einmal. Der Anruf geht weiter."],
      no_speaker: ["Dieser Lautsprecher geht nicht", "Der Browser konnte den Ton nicht dorthin geben.", "Wählen Sie einen anderen. Der Anruf geht weiter."],
      sound_blocked: ["Der Browser hält den Ton zurück", "Er möchte erst angetippt werden, bevor er die Stimme des Agenten spielt.", ""],
      server_unreachable: ["Der Server antwortet nicht", "Die Seite konnte ihn nicht erreichen.", "Prüfen Sie, ob er läuft und ob Sie online sind, und versuchen Sie es noch einmal."],
      server_error: ["Der Server hatte einen Fehler", "Er konnte den Anruf nicht aufbauen.", "Versuchen Sie es noch einmal. Bleibt es dabei, steht der Grund in seinem Protokoll."],
      refused: ["Der Server hat den Anruf abgelehnt", "Er hat die Anfrage nicht angenommen.", "Laden Sie die Seite neu und versuchen Sie es noch einmal."],
      bad_inputs: ["Etwas fehlt oder stimmt nicht", "Der Agent braucht etwas anderes als das Ausgefüllte.", "Berichtigen Sie es und rufen Sie noch einmal an."],
      agent_unknown: ["Diesen Agenten gibt es hier nicht", "Der Server hat den gewählten Agenten nicht.", "Wählen Sie einen anderen, oder laden Sie die Seite neu."],
      unauthorized: ["Der Server kennt Sie nicht", "Er nimmt nur Anrufe von Bekannten an.", "Öffnen Sie die Seite unter der Adresse, die Sie bekommen haben."],
      ticket_expired: ["Die Einladung ist abgelaufen", "Sie galt nur kurze Zeit.", "Gehen Sie zurück zu der Seite, von der Sie kommen, und rufen Sie von dort noch einmal an."],
      ticket_used: ["Die Einladung ist verbraucht", "Sie galt für einen Anruf.", "Gehen Sie zurück zu der Seite, von der Sie kommen, und rufen Sie von dort noch einmal an."],
      too_often: ["Zu viele Anrufe in kurzer Zeit", "Der Server bittet um etwas Geduld.", "Versuchen Sie es in einer Minute noch einmal."],
      draining: ["Der Server wird neu gestartet", "Er nimmt keine neuen Anrufe an.", "Versuchen Sie es später noch einmal."],
      overloaded: ["Der Server hat viel zu tun", "Er nimmt keine neuen Anrufe an, bis er nachgekommen ist.", "Versuchen Sie es später noch einmal."],
      full: ["Alle Leitungen sind besetzt", "Der Server nimmt gerade keine Anrufe mehr an.", "Eine Leitung wird frei, sobald ein anderer Anruf endet."],
      no_path: ["Der Anruf kam nicht zustande", "Der Server hat geantwortet, aber es kam kein Ton durch.", "Vielleicht sperrt eine Firewall oder ein VPN UDP. Versuchen Sie ein anderes Netz."],
      lost: ["Die Verbindung ist abgerissen", "Der Anruf brach ab.", "Prüfen Sie Ihr Netz und rufen Sie noch einmal an."],
      offline: ["Dieses Gerät ist offline", "Es hat keine Verbindung zu einem Netz.", "Verbinden Sie es und versuchen Sie es noch einmal."],
      agent_failed: ["Der Agent hatte einen Fehler", "Im Agenten ist etwas schiefgegangen.", "Rufen Sie noch einmal an. Bleibt es dabei, steht der Grund im Protokoll des Servers."],
      ended: ["Der Agent hat aufgelegt", "Er hat sich verabschiedet. Sie können wieder anrufen.", ""],
      page_failed: ["Die Seite hatte einen Fehler", "Auf dieser Seite ist etwas schiefgegangen.", "Laden Sie sie neu und rufen Sie noch einmal an."],
    },
    ends: {
      max_duration: ["Die Zeit ist um", "Der Anruf hat seine längste Dauer erreicht."],
      idle: ["Der Anruf wurde beendet", "Eine Weile hat niemand gesprochen."],
      max_tokens: ["Der Anruf wurde beendet", "Der Anruf hat verbraucht, was er vom Modell verbrauchen darf."],
      max_cost: ["Der Anruf wurde beendet", "Der Anruf hat gekostet, was er kosten darf."],
      max_turns: ["Der Anruf wurde beendet", "Der Agent hat so oft geantwortet, wie er darf."],
      transferred: ["Der Anruf wurde weitergegeben", "Jemand anderes spricht mit Ihnen."],
      shutdown: ["Der Server wurde abgeschaltet", "Der Server wird abgeschaltet, und der Anruf musste enden."],
      completed: ["Der Agent hat aufgelegt", "Der Agent war fertig."],
      operator: ["Der Anruf wurde beendet", "Die Betreiber dieses Servers haben ihn beendet."],
    },
    states: {
      idle: ["Bereit", "Rufen Sie an und sprechen Sie."],
      microphone: ["Mikrofon", "Erlauben Sie das Mikrofon, wenn der Browser fragt."],
      connecting: ["Verbinden", "Der Server wird gerufen."],
      joining: ["Verbinden", "Die Leitung steht. Der Agent kommt gleich."],
      detour: ["Verbinden", "Auf dem üblichen Weg lässt dieses Netz keinen Anruf durch. Ein WebSocket wird versucht."],
      listening: ["Hört zu", "Sprechen Sie, wann Sie möchten."],
      reading: ["Hört zu", "Tippen Sie, wann Sie möchten."],
      thinking: ["Denkt nach", "Der Agent arbeitet an einer Antwort."],
      speaking: ["Spricht", "Sie können jederzeit unterbrechen."],
      paused: ["Wartet", "Der Agent wartet, ob Sie weitersprechen."],
      interrupted: ["Unterbrochen", "Der Agent schweigt. Bitte sprechen Sie."],
      reconnecting: ["Verbindet neu", "Die Verbindung wackelt. Einen Moment."],
      failed: ["Nicht verbunden", ""],
      ended: ["Anruf beendet", ""],
    },
    labels: {
      call: "Anrufen", call_again: "Noch einmal anrufen", call_in: "Noch einmal in {seconds} s", type: "Ohne Mikrofon anrufen", hang_up: "Auflegen", cancel: "Abbrechen",
      mute: "Stumm", unmute: "Laut", muted: "Sie sind stumm.", unheard: "Der Agent hört gerade nicht zu.", camera: "Kamera", screen: "Bildschirm", shown: "Was Sie zeigen",
      agent: "Agent", microphone: "Mikrofon", speaker: "Lautsprecher", default_microphone: "Übliches Mikrofon", default_speaker: "Üblicher Lautsprecher",
      you: "Sie", your_level: "Ihr Pegel", agent_level: "Pegel des Agenten", duration: "Dauer des Anrufs", line: "Laufzeit und verlorener Ton",
      lost: "{percent} % verloren", transcript: "Mitschrift", conversation: "Gespräch", controls: "Bedienung", stage: "Anruf", latest: "Neuestes",
      type_to_agent: "Dem Agenten schreiben", send: "Senden", dismiss: "Schließen", try_again: "Noch einmal", play: "Abspielen", close: "Schließen",
      empty_title: "Sprechen Sie einfach", empty_text: "Hier erscheint, was Sie und der Agent sagen und was er für Sie tut. Sie können ihn jederzeit unterbrechen oder tippen statt sprechen.",
      connected: "Verbunden", by_websocket: "Über einen WebSocket: auf dem üblichen Weg lässt dieses Netz keinen Anruf durch. Kamera und Bildschirm können nicht gezeigt werden, und Neuladen beendet den Anruf.", connected_again: "Wieder verbunden", reconnecting: "Verbindet neu", ended: "Anruf beendet", connecting: "Verbinden",
      tool_running: "Läuft", tool_ok: "Fertig", tool_failed: "Misslungen", tool_cancelled: "Abgebrochen", arguments: "Angaben", result: "Ergebnis", fault: "Fehler",
      tool_took: "{status} in {time}", tool_said: "Werkzeug {name}: {status}", interrupted: "unterbrochen", cut: "abgeschnitten", nothing: "nichts", shortened: "(gekürzt)",
      handed_over: "{before} übergibt an {persona}", passed_on: "Sie werden an {to} weitergegeben", calls_back: "{to} ruft Sie zurück", allowed: "Sie haben zugestimmt: {name}", declined: "Sie haben abgelehnt: {name}",
      inputs: "Zu diesem Anruf", required: "nötig", yes: "Ja", no: "Nein", unset: "wie der Agent möchte",
      test: "Mikrofon prüfen", test_stop: "Prüfung beenden", test_hint: "Sprechen Sie: der Balken sollte sich bewegen.", test_silent: "Es ist nichts zu hören. Ist es das richtige Mikrofon, und ist es an?", test_good: "Das Mikrofon geht.",
      copy: "Kopieren", copied: "Kopiert", save_text: "Als Text sichern", save_json: "Als JSON sichern", link: "Link zu diesem Anruf kopieren", link_copied: "Link kopiert",
      details: "Was geschieht", figures: "Zahlen", timeline: "Die letzte halbe Minute", graph: "Der Graph des Anrufs", edges: "Was fließt", options: "Was sich drehen lässt", events: "Ereignisse", edge: "Kante", per_second: "je Sekunde", waiting: "wartend", dropped: "verworfen", stale: "unterbrochen", answer_after: "Antwort nach {ms} ms", round_trip: "Laufzeit {ms} ms", jitter: "Jitter {ms} ms", buffered: "Puffer {ms} ms", concealed: "überdeckt {ms} ms", recovered: "{count} Pakete wiedergewonnen", lost_ways: "verloren {up} % hin, {down} % her", bit_rates: "{up} kb/s hin, {down} kb/s her", late_beats: "{count} Takte zu spät", complexity: "Komplexität {level}", tokens: "{count} Tokens", cost: "{usd} USD", tools: "Werkzeuge", voice_agent: "Sprachagent", simulator: "Es antwortet: {live}",
    },
  },
  ar: {
    problems: {
      insecure_origin: ["لا يمكن لهذه الصفحة استخدام الميكروفون", "تسمح المتصفحات بذلك على صفحات ‎https://‎ وعلى localhost فقط.", "افتح الصفحة على ‎http://localhost‎ أو ضع https أمام الخادم. يمكنك الاتصال والكتابة رغم ذلك."],
      unsupported_browser: ["هذا المتصفح لا يستطيع إجراء المكالمات", "لا يوجد فيه WebRTC أو أنه معطّل.", "استخدم إصدارًا حديثًا من Chrome أو Edge أو Firefox أو Safari."],
      no_microphone: ["لم يُعثر على ميكروفون", "لا يرى المتصفح أي ميكروفون في هذا الجهاز.", "صِل ميكروفونًا أو سماعة ثم اتصل مجددًا. يمكنك أيضًا الاتصال بدونه والكتابة."],
      microphone_denied: ["الميكروفون محظور", "لم يُسمح للمتصفح باستخدام الميكروفون في هذه الصفحة.", "اسمح به في إعدادات الموقع بجانب العنوان (وعلى الهاتف في إعدادات النظام أيضًا) ثم اتصل مجددًا. يمكنك أيضًا الاتصال بدونه والكتابة."],
      microphone_busy: ["الميكروفون قيد الاستخدام", "برنامج آخر يستخدم الميكروفون، أو لم يتمكن النظام من تشغيله.", "أغلق المكالمات وبرامج التسجيل الأخرى أو اختر ميكروفونًا آخر ثم اتصل مجددًا. يمكنك أيضًا الاتصال بدونه والكتابة."],
      microphone_lost: ["فُصل الميكروفون", "لا يسمعك الوكيل، لكنك ما زلت تسمعه ويمكنك الكتابة.", "أعد توصيله أو اختر ميكروفونًا آخر في الأسفل."],
      microphone_revoked: ["سُحب إذن الميكروفون", "لم يعد المتصفح يسمح لهذه الصفحة باستخدامه. لا يسمعك الوكيل، لكنك ما زلت تسمعه ويمكنك الكتابة.", "اسمح به في إعدادات الموقع بجانب العنوان، وستستمر المكالمة به."],
      no_camera: ["لا شيء للعرض", "لا يرى المتصفح كاميرا في هذا الجهاز، أو يستخدمها برنامج آخر.", "صِل كاميرا أو شارك شاشتك. المكالمة مستمرة."],
      camera_denied: ["الصورة محظورة", "لم يُسمح للمتصفح بعرض الكاميرا أو الشاشة.", "اسمح بذلك في إعدادات الموقع بجانب العنوان ثم اضغط الزر مجددًا. المكالمة مستمرة."],
      no_speaker: ["لا يمكن استخدام مكبر الصوت هذا", "لم يتمكن المتصفح من إرسال الصوت إليه.", "اختر غيره. المكالمة مستمرة."],
      sound_blocked: ["المتصفح يحجب الصوت", "يريد نقرة قبل أن يشغّل صوت الوكيل.", ""],
      server_unreachable: ["الخادم لا يجيب", "لم تتمكن الصفحة من الوصول إليه.", "تأكد من أنه يعمل وأنك متصل بالشبكة ثم حاول مجددًا."],
      server_error: ["حدث خطأ في الخادم", "لم يتمكن من إعداد المكالمة.", "حاول مجددًا. إن تكرر الأمر فالسبب في سجل الخادم."],
      refused: ["رفض الخادم المكالمة", "لم يقبل الطلب.", "أعد تحميل الصفحة وحاول مجددًا."],
      bad_inputs: ["هناك شيء ناقص أو خاطئ", "يحتاج الوكيل إلى غير ما كُتب.", "صحّحه ثم اتصل مجددًا."],
      agent_unknown: ["هذا الوكيل غير موجود هنا", "الخادم لا يقدّم الوكيل الذي اخترته.", "اختر وكيلًا آخر أو أعد تحميل الصفحة."],
      unauthorized: ["هذا الخادم لا يعرفك", "يقبل مكالمات من يعرفهم فقط.", "افتح الصفحة بالعنوان الذي أُعطيت لك."],
      ticket_expired: ["انتهت صلاحية الدعوة", "كانت صالحة لوقت قصير.", "عُد إلى الموقع الذي جئت منه واتصل من هناك مجددًا."],
      ticket_used: ["استُخدمت الدعوة", "كانت صالحة لمكالمة واحدة.", "عُد إلى الموقع الذي جئت منه واتصل من هناك مجددًا."],
      too_often: ["مكالمات كثيرة في وقت قصير", "يطلب الخادم منك الانتظار.", "حاول مجددًا بعد دقيقة."],
      draining: ["يُعاد تشغيل الخادم", "لا يقبل مكالمات جديدة.", "حاول مجددًا بعد قليل."],
      overloaded: ["الخادم مشغول", "لا يقبل مكالمات جديدة حتى يفرغ.", "حاول مجددًا بعد قليل."],
      full: ["كل الخطوط مشغولة", "لا يقبل الخادم مزيدًا من المكالمات الآن.", "يتاح خط حالما تنتهي مكالمة أخرى."],
      no_path: ["لم تتصل المكالمة", "أجاب الخادم لكن الصوت لم يمر.", "قد يحجب جدار حماية أو VPN بروتوكول UDP بينك وبين الخادم. جرّب شبكة أخرى."],
      lost: ["انقطع الاتصال", "انقطعت المكالمة.", "تحقق من شبكتك ثم اتصل مجددًا."],
      offline: ["هذا الجهاز غير متصل", "لا اتصال له بأي شبكة.", "صِله ثم حاول مجددًا."],
      agent_failed: ["حدث خطأ في الوكيل", "حدث خلل داخل الوكيل.", "اتصل مجددًا. إن تكرر الأمر فالسبب في سجل الخادم."],
      ended: ["أنهى الوكيل المكالمة", "ودّعك الوكيل. يمكنك الاتصال مجددًا.", ""],
      page_failed: ["حدث خطأ في الصفحة", "حدث خلل في هذه الصفحة.", "أعد تحميل الصفحة واتصل مجددًا."],
    },
    ends: {
      max_duration: ["انتهى وقت المكالمة", "بلغت المكالمة أقصى مدة لها."],
      idle: ["أُنهيت المكالمة", "لم يتكلم أحد منذ فترة."],
      max_tokens: ["أُنهيت المكالمة", "استهلكت المكالمة ما يُسمح به من النموذج."],
      max_cost: ["أُنهيت المكالمة", "بلغت المكالمة أقصى كلفة لها."],
      max_turns: ["أُنهيت المكالمة", "أجاب الوكيل بعدد المرات المسموح به."],
      transferred: ["حُوّلت المكالمة", "سيتحدث إليك شخص آخر."],
      shutdown: ["أُوقف الخادم", "يجري إيقاف الخادم وكان على المكالمة أن تنتهي."],
      completed: ["أنهى الوكيل المكالمة", "انتهى الوكيل من عمله."],
      operator: ["أُنهيت المكالمة", "أنهاها القائمون على هذا الخادم."],
    },
    states: {
      idle: ["جاهز", "اضغط اتصال وتكلّم."],
      microphone: ["الميكروفون", "اسمح بالميكروفون حين يسألك المتصفح."],
      connecting: ["جارٍ الاتصال", "يجري الوصول إلى الخادم."],
      joining: ["جارٍ الاتصال", "الخط مفتوح. بانتظار الوكيل."],
      detour: ["جارٍ الاتصال", "هذه الشبكة لا تمرّر المكالمات بالطريق المعتاد. تجري المحاولة عبر WebSocket."],
      listening: ["يستمع", "تكلّم متى شئت."],
      reading: ["يستمع", "اكتب متى شئت."],
      thinking: ["يفكّر", "يعمل الوكيل على الجواب."],
      speaking: ["يتكلّم", "يمكنك المقاطعة في أي وقت."],
      paused: ["متوقف", "ينتظر الوكيل ليعرف إن كنت ستكمل."],
      interrupted: ["قوطع", "سكت الوكيل. تفضّل."],
      reconnecting: ["إعادة الاتصال", "الاتصال مضطرب. انتظر لحظة."],
      failed: ["غير متصل", ""],
      ended: ["انتهت المكالمة", ""],
    },
    labels: {
      call: "اتصال", call_again: "اتصل مجددًا", call_in: "اتصل مجددًا بعد {seconds} ث", type: "اتصل بدون ميكروفون", hang_up: "إنهاء", cancel: "إلغاء",
      mute: "كتم", unmute: "إلغاء الكتم", muted: "صوتك مكتوم.", unheard: "الوكيل لا يستمع في هذه اللحظة.", camera: "الكاميرا", screen: "الشاشة", shown: "ما تعرضه",
      agent: "الوكيل", microphone: "الميكروفون", speaker: "مكبر الصوت", default_microphone: "الميكروفون الافتراضي", default_speaker: "مكبر الصوت الافتراضي",
      you: "أنت", your_level: "مستوى صوتك", agent_level: "مستوى صوت الوكيل", duration: "مدة المكالمة", line: "زمن الذهاب والإياب والصوت المفقود",
      lost: "فُقد {percent} ٪", transcript: "نص المكالمة", conversation: "المحادثة", controls: "التحكم", stage: "المكالمة", latest: "الأحدث",
      type_to_agent: "اكتب إلى الوكيل", send: "إرسال", dismiss: "إخفاء", try_again: "حاول مجددًا", play: "تشغيل", close: "إغلاق",
      empty_title: "تكلّم فحسب", empty_text: "يظهر هنا ما تقوله أنت والوكيل وما يفعله لأجلك. يمكنك مقاطعته في أي وقت أو الكتابة بدل الكلام.",
      connected: "متصل", by_websocket: "عبر WebSocket: هذه الشبكة لا تمرّر المكالمات بالطريق المعتاد. لا يمكن عرض الكاميرا أو الشاشة، وإعادة تحميل الصفحة تنهي المكالمة.", connected_again: "عاد الاتصال", reconnecting: "إعادة الاتصال", ended: "انتهت المكالمة", connecting: "جارٍ الاتصال",
      tool_running: "يعمل", tool_ok: "تم", tool_failed: "فشل", tool_cancelled: "أُلغي", arguments: "المعطيات", result: "النتيجة", fault: "الخطأ",
      tool_took: "{status} خلال {time}", tool_said: "الأداة {name}: {status}", interrupted: "قوطع", cut: "انقطع", nothing: "لا شيء", shortened: "(مختصر)",
      handed_over: "{before} يحوّلك إلى {persona}", passed_on: "يتم تحويلك إلى {to}", calls_back: "سيعاود {to} الاتصال بك", allowed: "وافقت على: {name}", declined: "رفضت: {name}",
      inputs: "عن هذه المكالمة", required: "مطلوب", yes: "نعم", no: "لا", unset: "كما يشاء الوكيل",
      test: "جرّب الميكروفون", test_stop: "أوقف التجربة", test_hint: "تكلّم: ينبغي أن يتحرك الشريط.", test_silent: "لا يُسمع شيء. أهو الميكروفون الصحيح وهل هو مفتوح؟", test_good: "الميكروفون يعمل.",
      copy: "نسخ", copied: "نُسخ", save_text: "حفظ كنص", save_json: "حفظ بصيغة JSON", link: "نسخ رابط هذه المكالمة", link_copied: "نُسخ الرابط",
      details: "ما الذي يحدث", figures: "أرقام", timeline: "آخر نصف دقيقة", graph: "مخطط المكالمة", edges: "ما يجري", options: "ما يمكن ضبطه", events: "أحداث", edge: "وصلة", per_second: "في الثانية", waiting: "منتظر", dropped: "مُسقط", stale: "مقطوع", answer_after: "الجواب بعد {ms} م.ث", round_trip: "ذهاب وإياب {ms} م.ث", jitter: "تذبذب {ms} م.ث", buffered: "مخزَّن {ms} م.ث", concealed: "مُعوَّض {ms} م.ث", recovered: "{count} حزمة مستعادة", lost_ways: "مفقود {up} % صعودًا و{down} % نزولًا", bit_rates: "{up} كب/ث صعودًا و{down} كب/ث نزولًا", late_beats: "{count} نبضة متأخرة", complexity: "التعقيد {level}", tokens: "{count} رمز", cost: "{usd} دولار", tools: "الأدوات", voice_agent: "وكيل صوتي", simulator: "يجيب {live}",
    },
  },
};

const RIGHT_TO_LEFT = new Set(["ar"]);

let spoken = "en";

/** The languages that there are words in. @returns {Language[]} */
export function languages() {
  return /** @type {Language[]} */ (Object.keys(WORDS));
}

/** The language that is spoken. @returns {Language} */
export function language() {
  return /** @type {Language} */ (spoken);
}

/**
 * Speaks the first of these that there are words in; none of them changes nothing.
 * @param {...string} wanted language tags, as `navigator.languages` has them
 * @returns {Language} what is spoken now
 */
export function speak(...wanted) {
  const found = wanted.map((tag) => String(tag).toLowerCase().split("-")[0]).find((tag) => Object.hasOwn(WORDS, tag));
  if (found) spoken = found;
  return language();
}

/** Which way the language is written. @returns {"ltr" | "rtl"} */
export function direction() {
  return RIGHT_TO_LEFT.has(spoken) ? "rtl" : "ltr";
}

/** The words of the language. @returns {Words} */
export function words() {
  return WORDS[spoken];
}

/** One label, with `{name}` filled in. @param {string} key @param {Record<string, string | number>} [values] */
export function label(key, values = {}) {
  return words().labels[key].replaceAll(/\{(\w+)\}/g, (_, name) => String(values[name]));
}
