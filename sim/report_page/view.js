// What part of the run is shown and where it stands on the screen, and the making of elements. Texts from the run only
// ever become text nodes and values: nothing is parsed as HTML.
const gutter = 190;  // of labels, left of the plot
const margin = 16;   // right of it

const view = {from: 0, to: run.end, width: 800};

function x(seconds) {
  return gutter + (seconds - view.from) / (view.to - view.from) * (view.width - gutter - margin);
}
function secondsAt(px) {
  return view.from + (px - gutter) / (view.width - gutter - margin) * (view.to - view.from);
}
function clampX(px) {
  return Math.min(Math.max(px, gutter), view.width - margin);
}

function zoomTo(from, to) {
  const least = Math.min(0.05, run.end);
  const span = Math.min(Math.max(to - from, least), run.end);
  const begin = Math.min(Math.max(0, from), run.end - span);
  view.from = begin;
  view.to = begin + span;
}
function zoomBy(factor, around) {
  zoomTo(around - (around - view.from) * factor, around + (view.to - around) * factor);
}

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'class') made.className = value;
    else if (key === 'onclick') made.addEventListener('click', value);
    else made.setAttribute(key, value);
  }
  made.append(...children);
  return made;
}
// A text of the run, by itself as to the direction of writing.
function isolated(text) {
  return element('bdi', {}, text);
}

function shape(parent, name, attributes, text) {
  const made = document.createElementNS('http://www.w3.org/2000/svg', name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== undefined) made.textContent = text;
  parent.append(made);
  return made;
}

function shortened(text, most) {
  return text.length > most ? text.slice(0, most - 1) + '…' : text;
}

// Steps of the time axis: at most one in 90 pixels.
function ticks() {
  const steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 1200, 3600, 7200, 21600, 86400];
  const least = (view.to - view.from) / Math.max(1, (view.width - gutter - margin) / 90);
  const step = steps.find((each) => each >= least) || steps[steps.length - 1];
  const all = [];
  for (let i = Math.ceil(view.from / step - 1e-9); i * step <= view.to + 1e-9; ++i) all.push(i * step);
  return {step, all};
}
function tickWord(at, step) {
  if (step < 60 || at === 0) return Number(at.toFixed(2)) + ' s';
  return Number((at / 60).toFixed(2)) + ' min';
}

function drawAxis() {
  const axis = document.getElementById('axis');
  axis.replaceChildren();
  const {step, all} = ticks();
  for (const at of all) {
    shape(axis, 'line', {class: 'rule', x1: x(at), x2: x(at), y1: 18, y2: 24});
    const near = x(at) > view.width - margin - 20;
    shape(axis, 'text', {x: near ? view.width - 4 : x(at), y: 14, 'text-anchor': near ? 'end' : 'middle'},
      tickWord(at, step));
  }
}
