/** The room's one way in: every kind that comes with Berth, as data. */
export {
  berthCrds,
  builtinKinds,
  ignoredFields,
  listMetaSchema,
  objectMetaSchema,
  virtualKinds,
} from './kinds.gen.ts';
