// What the parts of the page are made of: words for codes, values as text, nodes. Every value may come from the
// network: values become text nodes and nothing else, with invisible characters made visible.

const WORDS = {
  refused: 'connection refused',
  connect_refused: 'connection refused',
  timed_out: 'no answer in time',
  connect_timeout: 'no connection in time',
  first_byte_timeout: 'no answer in time',
  unreachable: 'host or network unreachable',
  connect_failed: 'no connection',
  reset: 'connection reset',
  no_such_host: 'the name does not exist',
  resolve_failed: 'the name service does not answer',
  end_of_stream: 'connection closed',
  closed: 'connection closed',
  upstream_closed: 'closed the connection before it answered',
  malformed: 'the answer is not valid',
  upstream_malformed: 'the answer is not valid HTTP',
  rejected: 'answered with an error',
  denied: 'access denied',
  exhausted: 'this process is out of descriptors',
  no_local_port: 'no local port left',
  too_large: 'too large',
  upstream_truncated: 'answer cut off by the backend',
  upstream_stalled: 'backend stopped within its answer',
  no_live_backend: 'no live backend',
  overloaded: 'a limit of this proxy was reached',
  completed: 'completed',
  upgraded: 'tunnels',
  answered_here: 'answered by the proxy itself',
  rate_limited: 'rate limited',
  bad_request: 'bad request',
  request_head_timeout: 'request head too slow',
  request_body_timeout: 'request body too slow',
  request_body_malformed: 'request body malformed',
  client_gone: 'client left',
  client_stalled: 'client stopped reading',
  drain_deadline: 'cut by the end of the drain',
};
const STATES = {
  down: ['bad', 'down'],
  ejected: ['bad', 'ejected'],
  unverified: ['warning', 'unverified'],
  waiting: ['warning', 'waiting'],
  up: ['good', 'up'],
};
const SEVERITY = Object.keys(STATES);
const VERDICTS = {
  ok: ['good', 'All is well'],
  degraded: ['warning', 'Degraded'],
  failing: ['bad', 'Requests cannot be served'],
  starting: ['info', 'Starting'],
  draining: ['warning', 'Draining: no new connections'],
};
const words = code => (Object.hasOwn(WORDS, code) ? WORDS[code] : code);

// ---- values to text ----

// Control, bidirectional and zero-width characters, which could hide or reorder what stands beside them.
const INVISIBLE = /[\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g;
const plain = value =>
  String(value ?? '').replace(INVISIBLE, c => '\\u' + c.charCodeAt(0).toString(16).padStart(4, '0'));

function number(value) {
  if (value == null) return '–';
  if (value >= 1e6) return (value / 1e6).toFixed(1) + ' M';
  const digits = value === 0 || value >= 100 || Number.isInteger(value) ? 0 : value >= 1 ? 1 : 2;
  return value.toFixed(digits).replace(/\B(?=(\d{3})+$)/g, '\u202f');
}
const percent = ratio =>
  ratio > 0 && ratio < 0.001 ? '<0.1\u202f%' : (ratio * 100).toFixed(ratio > 0 && ratio < 0.1 ? 1 : 0) + '\u202f%';
function latency(ms) {
  if (ms == null) return '–';
  if (ms >= 10000) return '≥\u202f10\u202fs';
  if (ms >= 1000) return (ms / 1000).toFixed(1) + '\u202fs';
  return (ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2)) + '\u202fms';
}
function span(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 60) return s + '\u202fs';
  if (s < 3600) return Math.floor(s / 60) + '\u202fmin' + (s < 600 && s % 60 ? ' ' + (s % 60) + '\u202fs' : '');
  if (s < 86400) return Math.floor(s / 3600) + '\u202fh ' + Math.floor((s % 3600) / 60) + '\u202fmin';
  return Math.floor(s / 86400) + '\u202fd ' + Math.floor((s % 86400) / 3600) + '\u202fh';
}
function bytes(count) {
  return count >= 1 << 20 ? (count / (1 << 20)).toFixed(1) + '\u202fMiB' : Math.ceil(count / 1024) + '\u202fKiB';
}
const clock = ms => new Date(ms).toTimeString().slice(0, 8);
const plural = (count, one, many) => number(count) + ' ' + (count === 1 ? one : many);

// ---- nodes ----

const SVG = new Set(['svg', 'path', 'line', 'rect']);
function node(tag, attributes, ...children) {
  const made = SVG.has(tag)
    ? document.createElementNS('http://www.w3.org/2000/svg', tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) if (value != null) made.setAttribute(name, value);
  for (const child of children.flat(2)) if (child != null && child !== false) made.append(child);
  return made;
}
const text = (style, value) => node('span', {class: style}, plain(value));

// Makes `old` what `fresh` is, keeping the nodes that are the same: a selection or a tooltip survives an update.
function become(old, fresh) {
  if (old.nodeType !== fresh.nodeType || old.nodeName !== fresh.nodeName) return old.replaceWith(fresh);
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const {name} of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const {name, value} of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  const wanted = [...fresh.childNodes];
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
  wanted.forEach((child, i) => (i < old.childNodes.length ? become(old.childNodes[i], child) : old.append(child)));
}
