// Counts over time as stacked steps. What went wrong stands at the bottom and is never less than two pixels high, so that
// one failure among thousands is seen.
const allGroups = 'all groups';

function summed(rows) {
  const sum = [];
  for (const buckets of rows)
    buckets.forEach((bucket, i) => {
      if (!sum[i]) sum[i] = bucket.map(() => 0);
      bucket.forEach((count, column) => sum[i][column] += count);
    });
  return sum;
}

function outcomeBuckets() {
  const chosen = document.getElementById('group').value;
  const rows = data.outcomes.rows;
  return Object.hasOwn(rows, chosen) ? rows[chosen] : summed(Object.values(rows));
}

function chartRows() {
  const rows = [{kind: 'head', height: 24, title: 'Requests, as clients saw them end', draw: drawHead}];
  rows.push(chart('outcomes', 96, 'requests', outcomeBuckets(), data.outcomes.width, [8, 7, 6, 5, 4, 3, 2, 1, 0], outcomes));
  const limited = Object.keys(data.limiter.rows).filter((proxy) => !data.limiterOff.includes(proxy));
  rows.push({kind: 'head', height: 24, draw: drawHead,
    title: limited.length > 0 ? 'Verdicts of the limiter' : 'The limiter is off at every proxy'});
  for (const proxy of limited)
    rows.push(chart('limiter', 48, proxy, data.limiter.rows[proxy], data.limiter.width, [1, 0], ['admitted', 'limited']));
  return rows;
}

function chart(kind, height, title, buckets, width, order, words) {
  const peak = Math.max(1, ...buckets.map((bucket) => bucket ? bucket.reduce((sum, count) => sum + count, 0) : 0));
  return {kind, height: height + 8, title, buckets, width, order, words, peak, draw: drawChart, hit: hitChart};
}

function drawChart(svg, row) {
  const floor = row.y + row.height - 4;
  const most = row.height - 14;
  shape(svg, 'line', {class: 'tick', x1: gutter, x2: view.width - margin, y1: floor - most, y2: floor - most});
  shape(svg, 'line', {class: 'rule', x1: gutter, x2: view.width - margin, y1: floor + 0.5, y2: floor + 0.5});
  shape(svg, 'text', {class: 'soft', x: gutter - 8, y: floor - most + 4, 'text-anchor': 'end'},
    rate(row.peak / row.width));
  const paths = row.order.map(() => '');
  row.buckets.forEach((bucket, i) => {
    const from = i * row.width;
    if (!bucket || from > view.to || from + row.width < view.from) return;
    const left = clampX(x(from));
    const width = Math.max(clampX(x(from + row.width)) - left, 0.5);
    let top = floor;
    row.order.forEach((column, place) => {
      if (bucket[column] === 0) return;
      const height = Math.max(bucket[column] / row.peak * most, column === 0 ? 0 : 2);
      top -= height;
      paths[place] += `M${left.toFixed(1)},${top.toFixed(1)}h${width.toFixed(1)}v${height.toFixed(1)}h-${width.toFixed(1)}z`;
    });
  });
  row.order.forEach((column, place) => {
    const look = row.kind === 'limiter' ? ['o0', 'o1'][column] : 'o' + column;
    if (paths[place]) shape(svg, 'path', {class: look, d: paths[place]});
  });
}

function rate(perSecond) {
  return perSecond.toLocaleString('en', {maximumFractionDigits: perSecond < 10 ? 1 : 0}) + '/s';
}

function hitChart(row, at) {
  const i = Math.floor(at / row.width);
  const bucket = row.buckets[i];
  const entries = bucket ? row.order.slice().reverse().filter((column) => bucket[column] > 0)
    .map((column) => [row.words[column], number(bucket[column])]) : [];
  const [from, to] = [i * row.width, (i + 1) * row.width];
  const kinds = row.kind === 'outcomes' ? ['client'] : ['request'];
  const here = events.filter((event) => kinds.includes(event.kind) && event.at < to && event.last >= from &&
    (row.kind === 'outcomes' || event.process === row.title));
  const largest = here.reduce((best, event) => !best || event.count > best.count ? event : best, null);
  return {title: row.kind === 'outcomes' ? 'Requests that ended' : 'Verdicts of ' + row.title, entries,
    event: largest ? largest.id : null, lines: [`${time(from)} – ${time(to)}`, largest ? sentence(largest) : '']};
}

function drawLegends() {
  const states = document.getElementById('state-legend');
  for (const state of ['up', 'down', 'unknown', 'ejected', 'frozen', 'out', 'off'])
    states.append(legendEntry(state, stateWords[state], barHeight[state]));
  const totals = summed([summed(Object.values(data.outcomes.rows))]);
  const legend = document.getElementById('outcome-legend');
  outcomes.forEach((word, column) => {
    const count = totals.reduce((sum, bucket) => sum + (bucket ? bucket[column] : 0), 0);
    if (count > 0) legend.append(legendEntry('o' + column, `${word} ${number(count)}`, 12));
  });
}
function legendEntry(look, word, height) {
  const entry = element('li');
  const swatch = shape(entry, 'svg', {class: 'swatch', viewBox: '0 0 12 12', 'aria-hidden': 'true'});
  shape(swatch, 'rect', {class: look, x: 0, y: 6 - height / 2, width: 12, height});
  if (look === 'down' || look === 'ejected' || look === 'frozen')
    shape(swatch, 'rect', {fill: `url(#hatch-${look})`, x: 0, y: 6 - height / 2, width: 12, height});
  entry.append(word);
  return entry;
}
