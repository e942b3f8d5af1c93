// Keeps the page up to date: asks every EVERY_MS, ever more rarely while nobody answers, never while it is hidden.

const EVERY_MS = 2000;
const LONGEST_PAUSE_MS = 30000;
const ANSWER_WITHIN_MS = 5000;

let status = null,
  receivedAt = 0,
  failures = 0,
  nextTryAt = 0,
  timer = 0,
  asking = false;

function liveness() {
  const age = status ? performance.now() - receivedAt : 0;
  const retry = span(nextTryAt - performance.now());
  if (failures > 0) {
    return {
      age,
      style: 'bad',
      words: `unreachable, next try in ${retry}`,
      lost:
        failures > 1 || !status ? `Asked ${failures} times; next try ${asking ? 'under way' : 'in ' + retry}.` : null,
    };
  }
  if (document.hidden) return {age, style: 'warning', words: 'paused while hidden'};
  return {age, style: 'good', words: status ? `live, updated ${clock(status.now_unix_ms)}` : 'loading'};
}

function draw() {
  const live = liveness(),
    now = status ? status.now_unix_ms + live.age : 0;
  const fresh = node(
    'main',
    {id: 'page', class: (live.lost ? 'stale ' : '') + (status && !status.traffic ? 'sentinel' : '')},
    top(status, live),
    verdict(status, now, live),
    status && [
      status.traffic && [tiles(status.traffic), charts(status.traffic.history)],
      backends(status, now),
      node(
        'section',
        {class: 'more'},
        status.traffic && causes(status.traffic),
        status.limiter && limiter(status.limiter),
        registry(status.registry, now)
      ),
      notices(status.notices),
      footer(status),
    ]
  );
  become(document.getElementById('page'), fresh);
  const [style, headline] = live.lost
    ? ['bad', 'no answer']
    : status
      ? (VERDICTS[status.state] ?? ['info', ''])
      : ['info', 'loading'];
  const mark = {good: '●', info: '○'}[style] ?? '▲';
  document.title = `${mark} ${headline} · ${plain(status?.program ?? 'GopherProxy')}`;
  const colour = {good: '1a7f37', warning: 'd29922', bad: 'c4212d', info: '0a62c4'}[style];
  const icon =
    'data:image/svg+xml,' +
    encodeURIComponent(
      `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8"><circle cx="4" cy="4" r="4" fill="#${colour}"/></svg>`
    );
  const link = document.getElementById('icon');
  if (link.getAttribute('href') !== icon) link.setAttribute('href', icon);
}

async function ask() {
  if (asking) return;
  asking = true;
  clearTimeout(timer);
  const abort = new AbortController(),
    late = setTimeout(() => abort.abort(), ANSWER_WITHIN_MS);
  try {
    const answer = await fetch('status', {signal: abort.signal, cache: 'no-store', credentials: 'omit'});
    if (!answer.ok) throw new Error(String(answer.status));
    status = await answer.json();
    receivedAt = performance.now();
    failures = 0;
  } catch {
    ++failures;
  }
  clearTimeout(late);
  asking = false;
  const pause = failures === 0 ? EVERY_MS : Math.min(LONGEST_PAUSE_MS, EVERY_MS * 2 ** (failures - 1));
  nextTryAt = performance.now() + pause;
  if (!document.hidden) timer = setTimeout(ask, pause);
  draw();
}

document.addEventListener('visibilitychange', () => {
  clearTimeout(timer);
  if (!document.hidden) ask();
  draw();
});
setInterval(() => {
  if (!document.hidden) draw();
}, 1000);
draw();
ask();
