// The data of the page, and what is worked out from it once.
const data = JSON.parse(document.getElementById('data').textContent);
const events = data.events;

// Everything in seconds from here on.
const second = 1e9;
for (const event of events) {
  event.at /= second;
  event.last /= second;
  event.effects = [];
}
events.forEach((event, id) => {
  event.id = id;
  for (const cause of event.causes) events[cause].effects.push(id);
});
for (const band of data.bands) {
  band.from /= second;
  if (band.to !== null) band.to /= second;
}
for (const group of data.groups)
  for (const lane of group.lanes)
    lane.changes = lane.changes.map(([at, state, event]) => ({at: at / second, state, event}));
for (const counts of [data.outcomes, data.limiter]) counts.width /= second;

const run = {
  end: Math.max(data.simulated / second, 0.001),
  duration: data.duration / second,
  // Events by time: those of failures were added last, whenever they were.
  inOrder: events.slice().sort((a, b) => a.at - b.at || a.id - b.id),
};

const outcomes = ['answered', '429 limited', '4xx', '5xx', 'cut off', 'no answer', 'no connection', 'client gave up',
  'client left'];
const stateWords = {
  up: 'up', down: 'down', unknown: 'not known yet', ejected: 'ejected', frozen: 'frozen', out: 'not a member',
  off: 'not running',
};

// What a state means depends on who says it.
function stateWord(lane, state) {
  if (lane.viewer === 'registry' && lane.name === '') return state === 'up' ? 'a member' : 'not a member';
  if (lane.viewer === 'truth') return state === 'off' ? 'no process of this world' : stateWords[state];
  if (lane.viewer === 'proxy' && state === 'up') return 'taking traffic';
  return stateWords[state];
}

function laneTitle(lane) {
  if (lane.viewer === 'truth') return 'truth';
  return lane.name === '' ? lane.viewer : lane.name;
}

function where(event) {
  if (event.process && event.backend && !event.backend.startsWith(event.process + ':'))
    return event.process + ' → ' + event.backend;
  return event.process || event.backend;
}

// A sentence's worth of an event.
function sentence(event) {
  const place = where(event);
  const times = event.count > 1 ? ' ×' + event.count.toLocaleString('en') : '';
  const word = {probe: 'probe ', verdict: 'verdict ', request: 'requests: ', client: 'clients saw: ', attempt: 'attempts ',
    registry_call: '', 'registry call': 'registry '}[event.kind] || '';
  return (place ? place + ': ' : '') + word + event.what + times;
}

// All that led to an event, the event itself left out.
function ancestorsOf(id) {
  const found = new Set();
  const open = [id];
  while (open.length > 0) {
    for (const cause of events[open.pop()].causes) {
      if (found.has(cause) || cause === id) continue;
      found.add(cause);
      open.push(cause);
    }
  }
  return found;
}

function time(seconds) {
  return seconds.toLocaleString('en', {minimumFractionDigits: 3, maximumFractionDigits: 3}) + ' s';
}
function length(seconds) {
  if (seconds < 1) return Math.round(seconds * 1000) + ' ms';
  if (seconds < 120) return seconds.toLocaleString('en', {maximumFractionDigits: 1}) + ' s';
  return (seconds / 60).toLocaleString('en', {maximumFractionDigits: 1}) + ' min';
}
function number(value) {
  return value.toLocaleString('en');
}
