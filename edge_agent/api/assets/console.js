"use strict";
// The token stays in this tab (sessionStorage). Pictures and streams that the browser fetches itself carry it in the address.
const $ = (id) => document.getElementById(id);
const state = { token: "", status: null, events: new Map(), next: null, source: null, since: 0, seen: new Set(), timers: [] };
const TITLES = { camera_offline: "Camera offline", camera_online: "Camera online", storage_low: "Storage low" };

function make(tag, attributes = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined) node.setAttribute(name, value);
  }
  node.append(...children.filter((child) => child !== null));
  return node;
}

// ---- asking the agent -------------------------------------------------------------------------------------------------
async function ask(path, options = {}) {
  const answer = await fetch(path, { ...options, headers: { Authorization: `Bearer ${state.token}` } });
  if (answer.status === 401) { leave("This token is not the agent's."); throw new Error("token"); }
  return answer;
}
const address = (path, query = {}) => `${path}?${new URLSearchParams({ ...query, token: state.token })}`;
const evidence = (path, changed) => address(`/evidence/${path.split("/").map(encodeURIComponent).join("/")}`, { v: changed || 0 });

// ---- words ------------------------------------------------------------------------------------------------------------
function span(s) {
  if (s === null || s === undefined) return "–";
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 100) return `${+s.toFixed(s < 10 ? 1 : 0)} s`;
  if (s < 5400) return `${Math.round(s / 60)} min`;
  return s < 172800 ? `${Math.round(s / 3600)} h` : `${Math.round(s / 86400)} days`;
}
function moment(t) {
  const when = new Date(t * 1000), now = new Date(), day = { day: "numeric", month: "short" };
  if (when.toDateString() === now.toDateString()) return when.toLocaleTimeString();
  if (when.getFullYear() !== now.getFullYear()) day.year = "numeric";
  return `${when.toLocaleDateString([], day)}, ${when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })}`;
}
const bytes = (n) => (n >= 1e9 ? `${(n / 1e9).toFixed(1)} GB` : `${Math.round(n / 1e6)} MB`);
const title = (type) => TITLES[type] || (type[0].toUpperCase() + type.slice(1)).replaceAll("_", " ");

// ---- status -----------------------------------------------------------------------------------------------------------
async function refresh() {
  if (document.hidden) return;
  try {
    const answer = await ask("/v1/status");
    if (!answer.ok) throw new Error(String(answer.status));
    state.status = await answer.json();
    state.since = 0;
    show(state.status);
  } catch (error) {
    if (!state.token) return;
    state.since ||= Date.now();
    notices([["bad", `The agent has not answered for ${span((Date.now() - state.since) / 1000 + 1)}. Trying again.`]]);
  }
}

function show(now) {
  const online = now.cameras.filter((camera) => camera.state === "online").length;
  $("headline").replaceChildren(make("b", {}, `${online} of ${now.cameras.length} cameras online`), ` · up ${span(now.uptime_s)}`);
  const lines = [];
  if (now.config_error) lines.push(["bad", `The changed config was refused, the old one holds: ${now.config_error}`]);
  const said = new Set(now.cameras.filter((camera) => camera.state !== "online").map((camera) => camera.name));
  for (const missing of now.missing) if (![...said].some((name) => missing.includes(name))) lines.push(["", missing]);
  notices(lines);
  cameras(now.cameras, now.time);
  targets(now);
  $("foot").textContent = `Version ${now.version} · ${now.config} · ${now.model} · evidence ${bytes(now.evidence_bytes)}, ${bytes(now.disk_free_bytes)} free`;
}

function notices(lines) {
  $("notices").replaceChildren(...lines.map(([kind, text]) => make("li", { class: kind }, text)));
}

function targets(now) {
  const rows = new Map(now.outbox.map((row) => [row.target, row]));
  const names = [...new Set([...Object.keys(now.targets), ...rows.keys()])].sort();
  $("alerts").hidden = !names.length;
  $("targets").replaceChildren(...names.map((name) => {
    const row = rows.get(name) || { states: {}, oldest_age_s: null }, say = now.targets[name] || "ok", n = row.states;
    const waiting = (n.pending || 0) + (n.held || 0), lost = (n.dead || 0) + (n.expired || 0);
    return make("tr", {}, make("td", {}, name), make("td", { class: say === "ok" ? "ok" : "bad-text" }, say),
      make("td", {}, String(n.sent || 0)), make("td", {}, String(waiting)), make("td", {}, waiting ? span(row.oldest_age_s) : "–"),
      make("td", { class: lost ? "bad-text" : "" }, String(lost)));
  }));
}

// ---- cameras ----------------------------------------------------------------------------------------------------------
const cards = new Map();
const watcher = new IntersectionObserver((entries) => {
  for (const entry of entries) entry.isIntersecting ? state.seen.add(entry.target.dataset.camera) : state.seen.delete(entry.target.dataset.camera);
});

function card(name) {
  const image = make("img", { alt: `Picture of ${name}`, hidden: "" }), none = make("span", { class: "none" }, "No picture yet");
  const shot = make("button", { class: "shot", type: "button", "aria-label": `Watch ${name} live`, onclick: () => watch(name) }, image, none);
  const said = make("span", { class: "state" }), figures = make("p", { class: "figures" });
  const node = make("article", { class: "camera", "data-camera": name }, shot,
    make("div", { class: "text" }, make("div", { class: "name" }, make("h3", {}, name), said), figures));
  watcher.observe(node);
  return { node, shot, image, none, said, figures };
}

function cameras(list, now) {
  for (const [name, old] of cards) if (!list.some((camera) => camera.name === name)) { watcher.unobserve(old.node); old.node.remove(); cards.delete(name); state.seen.delete(name); }
  for (const [place, camera] of list.entries()) {
    if (!cards.has(camera.name)) {
      cards.set(camera.name, card(camera.name));
      $("by-camera").append(make("option", { value: camera.name }, camera.name));
    }
    const { node, shot, said, figures } = cards.get(camera.name);
    const up = camera.state === "online";
    if ($("cameras").children[place] !== node) $("cameras").insertBefore(node, $("cameras").children[place] || null);
    node.className = `camera ${camera.state}`;
    shot.classList.toggle("stale", !up);
    said.className = `state ${camera.state}`;
    said.textContent = up ? (camera.open_events ? `online · ${camera.open_events} open` : "online") : camera.since ? `${camera.state} for ${span(Math.max(1, Math.round(now - camera.since)))}` : camera.state;
    const facts = up
      ? [`${camera.fps_in.toFixed(0)} fps`, `${+camera.fps_detect.toFixed(1)} analysed`, camera.tracks ? `${camera.tracks} tracked` : null, camera.latency_s === null ? null : span(camera.latency_s)]
      : [camera.reason || camera.fault || "waiting for the first picture"];
    figures.replaceChildren(...facts.filter(Boolean).map((fact) => make("span", {}, fact)));
  }
}

async function snapshots() {
  if (document.hidden || $("large").open) return;
  const queue = [...state.seen];
  const one = async () => {
    for (let name = queue.shift(); name; name = queue.shift()) await snapshot(name);
  };
  await Promise.all([one(), one(), one()]);
}

async function snapshot(name) {
  const found = cards.get(name), newest = state.status?.cameras.find((camera) => camera.name === name)?.last_t;
  if (!found || newest === null || newest === found.shown) return; // nothing new to see
  try {
    const answer = await ask(`/v1/cameras/${encodeURIComponent(name)}/snapshot.jpg?width=480`);
    if (!answer.ok) return;
    found.shown = newest;
    const made = URL.createObjectURL(await answer.blob()), old = found.image.src;
    found.image.src = made;
    found.image.hidden = false;
    found.none.hidden = true;
    if (old) URL.revokeObjectURL(old);
  } catch { /* the next round tries again; the status says when the agent is gone */ }
}

// ---- events -----------------------------------------------------------------------------------------------------------
const filters = () => {
  const query = new URLSearchParams({ limit: "24" });
  if ($("by-camera").value) query.set("camera", $("by-camera").value);
  if ($("by-severity").value) query.set("min_severity", $("by-severity").value);
  return query;
};

async function load(older = false) {
  const query = filters();
  if (older && state.next) query.set("after", state.next);
  const answer = await ask(`/v1/events?${query}`).catch(() => null);
  if (!answer || !answer.ok) return;
  const page = await answer.json();
  if (!older) { state.events.clear(); $("events").replaceChildren(); }
  for (const event of page.events) if (!state.events.has(event.id)) { state.events.set(event.id, event); $("events").append(line(event)); }
  state.next = page.next;
  $("older").hidden = !page.next;
  $("no-events").hidden = state.events.size > 0;
}

function line(event) {
  const shot = event.evidence.snapshot, clip = event.evidence.clip;
  const image = shot ? make("img", { src: evidence(shot, event.changed), alt: "", loading: "lazy", onerror: (e) => { e.target.hidden = true; } }) : null;
  const picture = make("button", { class: "shot", type: "button", "aria-label": "Enlarge", onclick: () => enlarge(event) }, make("span", { class: "none" }, "No picture"), image);
  if (!shot) picture.disabled = true;
  const lasted = event.state === "open" ? "going on" : event.end ? span(event.end - event.start) : "";
  return make("article", { class: "event", id: `e-${event.id}` }, picture, make("div", { class: "text" },
    make("div", { class: "when" }, make("span", {}, moment(event.opened)), make("span", { class: `severity ${event.severity}` }, title(event.severity))),
    make("h3", {}, title(event.type)),
    make("p", {}, [event.camera, event.zone, event.label, lasted].filter(Boolean).join(" · ")),
    clip && event.state === "closed" ? make("button", { class: "play", type: "button", onclick: () => play(event) }, "▶ Play clip") : null));
}

function told(message) {
  const event = JSON.parse(message.data), fits = filters();
  const rank = ["info", "warning", "alert"];
  if (fits.get("camera") && fits.get("camera") !== event.camera) return;
  if (fits.get("min_severity") && rank.indexOf(event.severity) < rank.indexOf(fits.get("min_severity"))) return;
  event.changed = Date.now() / 1000;
  const fresh = line(event), old = $(`e-${event.id}`);
  if (old) old.replaceWith(fresh);
  else {
    fresh.classList.add("fresh");
    setTimeout(() => fresh.classList.remove("fresh"), 6000);
    $("events").prepend(fresh);
  }
  state.events.set(event.id, event);
  $("no-events").hidden = true;
  if (event.state === "closed" && !event.evidence.clip) later(event.id, [6, 10, 20, 40]);
}

function later(id, waits) { // a clip is ready some seconds after its event
  if (waits.length) setTimeout(async () => {
    const answer = await ask(`/v1/events/${id}`).catch(() => null), old = $(`e-${id}`);
    if (!answer || !answer.ok || !old) return;
    const event = await answer.json();
    if (!event.evidence.clip) { later(id, waits.slice(1)); return; }
    state.events.set(id, event);
    old.replaceWith(line(event));
  }, waits[0] * 1000);
}

function listen() {
  state.source = new EventSource(address("/v1/events/stream"));
  for (const stage of ["opened", "updated", "described", "closed"]) state.source.addEventListener(stage, told);
  state.source.onerror = () => {
    if (state.source && state.source.readyState === EventSource.CLOSED) setTimeout(() => state.token && (state.source.close(), listen(), load()), 5000);
  };
}

// ---- the large picture ------------------------------------------------------------------------------------------------
function open(heading, text, body, overlay = false) {
  $("large-title").textContent = heading;
  $("large-text").textContent = text;
  $("large-overlay").hidden = !overlay;
  empty();
  $("large-body").append(body);
  if (!$("large").open) $("large").showModal();
}
function empty() { // a stream goes on until its image shows something else, even outside the page
  for (const node of $("large-body").children) {
    node.onerror = null;
    if (node.tagName === "IMG") node.src = "data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=";
    else if (node.load) { node.removeAttribute("src"); node.load(); }
  }
  $("large-body").replaceChildren();
}
function watch(name) {
  const overlay = $("large-overlay").querySelector("input");
  const draw = () => {
    const image = make("img", { alt: `Live picture of ${name}`, src: address(`/v1/cameras/${encodeURIComponent(name)}/stream.mjpeg`, { fps: 8, width: 1280, overlay: overlay.checked ? 1 : 0 }) });
    image.onerror = () => image.replaceWith("No live picture; too many may be watching. Close this and try again.");
    open(`${name} · live`, "", image, true);
  };
  overlay.onchange = draw;
  draw();
}
function enlarge(event) {
  open(`${title(event.type)} · ${event.camera}`, event.summary ? event.summary.text : "", make("img", { alt: "", src: evidence(event.evidence.snapshot, event.changed) }));
}
function play(event) {
  const video = make("video", { src: evidence(event.evidence.clip, event.changed), controls: "", autoplay: "", playsinline: "" });
  video.muted = true;
  video.onerror = () => video.replaceWith("This browser cannot play the clip, or it was deleted.");
  open(`${title(event.type)} · ${event.camera}`, event.summary ? event.summary.text : "", video);
}
$("large").addEventListener("close", empty);
$("large").addEventListener("click", (event) => { if (event.target === $("large")) $("large").close(); });
$("large-close").addEventListener("click", () => $("large").close());

// ---- coming and going -------------------------------------------------------------------------------------------------
async function enter(token) {
  state.token = token;
  sessionStorage.setItem("sightline-token", token);
  $("enter").hidden = true;
  await refresh();
  if (!state.token) return;
  for (const id of ["inside", "leave", "headline"]) $(id).hidden = false;
  await load();
  listen();
  setTimeout(snapshots, 100);
  state.timers = [setInterval(refresh, 2000), setInterval(snapshots, 2000)];
}
function leave(why = "") {
  state.token = "";
  sessionStorage.removeItem("sightline-token");
  state.timers.forEach(clearInterval);
  if (state.source) state.source.close();
  state.source = null;
  if ($("large").open) $("large").close();
  for (const id of ["inside", "leave", "headline"]) $(id).hidden = true;
  $("enter").hidden = false;
  $("enter-why").hidden = !why;
  $("enter-why").textContent = why;
  $("token").value = "";
  $("token").focus();
}
$("enter").addEventListener("submit", (event) => { event.preventDefault(); enter($("token").value.trim()); });
$("leave").addEventListener("click", () => leave());
$("older").addEventListener("click", () => load(true));
for (const id of ["by-camera", "by-severity"]) $(id).addEventListener("change", () => load());

// an address ending in #token=… signs in at once; the part after # is never sent, and is taken out of the address
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) history.replaceState(null, "", location.pathname);
const kept = given || sessionStorage.getItem("sightline-token");
if (kept) enter(kept); else leave();
