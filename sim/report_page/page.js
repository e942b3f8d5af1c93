// The page as a whole: header, drawing, pointer and keys, the table of events.
let rows = [];

function drawHeader() {
  const name = data.file.split('/').pop().replace(/\.ya?ml$/, '');
  document.title = `${name} · gopher-sim`;
  document.getElementById('name').append(isolated(name));
  document.getElementById('file').append(isolated(data.file));
  document.getElementById('story').append(isolated(data.story.trim()));
  const verdict = document.getElementById('verdict');
  verdict.textContent = !data.passed ? 'FAILED' : data.mustFail ? 'FAILED AS IT MUST' : 'PASSED';
  verdict.className = data.passed ? 'passed' : 'failed';
  const facts = [['seed', data.seed], ['trace hash', data.hash], ['simulated', length(run.end)],
    ['requests', number(data.requests)], ['backends', number(data.backends.length)], ['faults', number(data.bands.length)],
    ['events here', number(events.length)]];
  if (data.mustFail) facts.push(['must fail with', data.mustFail]);
  for (const [word, value] of facts)
    document.getElementById('facts').append(element('div', {}, element('dt', {}, word), element('dd', {}, isolated(value))));
  document.getElementById('command').textContent = data.command;
  document.getElementById('copy').addEventListener('click', copyCommand);
  for (const event of events.filter((each) => each.kind === 'failure'))
    document.getElementById('failures').append(element('li', {}, element('button',
      {type: 'button', onclick: () => choose(event.id, true)}, `at ${time(event.at)}  `, isolated(event.what))));
  drawLeftOut();
}

async function copyCommand(event) {
  const button = event.currentTarget;
  try {
    await navigator.clipboard.writeText(data.command);
    button.textContent = 'Copied';
  } catch {
    getSelection().selectAllChildren(document.getElementById('command'));
    button.textContent = 'Selected';
  }
}

function drawLeftOut() {
  const {events: more, from, backends, faults} = data.leftOut;
  const parts = [];
  if (more > 0) parts.push(`${number(more)} events from ${time(from / second)} on, with the lanes after it`);
  if (backends > 0) parts.push(`the lanes of ${number(backends)} backends`);
  if (faults > 0) parts.push(`${number(faults)} faults`);
  if (parts.length > 0)
    document.getElementById('left-out').textContent =
      `Left out, because there is a bound: ${parts.join('; ')}. The trace (--trace) has everything.`;
}

// ---- the plot

function draw() {
  const plot = document.getElementById('plot');
  view.width = Math.max(plot.parentElement.clientWidth, 420);
  rows = [];
  if (data.bands.length > 0) rows.push({kind: 'head', height: 24, title: 'Faults and workload', draw: drawHead});
  rows.push(...faultRows(), ...failureRow(), ...chartRows(), ...laneRows());
  let y = 2;
  for (const row of rows) {
    row.y = y;
    y += row.height;
  }
  const height = y + 6;
  plot.replaceChildren();
  plot.setAttribute('height', height);
  plot.setAttribute('viewBox', `0 0 ${view.width} ${height}`);
  document.getElementById('axis').setAttribute('viewBox', `0 0 ${view.width} 24`);
  drawAxis();
  drawDefinitions(plot);
  drawBackground(plot, height);
  for (const row of rows) {
    if (row.kind !== 'head')
      shape(plot, 'text', {class: row.kind === 'lane' ? 'soft' : '', x: 30, y: row.y + row.height / 2 + 4},
        shortened(row.title, 25));
    row.draw(plot, row);
  }
  drawChain(plot, rows);
  pointer.layer = shape(plot, 'g', {'pointer-events': 'none'});
}

function drawDefinitions(plot) {
  const defs = shape(plot, 'defs', {});
  const slants = {down: 'M-1,1l2,-2M0,6l6,-6M5,7l2,-2', ejected: 'M3,0v6', frozen: 'M0,3h6'};
  for (const [state, d] of Object.entries(slants)) {
    const pattern = shape(defs, 'pattern', {id: 'hatch-' + state, width: 6, height: 6, patternUnits: 'userSpaceOnUse'});
    shape(pattern, 'path', {d, stroke: '#fff', 'stroke-opacity': 0.38, 'stroke-width': 1.3});
  }
  const arrow = shape(defs, 'marker', {id: 'arrow', viewBox: '0 0 8 8', refX: 9, refY: 4, markerWidth: 6, markerHeight: 6,
    orient: 'auto'});
  shape(arrow, 'path', {d: 'M0,0L8,4L0,8z', fill: 'var(--accent)'});
}

function drawBackground(plot, height) {
  for (const at of ticks().all) shape(plot, 'line', {class: 'tick', x1: x(at), x2: x(at), y1: 0, y2: height});
  for (const band of data.bands) {
    const [left, right] = [clampX(x(band.from)), clampX(x(bandEnd(band)))];
    if (right > left) shape(plot, 'rect', {class: 'shade', x: left, y: 0, width: right - left, height});
  }
  if (data.leftOut.events > 0 && laneEnd() < view.to) {
    const left = clampX(x(laneEnd()));
    shape(plot, 'rect', {class: 'lost', x: left, y: 0, width: view.width - margin - left, height});
  }
  for (const event of events)
    if (event.kind === 'failure' && event.at >= view.from && event.at <= view.to)
      shape(plot, 'line', {class: 'failure-line', x1: x(event.at), x2: x(event.at), y1: 0, y2: height});
  if (run.duration > view.from && run.duration < view.to)
    shape(plot, 'line', {class: 'end', x1: x(run.duration), x2: x(run.duration), y1: 0, y2: height});
}

// ---- the pointer

const pointer = {layer: null, dragFrom: null, moved: false};

function under(event) {
  const box = document.getElementById('plot').getBoundingClientRect();
  const px = event.clientX - box.left;
  const py = event.clientY - box.top;
  const row = rows.find((each) => py >= each.y && py < each.y + each.height);
  const at = secondsAt(clampX(px));
  const reach = 6 * (view.to - view.from) / (view.width - gutter - margin);
  return {px, py, at, row, hit: row && row.hit && px >= gutter - 6 ? row.hit(row, at, reach) : null};
}

function showTip({px, py, at, row, hit}) {
  const tip = document.getElementById('tip');
  tip.replaceChildren();
  if (!hit && row && row.title && px < gutter && row.title.length > 25) hit = {title: row.title};
  tip.classList.toggle('shown', Boolean(hit));
  if (!hit) return;
  tip.append(element('b', {}, isolated(hit.title)));
  for (const line of hit.lines || []) if (line) tip.append(element('div', {}, isolated(line)));
  for (const [word, value] of hit.entries || [])
    tip.append(element('div', {class: 'entry'}, element('span', {}, word), element('span', {}, value)));
  if (!hit.lines) tip.append(element('div', {}, time(at)));
  const room = view.width - px > tip.offsetWidth + 24;
  tip.style.left = (room ? px + 14 : Math.max(px - tip.offsetWidth - 14, 0)) + 'px';
  tip.style.top = py + 16 + 'px';
}

function onMove(event) {
  const place = under(event);
  pointer.layer.replaceChildren();
  if (place.row && place.row.hit)
    shape(pointer.layer, 'rect', {class: 'row-light', x: 0, y: place.row.y, width: view.width, height: place.row.height});
  if (place.px >= gutter) {
    const height = document.getElementById('plot').getAttribute('height');
    shape(pointer.layer, 'line', {class: 'cross', x1: clampX(place.px), x2: clampX(place.px), y1: 0, y2: height});
  }
  if (pointer.dragFrom !== null) {
    pointer.moved = pointer.moved || Math.abs(place.px - pointer.dragFrom) > 5;
    const [left, right] = [pointer.dragFrom, place.px].map(clampX).sort((a, b) => a - b);
    shape(pointer.layer, 'rect', {class: 'drag', x: left, y: 0, width: right - left,
      height: document.getElementById('plot').getAttribute('height')});
  }
  showTip(place);
}

function onUp(event) {
  if (pointer.dragFrom === null) return;
  const place = under(event);
  const from = pointer.dragFrom;
  pointer.dragFrom = null;
  if (pointer.moved) {
    const [left, right] = [from, place.px].map(clampX).sort((a, b) => a - b);
    zoomTo(secondsAt(left), secondsAt(right));
    draw();
    drawRows();
  } else if (place.hit && place.hit.event !== null && place.hit.event !== undefined) {
    choose(place.hit.event);
  }
}

function step(by) {
  const here = chosen === null ? -1 : run.inOrder.indexOf(events[chosen]);
  const next = run.inOrder[Math.min(Math.max(here + by, 0), run.inOrder.length - 1)];
  if (next) choose(next.id, true);
}

function redraw(change) {
  change();
  draw();
  drawRows();
}

function listen() {
  const on = (id, what, act) => document.getElementById(id).addEventListener(what, act);
  const middle = () => (view.from + view.to) / 2;
  const shift = (part) => zoomTo(view.from + part * (view.to - view.from), view.to + part * (view.to - view.from));
  const whole = () => zoomTo(0, run.end);
  on('zoom-in', 'click', () => redraw(() => zoomBy(0.5, middle())));
  on('zoom-out', 'click', () => redraw(() => zoomBy(2, middle())));
  on('earlier', 'click', () => redraw(() => shift(-0.5)));
  on('later', 'click', () => redraw(() => shift(0.5)));
  on('whole', 'click', () => redraw(whole));
  on('only', 'input', () => redraw(() => groupsShown = groupsAtOnce));
  on('group', 'change', draw);
  on('plot-frame', 'pointermove', onMove);
  on('plot-frame', 'pointerleave', () => {
    pointer.layer.replaceChildren();
    document.getElementById('tip').classList.remove('shown');
  });
  on('plot-frame', 'pointerdown', (event) => {
    if (event.button !== 0) return;
    pointer.dragFrom = event.clientX - document.getElementById('plot').getBoundingClientRect().left;
    pointer.moved = false;
  });
  window.addEventListener('pointerup', onUp);
  on('plot-frame', 'dblclick', () => redraw(whole));
  on('plot-frame', 'wheel', (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    redraw(() => zoomBy(event.deltaY > 0 ? 1.25 : 0.8, under(event).at));
  });
  const keys = {ArrowRight: () => step(1), ArrowLeft: () => step(-1), '+': () => redraw(() => zoomBy(0.5, middle())),
    '-': () => redraw(() => zoomBy(2, middle())), 0: () => redraw(whole)};
  on('plot-frame', 'keydown', (event) => {
    const act = keys[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  window.addEventListener('keydown', (event) => {
    if (event.key === 'Escape') choose(null);
  });
  window.addEventListener('resize', draw);
  on('find', 'input', () => drawRows(true));
  on('in-view', 'change', () => drawRows(true));
  on('more', 'click', () => {
    table.shown += table.atOnce;
    drawRows();
  });
}

// ---- the table of events

const table = {atOnce: 200, shown: 200, kinds: new Set()};

function drawKinds() {
  const counts = new Map();
  for (const event of events) counts.set(event.kind, (counts.get(event.kind) || 0) + 1);
  for (const [kind, count] of counts) {
    table.kinds.add(kind);
    const box = element('input', {type: 'checkbox', checked: ''});
    box.addEventListener('change', () => {
      if (box.checked) table.kinds.add(kind);
      else table.kinds.delete(kind);
      drawRows(true);
    });
    document.getElementById('kinds').append(element('label', {}, box, ` ${kind} ${number(count)}`));
  }
}

function drawRows(anew) {
  if (anew) table.shown = table.atOnce;
  const wanted = document.getElementById('find').value.trim().toLowerCase();
  const inView = document.getElementById('in-view').checked;
  const found = run.inOrder.filter((event) => table.kinds.has(event.kind) &&
    (!inView || (event.at <= view.to && event.last >= view.from)) &&
    (wanted === '' || `${where(event)} ${event.kind} ${event.what}`.toLowerCase().includes(wanted)));
  const body = document.getElementById('rows');
  body.replaceChildren(...found.slice(0, table.shown).map((event) => element('tr',
    {class: event.id === chosen ? 'chosen' : '', onclick: () => choose(event.id, true)},
    element('td', {class: 'at'}, time(event.at)), element('td', {}, kindTag(event)),
    element('td', {}, isolated(where(event))),
    element('td', {}, element('button', {type: 'button', 'data-event': event.id}, isolated(event.what))),
    element('td', {class: 'times'}, event.count > 1 ? number(event.count) : ''))));
  document.getElementById('shown').textContent = `${number(Math.min(found.length, table.shown))} of ${number(found.length)}`;
  document.getElementById('more').hidden = found.length <= table.shown;
}

function fillGroups() {
  const select = document.getElementById('group');
  const names = Object.keys(data.outcomes.rows);
  select.append(element('option', {value: ''}, allGroups));
  for (const name of names) select.append(element('option', {value: name}, name));
  document.getElementById('group-label').hidden = names.length < 2;
}

drawHeader();
fillGroups();
drawKinds();
drawDetails();
draw();
drawLegends();
drawRows();
listen();
