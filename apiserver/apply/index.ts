/** The one way in: server-side apply and the ownership of fields. Pure; nothing here knows HTTP. */
export { type ApplyOptions, type ApplyResult, applyObject } from './apply-object.ts';
export { type FieldSet, setOf } from './field-set.ts';
export { fieldElement } from './path-element.ts';
export {
  type ConvertObject,
  type TrackOptions,
  trackUpdate,
  type UpdateOptions,
} from './track-update.ts';
