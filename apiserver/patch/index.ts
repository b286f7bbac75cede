/**
 * The three patches that are computed from the object alone. Server-side apply has a room of its
 * own.
 */
export { applyJsonPatch } from './json-patch.ts';
export { applyMergePatch } from './merge-patch.ts';
export { applyStrategicPatch } from './strategic.ts';
