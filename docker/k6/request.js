// What every shape sends, and what it counts. A 429 is the limiter at work and no error, nor are its quick answers the
// latency that counts: each user of these shapes comes from one machine unless k6 is told of more addresses
// (--local-ips=127.0.0.2-127.0.3.255). k6's own http_req_failed counts them; `failed` does not.
import http from 'k6/http';
import { check, sleep } from 'k6';
import { Counter, Rate } from 'k6/metrics';

const target = __ENV.TARGET || 'http://127.0.0.1:8080/';
const rateLimited = new Counter('rate_limited');
const failed = new Rate('failed');

http.setResponseCallback(http.expectedStatuses(200));

export const thresholds = {
  failed: ['rate<0.01'],
  'http_req_duration{expected_response:true}': ['p(95)<35', 'p(99)<50'],
};

// One iteration of one user: a request, then a pause as a person makes. THINK_SECONDS=0 asks as fast as it can.
export function visit() {
  const response = http.get(target);
  const limited = response.status === 429;
  if (limited) rateLimited.add(1);
  failed.add(response.status !== 200 && !limited);
  check(response, {
    'answered by a backend, or limited': () => response.status === 200 || limited,
    'from a demo backend': () => limited || String(response.body).includes('Response from SERVER'),
  });
  sleep(Number(__ENV.THINK_SECONDS || '0.1'));
}
