// 0 → 100 → 300 → 500 users, held for 3 minutes: the load that the system is meant for.   k6 run docker/k6/load.js
import { thresholds, visit } from './request.js';

export const options = {
  stages: [
    { duration: '30s', target: 100 },
    { duration: '30s', target: 300 },
    { duration: '30s', target: 500 },
    { duration: '3m', target: 500 },
    { duration: '15s', target: 0 },
  ],
  thresholds,
};

export default visit;
