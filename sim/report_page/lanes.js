// Rows of the plot: faults, failures, and the lanes. Each row knows its place, draws itself, says what is under the
// pointer, and which event a click there means.
const laneHeight = 15;
const groupsAtOnce = 30;

let groupsShown = groupsAtOnce;

function faultRows() {
  const most = 40;
  const rows = new Map();
  for (const band of data.bands) {
    const name = rows.size < most || rows.has(band.what) ? band.what : 'more faults';
    if (!rows.has(name)) rows.set(name, []);
    rows.get(name).push(band);
  }
  return [...rows].map(([name, bands]) => ({kind: 'fault', height: 19, title: name, bands, draw: drawFaults,
    hit: hitFault}));
}

function bandEnd(band) {
  return band.to === null ? run.end : band.to;
}

function drawFaults(svg, row) {
  const y = row.y + 3;
  for (const band of row.bands) {
    const left = clampX(x(band.from));
    const right = clampX(x(bandEnd(band)));
    if (band.from > view.to || bandEnd(band) < view.from) continue;
    if (band.from === band.to) {
      shape(svg, 'line', {class: 'instant', x1: left, x2: left, y1: y, y2: y + 13});
      shape(svg, 'path', {class: 'band', d: `M${left - 4},${y}h8l-4,6z`});
      continue;
    }
    shape(svg, 'rect', {class: 'band', x: left, y, width: Math.max(right - left, 2), height: 13, rx: 3});
    const most = Math.floor((right - left - 8) / 6);
    if (most > 5) shape(svg, 'text', {class: 'inside', x: left + 5, y: y + 10}, shortened(band.what, most));
  }
}

function hitFault(row, at, reach) {
  let best = null;
  for (const band of row.bands)
    if (at >= band.from - reach && at <= bandEnd(band) + reach && (!best || band.from >= best.from)) best = band;
  if (!best) return {title: row.title};
  const instant = best.from === best.to;
  return {title: best.what, event: best.event, lines: [instant ? 'at ' + time(best.from) : time(best.from) + ' – ' +
    (best.to === null ? 'end' : time(best.to)), instant ? '' : 'for ' + length(bandEnd(best) - best.from)]};
}

function failureRow() {
  const failures = events.filter((event) => event.kind === 'failure');
  if (failures.length === 0) return [];
  return [{kind: 'failure', height: 22, title: 'failures', failures, draw: drawFailures, hit: hitFailure}];
}
function drawFailures(svg, row) {
  for (const event of row.failures) {
    if (event.at < view.from || event.at > view.to) continue;
    const [left, y] = [x(event.at), row.y + 11];
    shape(svg, 'path', {class: 'failure', d: `M${left},${y - 8}l8,8l-8,8l-8,-8z`});
  }
}
function hitFailure(row, at, reach) {
  const event = nearest(row.failures, at, reach * 1.5);
  return event ? {title: event.what, event: event.id, lines: ['at ' + time(event.at)]} : {title: 'What the run failed with'};
}

function nearest(some, at, reach) {
  let best = null;
  for (const event of some)
    if (Math.abs(event.at - at) <= reach && (!best || Math.abs(event.at - at) < Math.abs(best.at - at))) best = event;
  return best;
}

// Events that a lane marks beside the changes of its state.
const dotKinds = new Set(['attempt', 'request', 'ejection', 'registry call', 'pool']);
function dotsOf(group, lane) {
  const changing = new Set(lane.changes.map((change) => change.event));
  return (eventsByPlace.get(lane.name + '\n' + group.name) || []).filter((event) => !changing.has(event.id) &&
    (dotKinds.has(event.kind) || (event.kind === 'probe' && event.what.startsWith('failed'))));
}
const eventsByPlace = new Map();
for (const event of events) {
  const place = event.process + '\n' + event.backend;
  if (!eventsByPlace.has(place)) eventsByPlace.set(place, []);
  eventsByPlace.get(place).push(event);
}

function shownGroups() {
  const wanted = document.getElementById('only').value.trim().toLowerCase();
  return data.groups.filter((group) => group.name === '' || group.name.toLowerCase().includes(wanted));
}

function laneRows() {
  const rows = [];
  const groups = shownGroups();
  for (const group of groups.slice(0, groupsShown + 1)) {
    rows.push({kind: 'head', height: 24, title: group.name || 'Processes', draw: drawHead});
    for (const lane of group.lanes) {
      if (!lane.dots) lane.dots = dotsOf(group, lane);
      rows.push({kind: 'lane', height: laneHeight, group, lane, title: laneTitle(lane), draw: drawLane, hit: hitLane});
    }
  }
  const more = document.getElementById('more-backends');
  more.replaceChildren();
  if (groups.length > groupsShown + 1) {
    more.append(`${groups.length - 1 - groupsShown} more backends. `, element('button', {type: 'button', onclick: () => {
      groupsShown += groupsAtOnce;
      draw();
    }}, 'Show more'));
  }
  return rows;
}

function drawHead(svg, row) {
  shape(svg, 'line', {class: 'rule', x1: 0, x2: view.width, y1: row.y + 5.5, y2: row.y + 5.5});
  shape(svg, 'text', {class: 'head', x: 18, y: row.y + 19}, shortened(row.title, 90));
}

// Height by state too, so that colour is not all that tells them apart.
const barHeight = {up: 11, down: 11, unknown: 5, ejected: 11, frozen: 11, out: 2, off: 2};

function drawLane(svg, row) {
  const middle = row.y + laneHeight / 2;
  const changes = row.lane.changes;
  for (let i = 0; i < changes.length; ++i) {
    const from = changes[i].at;
    const to = i + 1 < changes.length ? changes[i + 1].at : laneEnd();
    if (to <= view.from || from >= view.to || to <= from) continue;
    const left = clampX(x(from));
    const width = Math.max(clampX(x(to)) - left, 1);
    const height = barHeight[changes[i].state];
    shape(svg, 'rect', {class: changes[i].state, x: left, y: middle - height / 2, width, height});
    if (changes[i].state === 'down' || changes[i].state === 'ejected' || changes[i].state === 'frozen')
      shape(svg, 'rect', {fill: `url(#hatch-${changes[i].state})`, x: left, y: middle - height / 2, width, height});
  }
  let last = -10;
  for (const event of row.lane.dots) {
    const px = x(event.at);
    if (event.at < view.from || event.at > view.to || px - last < 3) continue;
    last = px;
    shape(svg, 'circle', {class: 'dot ' + event.kind.replace(' ', '-'), cx: px, cy: middle, r: 2.6});
  }
}
// Nothing is known of lanes beyond what was recorded.
function laneEnd() {
  return data.leftOut.events > 0 ? data.leftOut.from / second : run.end;
}

function hitLane(row, at, reach) {
  const place = row.group.name ? row.group.name : row.title;
  const dot = nearest(row.lane.dots, at, reach);
  if (dot) return {title: sentence(dot), event: dot.id, lines: [span(dot)]};
  const changes = row.lane.changes;
  let i = changes.length - 1;
  while (i > 0 && changes[i].at > at) --i;
  // The change itself is a small thing to point at.
  if (i + 1 < changes.length && changes[i + 1].at - at < reach && at - changes[i].at > reach) ++i;
  const {state, event} = changes[i];
  const from = changes[i].at;
  const to = i + 1 < changes.length ? changes[i + 1].at : laneEnd();
  const seen = row.group.name && row.lane.viewer !== 'truth' ? ` for ${laneTitle(row.lane)}` : '';
  return {title: `${place}${seen}: ${stateWord(row.lane, state)}`, event,
    lines: [`${time(from)} – ${to === run.end ? 'end' : time(to)}, for ${length(to - from)}`,
      event === null ? '' : sentence(events[event])]};
}
function span(event) {
  return event.count > 1 ? `${time(event.at)} – ${time(event.last)}` : 'at ' + time(event.at);
}

// The row in which an event stands.
function rowOf(event, rows) {
  const lane = (group, name, viewer) => rows.find((row) => row.kind === 'lane' && row.group.name === group &&
    (viewer ? row.lane.viewer === viewer : row.lane.name === name));
  switch (event.kind) {
    case 'failure': return rows.find((row) => row.kind === 'failure');
    case 'client': return rows.find((row) => row.kind === 'outcomes');
    case 'fault':
    case 'fault over': {
      const begun = event.kind === 'fault' ? event.id : event.causes[0];
      return rows.find((row) => row.kind === 'fault' && row.bands.some((band) => band.event === begun));
    }
    case 'registry': return lane(event.backend, '', 'registry');
    case 'process': return event.backend ? lane(event.backend, '', 'truth') : lane('', event.process);
    case 'request':
      if (!event.backend) return rows.find((row) => row.kind === 'limiter' && row.title === event.process) ||
        lane('', event.process);
  }
  return lane(event.backend, event.process) || lane('', event.process);
}
