// 200 users for 5 minutes: does anything grow, leak or slow down?   k6 run docker/k6/sustained.js
import { thresholds, visit } from './request.js';

export const options = { vus: 200, duration: '5m', thresholds };

export default visit;
