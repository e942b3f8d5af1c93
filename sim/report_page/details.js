// The chosen event: its causes back to the fault, what it led to, and both drawn over the plot.
let chosen = null;

function choose(id, reveal) {
  chosen = id;
  if (id !== null && reveal) revealTime(events[id].at);
  drawDetails();
  draw();
  drawRows();
}
function revealTime(at) {
  if (at >= view.from && at <= view.to) return;
  const half = (view.to - view.from) / 2;
  zoomTo(at - half, at + half);
}

function kindTag(event) {
  return element('span', {class: 'kind ' + event.kind.replace(' ', '-')}, event.kind);
}

function link(id) {
  const event = events[id];
  return element('button', {type: 'button', 'data-event': id, onclick: () => choose(id, true)},
    element('span', {class: 'when'}, time(event.at)), kindTag(event), ' ', isolated(sentence(event)));
}

// The causes as a tree; what stands in it already is not opened a second time.
function causeTree(id, seen, left) {
  const list = element('ul', {class: 'chain'});
  for (const cause of events[id].causes) {
    if (left.nodes-- <= 0) {
      list.append(element('li', {class: 'again'}, '… more'));
      break;
    }
    const item = element('li', {}, link(cause));
    if (events[cause].causes.length > 0) {
      if (seen.has(cause)) {
        item.append(element('div', {class: 'again'}, 'its causes stand above'));
      } else {
        seen.add(cause);
        item.append(causeTree(cause, seen, left));
      }
    }
    list.append(item);
  }
  return list;
}

function drawDetails() {
  const pane = document.getElementById('details');
  pane.replaceChildren();
  if (chosen === null) {
    pane.append(element('h2', {}, 'What led to what'), element('p', {class: 'meta'},
      'Click a change of state, a dot, a fault, a failure or a bar of the charts: its causes appear here, back to the ' +
      'fault that began it, and as arrows in the picture.'));
    return;
  }
  const event = events[chosen];
  const close = element('button', {type: 'button', id: 'close', title: 'Close (Esc)', onclick: () => choose(null)}, '×');
  close.style.float = 'right';
  pane.append(close, kindTag(event), element('h2', {}, isolated(event.what)));
  const facts = [where(event), span(event), event.count > 1 ? number(event.count) + ' times' : ''];
  for (const fact of facts)
    if (fact) pane.append(element('p', {class: 'meta'}, isolated(fact)));
  pane.append(element('h3', {}, 'Because of'));
  if (event.causes.length > 0) {
    pane.append(causeTree(chosen, new Set([chosen]), {nodes: 80}));
  } else {
    pane.append(element('p', {class: 'meta'}, event.kind === 'fault' ? 'The scenario says so.' :
      event.at < 2 ? 'The start of the run.' :
      event.kind === 'process' && event.at >= run.duration ? 'The end of the run.' : 'Nothing in the record explains it.'));
  }
  if (event.effects.length === 0) return;
  const most = 12;
  const effects = element('ul', {class: 'chain'});
  for (const effect of event.effects.slice(0, most)) effects.append(element('li', {}, link(effect)));
  pane.append(element('h3', {}, 'Led to'), effects);
  if (event.effects.length > most) pane.append(element('p', {class: 'meta'}, `and ${event.effects.length - most} more`));
}

function drawChain(svg, rows) {
  if (chosen === null) return;
  const place = (id) => {
    const event = events[id];
    const row = rowOf(event, rows);
    return row && {left: clampX(x(event.at)), y: row.y + row.height / 2, inView: event.at >= view.from && event.at <= view.to};
  };
  const ancestors = ancestorsOf(chosen);
  const pairs = [];
  for (const id of [chosen, ...ancestors])
    for (const cause of events[id].causes) pairs.push([cause, id, 'link']);
  for (const effect of events[chosen].effects.slice(0, 40)) pairs.push([chosen, effect, 'link effect']);
  for (const [cause, effect, look] of pairs.slice(0, 300)) {
    const [a, b] = [place(cause), place(effect)];
    if (!a || !b || (!a.inView && !b.inView)) continue;
    // Down and up rather than along, when little time lies between them.
    const upright = Math.abs(b.left - a.left) < Math.abs(b.y - a.y);
    const [dx, dy] = upright ? [0, (b.y - a.y) / 2] : [Math.max(12, (b.left - a.left) / 2), 0];
    const d = `M${a.left},${a.y}C${a.left + dx},${a.y + dy} ${b.left - dx},${b.y - dy} ${b.left},${b.y}`;
    shape(svg, 'path', {class: 'halo', d});
    shape(svg, 'path', {class: look, d, 'marker-end': 'url(#arrow)'});
  }
  for (const id of [...ancestors, ...events[chosen].effects.slice(0, 40), chosen]) {
    const at = place(id);
    if (at && at.inView)
      shape(svg, 'circle', {class: id === chosen ? 'ring chosen' : 'ring', cx: at.left, cy: at.y, r: id === chosen ? 6 : 4.5});
  }
}
