// 10 users for 30 seconds: does it work at all?   k6 run docker/k6/smoke.js
import { thresholds, visit } from './request.js';

export const options = { vus: 10, duration: '30s', thresholds };

export default visit;
