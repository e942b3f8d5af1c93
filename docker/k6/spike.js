// 10 → 500 users within 5 seconds, and back: does a crowd that comes at once break anything?   k6 run docker/k6/spike.js
import { thresholds, visit } from './request.js';

export const options = {
  stages: [
    { duration: '10s', target: 10 },
    { duration: '5s', target: 500 },
    { duration: '30s', target: 500 },
    { duration: '5s', target: 10 },
    { duration: '10s', target: 10 },
  ],
  thresholds,
};

export default visit;
